//! A guest in QEMU with the package, which prints a report of its boot.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use one_sriov_tests::{CLOUD_KERNEL, install_kernel};
use tempfile::TempDir;

use crate::system::System;
use crate::{NEW, said};

const REPORT: &str = include_str!("report");
/// Units that the report comes after. Because they are named in it, systemd keeps their timestamps.
const AFTER: &str = "one-sriov-plain.service one-sriov-cd.service";
const PLAIN: &str = "[Service]\nType=oneshot\nExecStart=/bin/true\n";
/// Reads the descriptors, directories and file of a small volume.
const CD: &str = "[Service]\nType=oneshot\nExecStart=/bin/dd if=/dev/sr0 of=/dev/null bs=2048 skip=16 count=16 status=none\n";
/// The kernel modules for the NIC and the drive.
const MODULES: &str = "virtio_net virtio_pci ata_piix ata_generic sr_mod isofs";

/// A guest: a kernel with its modules, and a system with the package, all in memory.
pub(crate) struct Guest {
    directory: TempDir,
    kernel: PathBuf,
}

impl Guest {
    /// A guest that measures the units.
    pub(crate) fn new() -> Self {
        let system = System::new();
        let _ = system.install_debian(NEW);
        install_units(&system);
        Self::of(&system, REPORT, AFTER)
    }

    /// A guest that runs a script at the end of its boot, after these units.
    pub(crate) fn of(system: &System, report: &str, after: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let kernel = install_kernel(directory.path(), system.root(), CLOUD_KERNEL, MODULES);
        install_report(system, report, after);
        // As at the first boot of an image.
        system.write("/etc/machine-id", "");
        if !system.has("/init") {
            let _ = system.run(&["ln", "-s", "/lib/systemd/systemd", "/init"]);
        }
        let pack = "find . -xdev \\( -path ./var/cache -o -path ./var/lib/apt -o -path ./var/lib/dpkg -o -path ./tmp \
                    -o -path ./usr/share/doc -o -path ./usr/share/man -o -path ./usr/share/locale \\) -prune -o -print \
                    | cpio -o -H newc --quiet > \"$0\"; mkdir -p tmp";
        let mut sh = Command::new("sh");
        sh.args(["-euc", pack])
            .arg(directory.path().join("initrd"))
            .current_dir(system.root());
        let _ = said(&mut sh);
        Self { directory, kernel }
    }

    /// Boots the guest, with or without a CD, and returns its report.
    pub(crate) fn boot(&self, cd: Option<&Path>) -> Report {
        let mut qemu = Command::new("timeout");
        qemu.args(["400", "qemu-system-x86_64", "-m", "1536", "-smp", "2"])
            .args(["-nographic", "-no-reboot", "-kernel"])
            .arg(&self.kernel)
            .arg("-initrd")
            .arg(self.directory.path().join("initrd"))
            .args([
                "-append",
                "console=ttyS0 quiet systemd.show_status=0 rdinit=/init",
            ])
            .args(["-netdev", "user,id=n0,restrict=on"])
            .args(["-device", "virtio-net-pci,netdev=n0,mac=02:00:0a:00:00:05"])
            .stdin(Stdio::null());
        if let Some(cd) = cd {
            qemu.arg("-cdrom").arg(cd);
        } else {
            qemu.arg("-nodefaults").args(["-serial", "stdio"]);
        }
        Report::read(&said(&mut qemu))
    }
}

/// Installs the measured unit, and the units to compare it with.
fn install_units(system: &System) {
    let ours = system.read("/usr/lib/systemd/system/one-sriov-agent.service");
    let running = |command: &str| -> String {
        let line = |line: &str| match line.strip_prefix("ExecStart=") {
            Some(_) => format!("ExecStart={command}\n"),
            None => format!("{line}\n"),
        };
        ours.lines().map(line).collect()
    };
    let units = [
        ("one-sriov-plain", PLAIN.to_owned()),
        ("one-sriov-cd", CD.to_owned()),
        ("one-sriov-confined", running("/bin/true")),
        (
            "one-sriov-settle",
            running("/usr/bin/udevadm settle --timeout=10"),
        ),
    ];
    for (name, text) in units {
        system.write(&format!("/etc/systemd/system/{name}.service"), &text);
    }
    let _ = system.run(&[
        "systemctl",
        "enable",
        "systemd-networkd",
        "one-sriov-confined",
        "one-sriov-settle",
    ]);
}

/// Installs the script that prints the report.
fn install_report(system: &System, report: &str, after: &str) {
    let unit = format!(
        "[Unit]\nAfter=multi-user.target {after}\n[Service]\nType=oneshot\nExecStart=/report\n\
         [Install]\nWantedBy=multi-user.target\n"
    );
    system.write("/etc/systemd/system/report.service", &unit);
    system.write("/report", report);
    let _ = system.run(&["chmod", "755", "/report"]);
    let _ = system.run(&["systemctl", "enable", "report"]);
    // A login prompt would cut off the report.
    let _ = system.run(&["systemctl", "mask", "serial-getty@ttyS0.service"]);
}

pub(crate) struct Report {
    text: String,
    lines: BTreeMap<String, Vec<String>>,
}

impl Report {
    fn read(text: &str) -> Self {
        let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let of_text = text.lines().map(str::trim_end);
        for (word, rest) in of_text.filter_map(|line| line.split_once(' ')) {
            lines
                .entry(word.to_owned())
                .or_default()
                .push(rest.to_owned());
        }
        assert!(text.lines().any(|line| line.trim_end() == "end"), "{text}");
        Self {
            text: text.to_owned(),
            lines,
        }
    }

    /// The rest of each line that starts with this word.
    pub(crate) fn all(&self, word: &str) -> &[String] {
        self.lines.get(word).map(Vec::as_slice).unwrap_or_default()
    }

    /// The words that are followed by times.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        let is_number = |value: &String| value.parse::<u64>().is_ok();
        let words = self.lines.iter();
        words.filter_map(move |(word, values)| {
            (values.iter().all(is_number) && word != "finished" && word != "network")
                .then_some(word.as_str())
        })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The smallest of the times after a word, in microseconds. Larger ones include other work of the machine.
    pub(crate) fn least(&self, word: &str) -> u64 {
        let parse = |value: &String| -> u64 {
            let number = value.parse();
            number.unwrap_or_else(|error| panic!("{word}: {error}: {}", self.text))
        };
        let numbers = self.all(word).iter().map(parse);
        let least = numbers.min();
        least.unwrap_or_else(|| panic!("{word}: {}", self.text))
    }
}
