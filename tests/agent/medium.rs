//! The medium that contains the context.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use one_sriov_tests::{Machine, Outcome, Tool, agent_path, context, fixture, image, run, virtio};

use crate::scenario::address_of;

const MAC: &str = "02:00:0a:00:00:05";

/// A context that gives `eth0` this address.
fn giving(address: &str) -> String {
    format!("ETH0_MAC='{MAC}'\nETH0_IP='{address}'\n")
}

/// A machine with `eth0` and without a context.
fn machine() -> Machine {
    let mut machine = Machine::default();
    machine.plug(&virtio("eth0", MAC, 3));
    machine
}

/// Makes an image and inserts it into a drive of the machine.
fn insert(machine: &Machine, device: &str, tool: Tool, label: Option<&str>, text: &str) {
    let scratch = tempfile::tempdir().expect("a directory");
    machine.write(
        device,
        std::fs::read(image(scratch.path(), tool, label, text)).expect("an image"),
    );
}

fn address(machine: &Machine, arguments: &[&str]) -> Option<String> {
    let outcome = run(
        machine,
        &[&["apply", "--backend", "ifcfg-initscripts"], arguments].concat(),
    );
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    address_of(machine, "eth0")
}

#[test]
fn a_missing_medium_is_not_an_error() {
    let machine = machine();
    for command in ["apply", "plan"] {
        let outcome = run(&machine, &[command]);
        assert_eq!(
            (
                outcome.code,
                outcome.stdout.as_str(),
                outcome.stderr.as_str()
            ),
            (0, "no context medium: nothing to do\n", "")
        );
    }
    assert!(
        !machine.has("/etc") && !machine.has("/var"),
        "nothing is written"
    );
}

#[test]
fn a_labelled_cd_is_found_in_every_drive() {
    for device in [
        "/dev/sr0",
        "/dev/sr1",
        "/dev/vdb",
        "/dev/sda",
        "/dev/hdc",
        "/dev/xvdd",
    ] {
        for tool in [Tool::Genisoimage, Tool::Xorriso] {
            let machine = machine();
            insert(&machine, device, tool, Some("CONTEXT"), &giving("10.0.0.7"));
            assert_eq!(
                address(&machine, &[]).as_deref(),
                Some("10.0.0.7"),
                "{device} {tool:?}"
            );
        }
    }
}

/// Adds udev's symbolic link for the label.
fn label(machine: &Machine, device: &str) {
    machine.link("/dev/disk/by-label/CONTEXT", &format!("../../{device}"));
}

#[test]
fn drives_have_precedence_over_the_label_and_the_label_over_other_disks() {
    let machine = machine();
    let insert = |device, address| {
        let text = giving(address);
        insert(&machine, device, Tool::Genisoimage, Some("CONTEXT"), &text);
    };
    insert("/dev/vda", "10.0.0.1");
    assert_eq!(address(&machine, &[]).as_deref(), Some("10.0.0.1"));
    // A partition is read only if it has the label.
    insert("/dev/vdb1", "10.0.0.2");
    assert_eq!(address(&machine, &[]).as_deref(), Some("10.0.0.1"));
    label(&machine, "vdb1");
    assert_eq!(address(&machine, &[]).as_deref(), Some("10.0.0.2"));
    machine.write("/dev/sr0", "no ISO at all");
    insert("/dev/sr1", "10.0.0.3");
    assert_eq!(address(&machine, &[]).as_deref(), Some("10.0.0.3"));
}

#[test]
fn a_label_on_a_device_that_users_can_create_is_ignored() {
    for device in ["loop0", "nbd0", "dm-0", "zram0", "mapper/context"] {
        let machine = machine();
        let path = format!("/dev/{device}");
        let text = giving("10.6.6.6");
        insert(&machine, &path, Tool::Xorriso, Some("CONTEXT"), &text);
        label(&machine, device);
        let outcome = run(&machine, &["apply"]);
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (0, "no context medium: nothing to do\n"),
            "{device}"
        );
        let expected = format!("the volume 'CONTEXT' on '{path}' is not read");
        assert!(outcome.stderr.contains(&expected), "{}", outcome.stderr);
        // Such a label doesn't hide the real CD.
        let text = giving("10.0.0.7");
        insert(&machine, "/dev/sr0", Tool::Xorriso, Some("CONTEXT"), &text);
        let outcome = run(&machine, &["apply", "--backend", "ifcfg-initscripts"]);
        assert_eq!(outcome.code, 0);
        assert_eq!(address_of(&machine, "eth0").as_deref(), Some("10.0.0.7"));
    }
}

#[test]
fn a_cd_without_the_label_is_read_if_the_configuration_allows_it() {
    let machine = machine();
    let insert = |device, label, address| {
        insert(&machine, device, Tool::Genisoimage, label, &giving(address));
    };
    insert("/dev/sr0", None, "10.0.0.1");
    machine.write("/dev/sr1", "no ISO at all");
    machine.write("/dev/vda", vec![0; 100_000]);
    let outcome = run(&machine, &["apply"]);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (0, "no context medium: nothing to do\n")
    );
    let hint = "'/dev/sr0' has a 'context.sh', but not the label 'CONTEXT', so it is not read; for OpenNebula 4.0 set \
        'unlabelled_context = yes' in '/etc/one-sriov/agent.conf'\n";
    assert!(outcome.stderr.ends_with(hint), "{}", outcome.stderr);
    // OpenNebula 4.0 sets no label.
    machine.write("/etc/one-sriov/agent.conf", "unlabelled_context = yes\n");
    assert_eq!(address(&machine, &[]).as_deref(), Some("10.0.0.1"));
    machine.write("/context/context.sh", giving("10.0.0.2"));
    assert_eq!(address(&machine, &[]).as_deref(), Some("10.0.0.2"));
    insert("/dev/vdb", Some("CONTEXT"), "10.0.0.3");
    assert_eq!(address(&machine, &[]).as_deref(), Some("10.0.0.3"));
}

const SBIN: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Whether mkfs.vfat is installed, as it must be in CI.
fn has_mkfs_vfat() -> bool {
    let found = Command::new("mkfs.vfat")
        .env("PATH", SBIN)
        .arg("--help")
        .output();
    assert!(
        found.is_ok() || std::env::var_os("CI").is_none(),
        "CI has mkfs.vfat; 'make setup' installs it"
    );
    if found.is_err() {
        println!("passed over: there is no mkfs.vfat ('make setup')");
    }
    found.is_ok()
}

#[test]
fn a_file_system_with_the_label_that_is_not_iso_9660_is_named() {
    if !has_mkfs_vfat() {
        return;
    }
    let machine = machine();
    machine.write("/dev/.keep", "");
    let made = Command::new("mkfs.vfat")
        .env("PATH", SBIN)
        .args(["-n", "CONTEXT", "-C"])
        .arg(machine.path("/dev/vdb"))
        .arg("1024")
        .output()
        .expect("mkfs.vfat runs");
    assert!(made.status.success(), "{made:?}");
    label(&machine, "vdb");
    assert_refused(
        &machine,
        &[],
        "found a file system labelled 'CONTEXT' on '/dev/vdb', which is not ISO 9660",
    );
    // The real CD is still found.
    let text = giving("10.0.0.7");
    insert(&machine, "/dev/vdc", Tool::Xorriso, Some("CONTEXT"), &text);
    assert_eq!(address(&machine, &[]).as_deref(), Some("10.0.0.7"));
}

#[test]
fn a_fifo_or_a_device_is_refused_at_once() {
    let machine = machine();
    machine.write("/context/.keep", "");
    let fifo = machine.path("/context/context.sh");
    let made = Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("mkfifo runs").success());
    assert_refused(
        &machine,
        &[],
        "failed to read the context from '/context/context.sh': it is a FIFO, not a regular file",
    );
    // The same holds for a FIFO, or its directory, on the command line.
    let fifo = fifo.to_str().expect("UTF-8");
    let directory = fifo.trim_end_matches("/context.sh");
    for named in [fifo, directory] {
        let expected =
            format!("failed to read the context from '{fifo}': it is a FIFO, not a regular file");
        assert_refused(&machine, &["--context", named], &expected);
    }
    assert_refused(
        &machine,
        &["--context", "/dev/zero"],
        "failed to read the context from '/dev/zero': it is a device, not a regular file",
    );
}

#[test]
fn a_cd_with_another_label_is_not_a_context_medium() {
    let machine = machine();
    let scratch = tempfile::tempdir().expect("a directory");
    let other = scratch.path().join("other");
    std::fs::create_dir(&other).expect("a directory");
    std::fs::write(other.join("README"), "x").expect("a file");
    let iso = scratch.path().join("other.iso");
    let made = Command::new("genisoimage")
        .args(["-quiet", "-J", "-R", "-V", "DEBIAN", "-o"])
        .arg(&iso)
        .arg(&other)
        .status();
    assert!(made.expect("genisoimage runs").success());
    machine.write("/dev/sr0", std::fs::read(&iso).expect("an image"));
    assert_eq!(
        run(&machine, &["apply"]).stdout,
        "no context medium: nothing to do\n"
    );
}

#[test]
fn the_context_can_be_given_on_the_command_line() {
    let scratch = tempfile::tempdir().expect("a directory");
    let iso = image(
        scratch.path(),
        Tool::Xorriso,
        Some("CONTEXT"),
        &giving("10.0.0.4"),
    );
    let directory = scratch.path().join("files");
    for path in [iso, directory.clone(), directory.join("context.sh")] {
        let machine = machine();
        machine.write("/context/context.sh", giving("10.0.0.9"));
        assert_eq!(
            address(&machine, &["--context", path.to_str().expect("UTF-8")]).as_deref(),
            Some("10.0.0.4"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn context_file_names_the_context_unless_the_command_line_does() {
    let scratch = tempfile::tempdir().expect("a directory");
    let file = scratch.path().join("context.sh");
    std::fs::write(&file, giving("10.0.0.6")).expect("a context");
    let machine = machine();
    let output = Command::new(agent_path())
        .args(["apply", "--backend", "ifcfg-initscripts", "--root"])
        .arg(machine.root())
        .env("CONTEXT_FILE", &file)
        .output();
    let outcome: Outcome = output.expect("the agent starts").into();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    assert_eq!(address_of(&machine, "eth0").as_deref(), Some("10.0.0.6"));
    // A medium on the command line has precedence.
    machine.write("/named/context.sh", giving("10.0.0.8"));
    let output = Command::new(agent_path())
        .args(["apply", "--backend", "ifcfg-initscripts", "--root"])
        .arg(machine.root())
        .arg("--context")
        .arg(machine.path("/named"))
        .env("CONTEXT_FILE", &file)
        .output();
    assert_eq!(Outcome::from(output.expect("the agent starts")).code, 0);
    assert_eq!(address_of(&machine, "eth0").as_deref(), Some("10.0.0.8"));
}

#[test]
fn the_recorded_cd_is_read() {
    let iso = fixture("iso/opennebula-7.5.iso");
    let outcome = run(
        &machine(),
        &["plan", "--context", iso.to_str().expect("UTF-8"), "--json"],
    );
    assert_eq!(outcome.code, 0);
    let plan: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(plan["nics"].as_array().map(Vec::len), Some(3));
    assert!(context("7.5-three-sriov-alias").contains("ETH2_MAC"));
}

/// Asserts that a broken medium is refused: exit code 3, one line that names the medium, and no change.
fn assert_refused(machine: &Machine, arguments: &[&str], expected: &str) {
    let outcome = run(machine, &[&["apply"], arguments].concat());
    assert_eq!(
        outcome.stderr,
        format!("one-sriov-agent: error: {expected}\n")
    );
    assert_eq!((outcome.code, outcome.stdout.as_str()), (3, ""));
}

#[test]
fn a_broken_medium_changes_nothing() {
    let machine = machine();
    machine.write("/context/context.sh", giving("10.0.0.5"));
    assert_eq!(address(&machine, &[]).as_deref(), Some("10.0.0.5"));
    let before = machine.etc();
    let table = [
        (
            "ETH0_IP='10.0.0.6'\nreboot\n",
            "line 2, column 1: expected NAME=value",
        ),
        (
            "ETH0_IP='10.0.0.6\n",
            "line 1, column 9: the single quote opened here is never closed",
        ),
        (
            "ETH0_IP=$(reboot)\n",
            "line 1, column 10: '(' outside quotes is shell syntax, not a value",
        ),
    ];
    for (text, problem) in table {
        machine.write("/context/context.sh", text);
        assert_refused(
            &machine,
            &[],
            &format!("failed to parse the context from '/context/context.sh': {problem}"),
        );
    }
    insert(
        &machine,
        "/dev/sr0",
        Tool::Genisoimage,
        Some("CONTEXT"),
        &giving("10.0.0.6"),
    );
    let iso = std::fs::read(machine.path("/dev/sr0")).expect("an image");
    machine.write("/dev/sr0", &iso[..40_000]);
    let outcome = run(&machine, &["apply"]);
    assert_eq!(outcome.code, 3);
    assert!(outcome.stderr.starts_with("one-sriov-agent: error: failed to read the context from '/dev/sr0': failed to read the ISO 9660"), "{}", outcome.stderr);
    assert_eq!(machine.etc(), before);
    // A missing medium changes nothing, either.
    std::fs::remove_file(machine.path("/dev/sr0")).expect("a drive");
    std::fs::remove_file(machine.path("/context/context.sh")).expect("a context");
    assert_eq!(run(&machine, &["apply"]).code, 0);
    assert_eq!(machine.etc(), before);
}

#[test]
fn a_missing_context_on_the_command_line_is_an_error() {
    let scratch = tempfile::tempdir().expect("a directory");
    let directory = scratch.path().to_str().expect("UTF-8");
    assert_refused(
        &machine(),
        &["--context", directory],
        &format!("failed to find 'context.sh' in '{directory}'"),
    );
    let file = Path::new(directory).join("none");
    let file = file.to_str().expect("UTF-8");
    assert_refused(
        &machine(),
        &["--context", file],
        &format!("failed to read '{file}': No such file or directory (os error 2)"),
    );
}

/// A loop device for an image, detached when dropped.
struct Loop(String);

impl Loop {
    fn over(image: &Path) -> Option<Self> {
        let output = Command::new("losetup")
            .args(["--find", "--show", "--read-only"])
            .arg(image)
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| Self(String::from_utf8_lossy(&output.stdout).trim().to_owned()))
    }

    /// Creates another node of the same block device. Returns whether that worked.
    fn node_at(&self, path: &Path) -> bool {
        let number = std::fs::metadata(&self.0)
            .map(|device| device.rdev())
            .unwrap_or_default();
        let (major, minor) = (number >> 8 & 0xfff, number & 0xff);
        let mut mknod = Command::new("mknod");
        mknod
            .arg(path)
            .arg("b")
            .arg(major.to_string())
            .arg(minor.to_string());
        mknod.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup")
            .arg("--detach")
            .arg(&self.0)
            .status();
    }
}

#[test]
fn a_real_block_device_is_read_like_a_file() {
    let scratch = tempfile::tempdir().expect("a directory");
    let iso = image(
        scratch.path(),
        Tool::Xorriso,
        Some("CONTEXT"),
        &giving("10.0.0.7"),
    );
    let machine = machine();
    machine.write("/dev/.keep", "");
    let device = Loop::over(&iso).filter(|device| device.node_at(&machine.path("/dev/sr0")));
    let Some(_device) = device else {
        println!("passed over: no loop device can be made here; it takes root");
        return;
    };
    // A tiny disk beside it does not matter.
    std::fs::write(scratch.path().join("tiny"), [0; 512]).expect("a disk");
    let _tiny = Loop::over(&scratch.path().join("tiny"))
        .filter(|tiny| tiny.node_at(&machine.path("/dev/sda")));
    assert_eq!(address(&machine, &[]).as_deref(), Some("10.0.0.7"));
}
