//! Real cloud-init on a guest with a context, and on the same image without one.

use std::path::Path;
use std::process::Command;

use one_sriov_tests::{Machine, agent_path, virtio};

/// Asks cloud-init's first stage what it reads from `/etc/cloud` (`cloudinit/stages.py`).
const ASK: &str = "from cloudinit import stages\ninit = stages.Init()\ninit.read_cfg()\n\
                   config, _ = init._find_networking_config()\nprint('off' if config is None else 'on')";
const DROP_IN: &str = "/etc/cloud/cloud.cfg.d/99-one-sriov.cfg";
/// A MAC from which no address can be decoded.
const MAC: &str = "52:54:00:00:00:05";
const CONTEXT: &str = "ETH0_MAC='52:54:00:00:00:05'\nETH0_IP='10.0.0.5'\n";

/// An image with this machine's cloud-init; `None` if cloud-init is not installed.
fn image() -> Option<Machine> {
    if !Path::new("/usr/bin/cloud-init").exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI has no cloud-init; 'make setup' installs it there"
        );
        return None;
    }
    let mut machine = Machine::default();
    machine.plug(&virtio("eth0", MAC, 3));
    machine.write("/etc/machine-id", "");
    let status = Command::new("cp")
        .args(["-a", "/etc/cloud"])
        .arg(machine.path("/etc/cloud"))
        .status();
    assert!(status.unwrap().success());
    Some(machine)
}

/// Whether cloud-init would configure the network of the image: `on` or `off`.
fn network(machine: &Machine) -> String {
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-euc"])
        .arg("mount --bind \"$CLOUD\" /etc/cloud\n/usr/bin/python3 -c \"$ASK\"")
        .env("ASK", ASK)
        .env("CLOUD", machine.path("/etc/cloud"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the agent on the image, with a context or without a medium, and returns its output.
fn apply(machine: &Machine, context: Option<&str>, more: &[&str]) -> String {
    let mut command = Command::new(agent_path());
    command
        .args(["apply", "--root"])
        .arg(machine.root())
        .args(["--backend", "networkd"])
        .args(more);
    if let Some(context) = context {
        machine.write("/context.sh", context);
        command.arg("--context").arg(machine.path("/context.sh"));
    }
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn cloud_inits_network_is_off_only_with_a_context() {
    let Some(machine) = image() else { return };
    assert_eq!(network(&machine), "on\n", "before the first boot");
    assert_eq!(
        apply(&machine, None, &[]),
        "no context medium: nothing to do\n"
    );
    assert_eq!(network(&machine), "on\n", "on another cloud");

    apply(&machine, Some(CONTEXT), &["--dry-run"]);
    assert_eq!(network(&machine), "on\n", "a dry run changes nothing");
    apply(&machine, Some(CONTEXT), &[]);
    assert_eq!(network(&machine), "off\n");
    apply(&machine, Some(CONTEXT), &[]);
    assert_eq!(network(&machine), "off\n", "at the next boot");

    let would = apply(&machine, None, &["--dry-run"]);
    assert!(
        would.contains(&format!("would remove '{DROP_IN}'")),
        "{would}"
    );
    assert_eq!(network(&machine), "off\n");
    let files = machine.etc().len();
    let removed = apply(&machine, None, &[]);
    assert!(
        removed.contains(&format!("removed '{DROP_IN}'")),
        "{removed}"
    );
    assert_eq!(network(&machine), "on\n", "cloned to another cloud");
    assert_eq!(
        machine.etc().len(),
        files - 1,
        "without a medium, only the drop-in is removed"
    );
    apply(&machine, Some(CONTEXT), &[]);
    assert_eq!(network(&machine), "off\n", "back on OpenNebula");
}

#[test]
fn a_context_without_nics_leaves_the_network_to_cloud_init() {
    for context in ["SET_HOSTNAME='a'\n", "NETWORK='NO'\n"] {
        let Some(machine) = image() else { return };
        apply(&machine, Some(context), &[]);
        assert_eq!(network(&machine), "on\n", "{context}");
        apply(&machine, Some(CONTEXT), &[]);
        assert_eq!(network(&machine), "off\n");
        apply(&machine, Some(context), &[]);
        assert_eq!(network(&machine), "on\n", "{context}, later");
    }
}

#[test]
fn after_clean_cloud_init_configures_the_network() {
    let Some(machine) = image() else { return };
    apply(&machine, Some(CONTEXT), &[]);
    assert_eq!(network(&machine), "off\n");
    let status = Command::new(agent_path())
        .args(["clean", "--root"])
        .arg(machine.root())
        .status();
    assert!(status.unwrap().success());
    assert_eq!(network(&machine), "on\n");
}

#[test]
fn nothing_is_written_if_cloud_init_is_not_installed() {
    let machine = Machine::new(CONTEXT, &[virtio("eth0", MAC, 3)]);
    apply(&machine, Some(CONTEXT), &[]);
    assert!(!machine.has("/etc/cloud"));
}
