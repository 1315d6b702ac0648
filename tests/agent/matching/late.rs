//! Devices that appear late.

use one_sriov_tests::{Machine, ethernet, virtio};

use super::{dummy, nics, pairs, plain, with_dummy_guid};
use crate::scenario::{SCRIPTS, address_of, apply, check};

#[test]
fn without_a_device_the_name_is_assumed_from_the_position() {
    for position in [0, 9, 10, 15, 16, 255] {
        let machine = Machine::new(&nics(&[5]), &[dummy(position, 5)]);
        let outcome = apply(&machine);
        let device = format!("ib{position}");
        assert_eq!(outcome.code, 0);
        assert_eq!(
            outcome.stderr,
            format!(
                "one-sriov-agent: warning: ETH0 is written for '{device}': its device has not appeared yet; the name \
                 is assumed from the position\n"
            )
        );
        assert_eq!(
            address_of(&machine, &device).as_deref(),
            Some("192.168.7.5")
        );
    }
}

#[test]
fn devices_are_not_guessed_if_there_are_fewer_than_positions() {
    let devices = [dummy(0, 10), dummy(1, 11), plain("ibp5s5", 5)];
    check("fewer-devices-than-positions", &nics(&[10, 11]), &devices);
}

#[test]
fn a_late_device_moves_the_file_to_its_real_name() {
    let mut machine = Machine::new(
        &nics(&[10, 11]),
        &[
            dummy(0, 10),
            dummy(1, 11),
            with_dummy_guid("ibp5s5", 5, 0, 10),
        ],
    );
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(address_of(&machine, "ib1").as_deref(), Some("192.168.7.11"));
    machine.plug(&plain("ibp5s6", 6));
    assert_eq!(
        apply(&machine).stdout,
        format!("wrote '{SCRIPTS}/ifcfg-ibp5s6'\nremoved '{SCRIPTS}/ifcfg-ib1'\n")
    );
    assert_eq!(
        address_of(&machine, "ibp5s6").as_deref(),
        Some("192.168.7.11")
    );
    assert_eq!(
        address_of(&machine, "ibp5s5").as_deref(),
        Some("192.168.7.10")
    );
    // When the device has gone again, its name stays in the file.
    machine.unplug("ibp5s6");
    assert_eq!(apply(&machine).stdout, "4 files already up to date\n");
}

#[test]
fn a_nic_that_udev_has_not_finished_does_not_affect_the_others() {
    let machine = Machine::new(
        &nics(&[10, 11, 12]),
        &[
            virtio("eth0", "02:00:c0:a8:07:0a", 3),
            dummy(1, 11),
            plain("ib0", 5),
            dummy(2, 12),
            plain("ib1", 6),
        ],
    );
    machine.start_udev();
    for name in ["eth1", "ib0"] {
        machine.udev_finishes(name);
    }
    let outcome = apply(&machine);
    assert_eq!(outcome.code, 0);
    assert_eq!(
        machine.etc_paths(),
        [
            format!("{SCRIPTS}/ifcfg-eth1"),
            format!("{SCRIPTS}/ifcfg-ib0")
        ]
    );
    assert!(
        outcome
            .stderr
            .contains("ETH0 is not configured: udev has not finished with 'eth0' yet"),
        "{}",
        outcome.stderr
    );
    for name in ["eth0", "eth2", "ib1"] {
        machine.udev_finishes(name);
    }
    assert_eq!(apply(&machine).stderr, "");
    assert_eq!(address_of(&machine, "ib1").as_deref(), Some("192.168.7.12"));
}

#[test]
fn a_late_dummy_does_not_move_other_nics() {
    // Position 0 is an Ethernet VF. Positions 1 and 2 are InfiniBand, and the dummy NIC of 2 is late.
    let vf = ethernet("ens5", "02:00:c0:a8:07:0a", "0000:05:00.0", "igbvf");
    let context = nics(&[10, 11, 12]);
    let mut devices = vec![
        dummy(0, 10),
        dummy(1, 11),
        vf,
        plain("ib0", 6),
        plain("ib1", 7),
    ];
    assert_eq!(pairs(&context, &devices), ["ETH0 -> ens5", "ETH1 -> ib0"]);
    devices.push(dummy(2, 12));
    assert_eq!(
        pairs(&context, &devices),
        ["ETH0 -> ens5", "ETH1 -> ib0", "ETH2 -> ib1"]
    );
    // A NIC with a corrupt MAC doesn't move others, either.
    let misspelt = context.replace("ETH1_MAC='02:00:c0:a8:07:0b'", "ETH1_MAC='02:00:c0:a8:07'");
    assert_eq!(pairs(&misspelt, &devices), ["ETH0 -> ens5", "ETH2 -> ib1"]);
}

#[test]
fn an_assumed_name_that_belongs_to_another_nic_is_not_written() {
    // The device ib1 is at position 0, and position 1 has no device yet.
    let machine = Machine::new(
        &nics(&[10, 11]),
        &[dummy(0, 10), dummy(1, 11), with_dummy_guid("ib1", 5, 0, 10)],
    );
    let outcome = apply(&machine);
    assert_eq!(outcome.code, 0);
    assert_eq!(
        outcome.stderr,
        "one-sriov-agent: warning: ETH1 is not configured: 'ib1' is ETH0\n"
    );
    assert_eq!(address_of(&machine, "ib1").as_deref(), Some("192.168.7.10"));
}

#[test]
fn an_assumed_name_of_an_unmatched_device_is_not_written() {
    // The only device so far is ib0, which may be position 0 or 1.
    let mut machine = Machine::new(
        &nics(&[10, 11]),
        &[dummy(0, 10), dummy(1, 11), plain("ib0", 6)],
    );
    let outcome = apply(&machine);
    assert_eq!(outcome.code, 0);
    let why = "the position of 'ib0' cannot be identified before all devices have appeared";
    assert!(
        outcome
            .stderr
            .contains(&format!("ETH0 is not configured: {why}\n")),
        "{}",
        outcome.stderr
    );
    assert!(!machine.has(&format!("{SCRIPTS}/ifcfg-ib0")));
    assert_eq!(address_of(&machine, "ib1").as_deref(), Some("192.168.7.11"));
    // The device of position 0 appears last.
    machine.plug(&plain("ib1", 5));
    assert_eq!(apply(&machine).stderr, "");
    assert_eq!(address_of(&machine, "ib1").as_deref(), Some("192.168.7.10"));
    assert_eq!(address_of(&machine, "ib0").as_deref(), Some("192.168.7.11"));
}

#[test]
fn a_dummy_that_udev_has_not_finished_is_waited_for_and_keeps_its_file() {
    let machine = Machine::new(&nics(&[10]), &[dummy(0, 10), plain("ib0", 5)]);
    assert_eq!(apply(&machine).code, 0);
    let before = machine.etc();
    machine.start_udev();
    machine.udev_finishes("ib0");
    let started = std::time::Instant::now();
    let outcome = one_sriov_tests::run(
        &machine,
        &["apply", "--wait", "1", "--backend", "ifcfg-initscripts"],
    );
    assert_eq!(outcome.code, 0);
    assert!(
        started.elapsed() >= std::time::Duration::from_secs(1),
        "the agent waits for it"
    );
    assert_eq!(machine.etc(), before);
}
