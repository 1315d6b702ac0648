//! Ownership of files: which the agent writes, keeps, moves and removes.

use one_sriov_tests::{Machine, infiniband, run, virtio};

use crate::scenario::{SCRIPTS, address_of, apply};

pub(super) const TWO: &str = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_ROUTES='10.9.0.0/16 via 10.0.0.1'\n\
                   ETH1_MAC='02:00:0a:00:00:06'\nETH1_IP='10.0.0.6'\n";

pub(super) fn machine() -> Machine {
    Machine::new(
        TWO,
        &[
            virtio("eth0", "02:00:0a:00:00:05", 3),
            virtio("eth1", "02:00:0a:00:00:06", 4),
        ],
    )
}

pub(super) fn ifcfg(device: &str) -> String {
    format!("{SCRIPTS}/ifcfg-{device}")
}

#[test]
fn a_second_run_changes_nothing_at_all() {
    let machine = machine();
    assert_eq!(apply(&machine).code, 0);
    let stamp = |path: &str| {
        std::fs::metadata(machine.path(path))
            .and_then(|file| file.modified())
            .expect("a file")
    };
    let paths = [
        ifcfg("eth0"),
        ifcfg("eth1"),
        format!("{SCRIPTS}/route-eth0"),
        "/var/lib/one-sriov/state.json".into(),
    ];
    let before = paths.each_ref().map(|path| stamp(path));
    assert_eq!(apply(&machine).stdout, "3 files already up to date\n");
    assert_eq!(paths.each_ref().map(|path| stamp(path)), before);
}

#[test]
fn a_nic_that_the_context_no_longer_names_loses_its_files() {
    let machine = machine();
    assert_eq!(apply(&machine).code, 0);
    machine.write(
        "/context/context.sh",
        "ETH1_MAC='02:00:0a:00:00:06'\nETH1_IP='10.0.0.6'\n",
    );
    assert_eq!(
        apply(&machine).stdout,
        format!(
            "removed '{}'\nremoved '{SCRIPTS}/route-eth0'\n",
            ifcfg("eth0")
        )
    );
    assert_eq!(machine.etc_paths(), [ifcfg("eth1")]);
}

#[test]
fn a_nic_whose_device_is_absent_keeps_its_files() {
    let machine = machine();
    assert_eq!(apply(&machine).code, 0);
    let before = machine.etc();
    machine.unplug("eth0");
    let outcome = apply(&machine);
    assert_eq!(
        outcome.stderr,
        "one-sriov-agent: warning: ETH0 is not configured: no network device has MAC 02:00:0a:00:00:05, and no dummy NIC or port \
         GUID (prefix aa) ends in 0a:00:00:05; MACs here: 'eth1' 02:00:0a:00:00:06; port GUIDs here: none\n"
    );
    assert_eq!(machine.etc(), before);
}

#[test]
fn a_nic_with_a_bad_value_keeps_its_files() {
    let machine = machine();
    assert_eq!(apply(&machine).code, 0);
    let before = machine.etc();
    machine.write("/context/context.sh", TWO.replace("10.0.0.5", "10.0.0.500"));
    assert_eq!(apply(&machine).code, 4);
    assert_eq!(machine.etc(), before);
}

#[test]
fn a_skipped_nic_loses_its_files() {
    let machine = machine();
    assert_eq!(apply(&machine).code, 0);
    machine.write(
        "/context/context.sh",
        format!("{TWO}ETH0_METHOD='skip'\nETH0_ROUTES=''\n"),
    );
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(machine.etc_paths(), [ifcfg("eth1")]);
}

#[test]
fn an_infiniband_nic_keeps_its_file_while_dummy_and_device_are_absent() {
    let context = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\n";
    let nics = [
        virtio("eth0", "aa:00:0a:00:00:05", 3),
        infiniband("ib0", "24:8a:07:03:00:aa:bb:01", "0000:00:05.0"),
    ];
    let machine = Machine::new(context, &nics);
    assert_eq!(apply(&machine).code, 0);
    let before = machine.etc();
    machine.unplug("eth0");
    machine.unplug("ib0");
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(machine.etc(), before);
    machine.write(
        "/context/context.sh",
        "ETH0_MAC='02:00:0a:00:00:06'\nETH0_IP='10.0.0.6'\n",
    );
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(machine.etc_paths(), Vec::<String>::new());
}

#[test]
fn foreign_ifcfg_files_are_backed_up_and_no_backup_is_overwritten() {
    let machine = machine();
    machine.write(&ifcfg("eth0"), "DEVICE=eth0\nBOOTPROTO=dhcp\n");
    let outcome = apply(&machine);
    let backup = format!("/var/lib/one-sriov/backup{}", ifcfg("eth0"));
    assert!(
        outcome
            .stdout
            .contains(&format!("moved '{}' to '{backup}'\n", ifcfg("eth0"))),
        "{}",
        outcome.stdout
    );
    assert_eq!(machine.read(&backup), "DEVICE=eth0\nBOOTPROTO=dhcp\n");
    assert_eq!(address_of(&machine, "eth0").as_deref(), Some("10.0.0.5"));
    machine.write(&ifcfg("eth0"), "DEVICE=eth0\nONBOOT=no\n");
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(machine.read(&backup), "DEVICE=eth0\nBOOTPROTO=dhcp\n");
    assert_eq!(
        machine.read(&format!("{backup}.~1~")),
        "DEVICE=eth0\nONBOOT=no\n"
    );
}

#[test]
fn any_other_foreign_file_is_unchanged_and_reported() {
    let machine = machine();
    machine.write(
        &format!("{SCRIPTS}/route-eth0"),
        "10.8.0.0/16 via 10.0.0.2\n",
    );
    let outcome = apply(&machine);
    assert_eq!(outcome.code, 4);
    assert!(
        outcome
            .stdout
            .contains(&format!("did not write '{SCRIPTS}/route-eth0': ")),
        "{}",
        outcome.stdout
    );
    assert_eq!(
        machine.read(&format!("{SCRIPTS}/route-eth0")),
        "10.8.0.0/16 via 10.0.0.2\n"
    );
    assert_eq!(address_of(&machine, "eth0").as_deref(), Some("10.0.0.5"));
}

#[test]
fn clean_removes_only_files_of_the_agent() {
    let machine = machine();
    machine.write(&ifcfg("lo"), "DEVICE=lo\n");
    machine.write(&ifcfg("eth1"), "DEVICE=eth1\n");
    assert_eq!(apply(&machine).code, 0);
    let dry = run(&machine, &["clean", "--dry-run"]).stdout;
    assert!(
        dry.starts_with(&format!("would remove '{}'\n", ifcfg("eth0"))),
        "{dry}"
    );
    assert!(machine.has(&ifcfg("eth0")));
    let outcome = run(&machine, &["clean"]);
    assert_eq!(outcome.code, 0);
    assert_eq!(machine.etc_paths(), [ifcfg("lo")]);
    assert!(!machine.has("/var/lib/one-sriov/state.json"));
    assert!(machine.has(&format!("/var/lib/one-sriov/backup{}", ifcfg("eth1"))));
    assert_eq!(
        run(&machine, &["clean"]).stdout.lines().next(),
        Some(
            format!(
                "kept the backup '/var/lib/one-sriov/backup{}'",
                ifcfg("eth1")
            )
            .as_str()
        )
    );
}

#[test]
fn a_clone_of_a_cleaned_image_keeps_no_old_address() {
    let machine = machine();
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(run(&machine, &["clean"]).code, 0);
    assert_eq!(machine.etc_paths(), Vec::<String>::new());
    machine.write(
        "/context/context.sh",
        TWO.replace("10.0.0.5", "10.0.0.15")
            .replace("10.0.0.6", "10.0.0.16"),
    );
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(address_of(&machine, "eth0").as_deref(), Some("10.0.0.15"));
}

#[test]
fn switching_the_dialect_removes_the_files_of_the_old_one() {
    let machine = machine();
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(run(&machine, &["apply", "--backend", "ifcfg-suse"]).code, 0);
    let expected = ["ifcfg-eth0", "ifcfg-eth1", "ifroute-eth0"]
        .map(|name| format!("/etc/sysconfig/network/{name}"));
    assert_eq!(machine.etc_paths(), expected);
}

#[test]
fn a_symlink_in_an_image_is_resolved_within_it() {
    let machine = machine();
    let outside = tempfile::tempdir().expect("a directory");
    machine.write("/etc/sysconfig/.keep", "");
    let target = outside.path().to_str().expect("UTF-8");
    machine.link(SCRIPTS, target);
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(
        std::fs::read_dir(outside.path())
            .expect("a directory")
            .count(),
        0
    );
    assert!(
        machine
            .read(&format!("{target}/ifcfg-eth0"))
            .contains("IPADDR=10.0.0.5")
    );
}

#[test]
fn no_file_is_removed_if_a_mac_is_corrupt_or_new_in_the_context() {
    let machine = machine();
    assert_eq!(apply(&machine).code, 0);
    let before = machine.etc();
    machine.write(
        "/context/context.sh",
        TWO.replace("02:00:0a:00:00:05", "02:00:0a:00:00"),
    );
    assert_eq!(apply(&machine).code, 4);
    assert_eq!(machine.etc(), before);
    // A context before 4.14 has no MACs; after the upgrade the device is late.
    let old = Machine::new(
        "ETH0_IP='10.0.0.5'\n",
        &[virtio("eth0", "02:00:0a:00:00:05", 3)],
    );
    assert_eq!(apply(&old).code, 0);
    old.unplug("eth0");
    old.write("/context/context.sh", TWO);
    assert_eq!(apply(&old).code, 0);
    assert_eq!(old.etc_paths(), [ifcfg("eth0")]);
}

#[test]
fn absent_devices_keep_their_files_in_a_context_without_macs() {
    let nics = [
        virtio("eth0", "aa:00:0a:00:00:05", 3),
        infiniband("ib0", "24:8a:07:03:00:aa:bb:01", "0000:00:05.0"),
    ];
    let machine = Machine::new("HOSTNAME=\"hpc1\"\n", &nics);
    assert_eq!(apply(&machine).code, 0);
    let before = machine.etc();
    assert_eq!(before.len(), 2);
    machine.unplug("eth0");
    machine.unplug("ib0");
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(machine.etc(), before);
}

#[test]
fn foreign_files_of_a_skipped_nic_are_unchanged() {
    // An empty IP6_METHOD means skip, too.
    for method6 in ["skip", ""] {
        let context = format!(
            "ETH0_MAC='02:00:0a:00:00:05'\nETH0_METHOD='skip'\nETH0_IP6_METHOD='{method6}'\nETH0_IP='10.0.0.5'\n\
             ETH0_IP6='2001:db8::5'\nETH0_MTU='1500'\n"
        );
        let machine = Machine::new(&context, &[virtio("eth0", "02:00:0a:00:00:05", 3)]);
        machine.write(&ifcfg("eth0"), "DEVICE=eth0\nBOOTPROTO=dhcp\n");
        assert_eq!(apply(&machine).code, 0);
        assert_eq!(
            machine.read(&ifcfg("eth0")),
            "DEVICE=eth0\nBOOTPROTO=dhcp\n"
        );
    }
}

#[test]
fn a_dummy_whose_nic_has_a_corrupt_mac_keeps_its_file() {
    let context = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH1_MAC='02:00:0a:00:00:06'\nETH1_IP='10.0.0.6'\n";
    let nics = [
        virtio("eth0", "aa:00:0a:00:00:05", 3),
        virtio("eth1", "02:00:0a:00:00:06", 4),
        infiniband("ib0", "24:8a:07:03:00:aa:bb:01", "0000:00:05.0"),
    ];
    let machine = Machine::new(context, &nics);
    assert_eq!(apply(&machine).code, 0);
    let before = machine.etc();
    assert_eq!(before.len(), 3);
    machine.write(
        "/context/context.sh",
        context.replace("02:00:0a:00:00:05", "02:00:0a:00:00"),
    );
    assert_eq!(apply(&machine).code, 4);
    assert_eq!(machine.etc(), before);
}
