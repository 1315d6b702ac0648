//! VLANs. If this machine's kernel doesn't support them, a guest in QEMU with the distribution's kernel runs the network stacks
//! from this machine's files, which it mounts.

use std::path::Path;
use std::process::Command;

use one_sriov_tests::{EmulatedGuest, KERNEL, agent_path};

use crate::{
    BUSYBOX, IFCFG_NM, IFUPDOWN, IFUPDOWN_NG, KEYFILE, NETPLAN_NETWORKD, NETPLAN_NM, NETWORKD,
    Stack, can_run, check, readers, scenarios,
};

const STACKS: [Stack; 8] = [
    NETWORKD,
    NETPLAN_NETWORKD,
    IFUPDOWN,
    BUSYBOX,
    IFUPDOWN_NG,
    KEYFILE,
    IFCFG_NM,
    NETPLAN_NM,
];
const MODULES: &str = "virtio_pci 9pnet_virtio 9p overlay veth 8021q";
/// The tests that the guest runs.
const IN_GUEST: &str = "vlans::in_guest";

/// Whether this kernel has VLANs.
fn has_vlans() -> bool {
    let script =
        "ip link add v0 type veth peer name v1 && ip link add link v0 name v0.5 type vlan id 5";
    let mut unshare = Command::new("unshare");
    let made = unshare
        .args(["--net", "sh", "-c", script])
        .output()
        .unwrap();
    made.status.success()
}

fn check_all(stacks: &[Stack]) {
    for stack in stacks {
        check(*stack, &scenarios::vlan());
        println!("passed: {}", stack.name);
    }
}

mod in_guest {
    use super::{STACKS, check_all};

    #[test]
    #[ignore = "the guest runs it"]
    fn without_network_manager() {
        check_all(&STACKS[..5]);
    }

    #[test]
    #[ignore = "the guest runs it"]
    fn network_manager() {
        check_all(&STACKS[5..]);
    }
}

#[test]
fn a_vlan_has_the_addresses_and_its_parent_has_none() {
    if !STACKS.iter().all(|stack| can_run(*stack)) {
        return;
    }
    if has_vlans() {
        check_all(&STACKS);
        return;
    }
    let guest = EmulatedGuest::new(KERNEL, MODULES);
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks");
    let tests = std::env::current_exe().unwrap();
    guest.file(
        "tests",
        &format!(
            "export PATH=/usr/sbin:/usr/bin:/sbin:/bin ONE_SRIOV_AGENT='{}' ONE_SRIOV_READERS='{}'\n\
             cd '{}' && '{}' {IN_GUEST} --ignored --nocapture --test-threads=2\n",
            agent_path().display(),
            readers().display(),
            own.parent().unwrap().display(),
            tests.display(),
        ),
    );
    let root = "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap";
    let devices = ["-virtfs", root].map(str::to_owned);
    let report = guest.boot(&own.join("vlans-init"), 900, &devices);
    for stack in STACKS {
        let passed = format!("passed: {}", stack.name);
        let has_passed = report.lines().any(|line| line == passed);
        assert!(has_passed, "{passed}: {report}");
    }
}
