//! The host: a machine with five emulated SR-IOV cards and one-sriov.
//!
//! | PCI | what it is | pool |
//! |---|---|---|
//! | `0000:01:00.0` | Ethernet, 6 VFs | `enp1s0` |
//! | `0000:02:00.0` | the rest of the world on the same wire | |
//! | `0000:03:00.0` | InfiniBand, 4 VFs | `ib0` |
//! | `0000:04:00.0` | Ethernet on the same wire, for a second host | |
//! | `0000:05:00.0` | InfiniBand, for a second host | |

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use crate::evidence;
use crate::images::Images;
use crate::machine::{Machine, overlay};
use crate::report::{Failure, say};
use crate::shell::Shell;
use crate::ssh::{HOST, Ssh, bounded};

/// The directory of the guests' shell sockets on the host.
const SOCKETS: &str = "/run/lab";

/// The packages to install; the host is its own front-end.
#[derive(Debug)]
pub(crate) struct Packages {
    pub(crate) agent: PathBuf,
    pub(crate) node: PathBuf,
    pub(crate) frontend: PathBuf,
}

/// A running host.
pub(crate) struct Host {
    machine: Machine,
    arguments: Vec<String>,
    /// The directory of its files here.
    pub(crate) directory: PathBuf,
    /// The ssh connections as root and as oneadmin.
    pub(crate) ssh: Ssh,
}

impl Host {
    /// Boots a host on which OpenNebula's own packages are installed, but one-sriov isn't.
    pub(crate) fn boot(images: &Images, directory: &Path) -> Result<Self, Failure> {
        let disk = directory.join("host.qcow2");
        overlay(images, &images.host.path.join("host.ext4"), "raw", &disk)?;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = port
            .map_err(|error| Failure::new(format!("no port is free: {error}")))?
            .port();
        let ssh = Ssh::new(directory, port, &images.host.path.join("key"))?;
        let arguments = arguments(&disk, &images.guest("networkd"), port);
        let machine = Self::start(images, directory, &arguments)?;
        Ok(Self {
            machine,
            arguments,
            directory: directory.to_owned(),
            ssh,
        })
    }

    fn start(images: &Images, directory: &Path, arguments: &[String]) -> Result<Machine, Failure> {
        let words = "intel_iommu=on iommu=pt";
        let machine = Machine::boot("host", images, directory, words, arguments)?;
        // With several units, is-active succeeds if any of them is active.
        let booted = machine.shell()?.get(
            "systemctl is-system-running --wait; systemctl is-active lab-cards && systemctl is-active ssh",
            400,
        );
        match booted {
            Ok(_) => Ok(machine),
            Err(failure) => Err(Failure::new(format!("{failure}\n{}", machine.last_words()))),
        }
    }

    /// Cuts the host's power and boots it again.
    pub(crate) fn crash(&mut self, images: &Images) -> Result<(), Failure> {
        self.machine.kill();
        self.ssh.forget();
        self.machine = Self::start(images, &self.directory, &self.arguments)?;
        Ok(())
    }

    /// Installs one-sriov and copies the front-end's files to the host, as `onehost sync` does.
    pub(crate) fn install(
        &self,
        packages: &Packages,
        images: &Images,
        stock: &Path,
    ) -> Result<(), Failure> {
        for (file, name) in [(&packages.frontend, "frontend"), (&packages.node, "node")] {
            self.ssh.put(file, &format!("/root/{name}.deb"))?;
        }
        for (file, name) in [
            ("boot", "vmlinux"),
            ("tiny", "initrd-tiny"),
            ("boot", "initrd"),
        ] {
            let image = if file == "boot" {
                &images.boot
            } else {
                &images.tiny
            };
            let source = image.path.join(name.trim_end_matches("-tiny"));
            self.ssh
                .put(&source, &format!("/var/lib/one/boot/{name}"))?;
        }
        let mut rsync = bounded("rsync");
        rsync
            .args(["-rlp", "--exclude=/vmm/kvm-sriov", "-e"])
            .arg(format!("ssh -F {}", self.ssh.config.display()))
            .arg(format!("{}/", stock.display()))
            .arg(format!("{HOST}:/var/lib/one/remotes/"));
        let status = rsync
            .status()
            .map_err(|error| Failure::new(format!("failed to run rsync: {error}")))?;
        if !status.success() {
            return Err(Failure::new(
                "failed to bring the stock driver to the front-end",
            ));
        }
        // sync, because a check may cut the power later.
        self.ssh
            .get("dpkg --force-unsafe-io --install /root/frontend.deb /root/node.deb && sync")?;
        self.sync()
    }

    /// Does what `onehost sync` does.
    pub(crate) fn sync(&self) -> Result<(), Failure> {
        self.ssh
            .get("su oneadmin -c 'rsync -Laz --delete /var/lib/one/remotes/ /var/tmp/one/'")
            .map(drop)
    }

    /// Connects to the shell of a guest.
    pub(crate) fn guest_shell(&self, vm: u32) -> Result<Shell, Failure> {
        let socket = socket(vm);
        Shell::through(
            &format!("VM {vm}"),
            self.ssh
                .command(&format!("exec socat - UNIX-CONNECT:{socket}")),
        )
    }

    /// Writes evidence of the host's state into a directory.
    pub(crate) fn evidence(&self, directory: &Path) {
        let _ = fs::write(directory.join("processors"), self.machine.processors());
        let asked = [
            (
                evidence::POOL,
                "one-sriov pool; one-sriov leases; ls -lR /run/one-sriov; cat /run/one-sriov/*/* 2>/dev/null",
            ),
            ("doctor", "one-sriov doctor"),
            (
                "domains.xml",
                "for vm in $(virsh list --name); do virsh dumpxml $vm; done",
            ),
            ("journal", "journalctl -b --no-pager"),
            ("dmesg", "dmesg"),
            // Twice: the difference shows what a stuck guest is busy with.
            (
                "kvm",
                "for time in 1 2; do grep -r . /sys/kernel/debug/kvm/; sleep 5; done",
            ),
            // QEMU's view of a guest that doesn't answer: its processor, its interrupts, its shell's port.
            (
                "monitors",
                "for vm in $(virsh list --name); do for what in status registers lapic pic chardev qtree; do \
                 echo \"$vm: $what\"; virsh qemu-monitor-command $vm --hmp info $what; done; done",
            ),
            ("links", "ip -d link; cat /sys/class/net/*/vf_guids"),
            ("guests", "tail -n 200 /var/lib/one/datastores/0/*/console"),
            ("qemu", "tail -n 30 /var/log/libvirt/qemu/*.log"),
        ];
        for (name, command) in asked {
            let text = self
                .ssh
                .get(&format!("{{ {command}; }} 2>&1; true"))
                .unwrap_or_else(|error| error.to_string());
            let _ = fs::write(directory.join(name), text);
        }
        self.machine.keep_evidence(directory);
        say(&format!(
            "what there is to see of it: {}",
            directory.display()
        ));
    }

    /// Writes evidence of the running guests whose shells are not in use.
    pub(crate) fn evidence_of_guests(&self, directory: &Path) {
        for name in self
            .ssh
            .get("virsh list --name")
            .unwrap_or_default()
            .lines()
        {
            let vm = name
                .strip_prefix("one-")
                .and_then(|number| number.parse().ok());
            if let Some(vm) = vm {
                self.evidence_of_guest(vm, directory);
            }
        }
    }

    /// Writes evidence of a guest.
    pub(crate) fn evidence_of_guest(&self, vm: u32, directory: &Path) {
        if let Ok(mut shell) = self.guest_shell(vm) {
            shell.keep_evidence(&directory.join(format!("one-{vm}.guest")));
        }
    }
}

/// The socket of a guest's shell on the host.
pub(crate) fn socket(vm: u32) -> String {
    format!("{SOCKETS}/one-{vm}.sock")
}

fn arguments(disk: &Path, guest: &Path, port: u16) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "-machine",
        "q35,kernel-irqchip=split",
        // A second processor would make a run a fifth shorter, but a host with two once hung, and the cause wasn't found.
        "-smp",
        "1",
        // With more than 2 GiB, QEMU maps the VFs of igb at the wrong addresses.
        "-m",
        "2048",
        "-device",
        "intel-iommu,intremap=on,caching-mode=on,device-iotlb=on",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut add = |option: &str, value: String| arguments.extend([option.to_owned(), value]);
    add(
        "-drive",
        format!(
            "file={},format=qcow2,if=none,id=d0,cache=writeback",
            disk.display()
        ),
    );
    add(
        "-device",
        "virtio-blk-pci,drive=d0,werror=report,rerror=report".into(),
    );
    add(
        "-drive",
        format!(
            "file={},format=raw,if=none,id=d1,readonly=on",
            guest.display()
        ),
    );
    add("-device", "virtio-blk-pci,drive=d1".into());
    add(
        "-netdev",
        format!("user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"),
    );
    add("-device", "virtio-net-pci,netdev=n0,romfile=".into());
    for (number, hub) in [(1, 1), (2, 1), (3, 3), (4, 1), (5, 3)] {
        add(
            "-device",
            format!("pcie-root-port,id=rp{number},chassis={number},slot={number}"),
        );
        add("-netdev", format!("hubport,id=h{number},hubid={hub}"));
        let mac = format!("52:54:00:11:00:{number:02}");
        add(
            "-device",
            format!("igb,bus=rp{number},netdev=h{number},mac={mac},romfile="),
        );
    }
    arguments
}
