//! Positions and InfiniBand devices.

use one_sriov_tests::{Machine, infiniband, virtio};

use super::{dummy, nics, pairs, plain, with_dummy_guid};
use crate::scenario::{address_of, apply, check, decide};

#[test]
fn the_only_device_is_matched_at_every_position() {
    for position in [0, 9, 10, 15, 16, 255] {
        assert_eq!(
            pairs(&nics(&[5]), &[dummy(position, 5), plain("ibp5s5", 5)]),
            ["ETH0 -> ibp5s5"],
            "{position}"
        );
    }
}

#[test]
fn three_devices_in_shuffled_order_are_taken_in_pci_order() {
    let dummies = [dummy(0, 10), dummy(1, 11), dummy(2, 12)];
    let shuffled = [plain("ib0", 9), plain("ib1", 7), plain("ib2", 8)];
    let devices = [&shuffled[..], &dummies[..]].concat();
    assert_eq!(
        pairs(&nics(&[10, 11, 12]), &devices),
        ["ETH0 -> ib1", "ETH1 -> ib2", "ETH2 -> ib0"]
    );
}

#[test]
fn the_pci_domain_is_compared_before_the_bus() {
    let in_domain = |name: &str, pci: &str, last: u8| {
        infiniband(name, &format!("24:8a:07:03:00:00:00:{last:02x}"), pci)
    };
    let devices = [
        dummy(0, 10),
        dummy(1, 11),
        in_domain("ib0", "0001:00:01.0", 1),
        in_domain("ib1", "0000:ff:1f.0", 2),
    ];
    assert_eq!(
        pairs(&nics(&[10, 11]), &devices),
        ["ETH0 -> ib1", "ETH1 -> ib0"]
    );
}

#[test]
fn two_ports_of_a_function_are_ordered_by_dev_port_or_dev_id() {
    for attribute in ["dev_port", "dev_id"] {
        let second = if attribute == "dev_id" { "0x1" } else { "1" };
        let devices = [
            dummy(0, 10),
            dummy(1, 11),
            plain("ib0", 5).with(attribute, second),
            plain("ib1", 5),
        ];
        assert_eq!(
            pairs(&nics(&[10, 11]), &devices),
            ["ETH0 -> ib1", "ETH1 -> ib0"],
            "{attribute}"
        );
    }
}

#[test]
fn a_guid_has_precedence_over_pci_order() {
    let devices = [
        dummy(0, 10),
        dummy(1, 11),
        dummy(2, 12),
        with_dummy_guid("ib0", 5, 2, 12),
        with_dummy_guid("ib1", 6, 0, 10),
        with_dummy_guid("ib2", 7, 1, 11),
    ];
    check("guid-before-order", &nics(&[10, 11, 12]), &devices);
    assert_eq!(
        pairs(&nics(&[10, 11, 12]), &devices),
        ["ETH0 -> ib1", "ETH1 -> ib2", "ETH2 -> ib0"]
    );
}

#[test]
fn a_guid_is_enough_to_match_a_nic_or_provide_its_address() {
    assert_eq!(
        pairs(&nics(&[10]), &[with_dummy_guid("ibp5s5", 5, 3, 10)]),
        ["ETH0 -> ibp5s5"]
    );
    // If the context has no NICs, the GUID provides the address.
    let machine = Machine::new("NETWORK='YES'\n", &[with_dummy_guid("ibp5s5", 5, 3, 10)]);
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(
        address_of(&machine, "ibp5s5").as_deref(),
        Some("192.168.7.10")
    );
}

#[test]
fn a_guid_with_the_prefix_and_an_unknown_key_is_an_ordinary_one() {
    let devices = [dummy(0, 10), with_dummy_guid("ib0", 5, 7, 99)];
    assert_eq!(pairs(&nics(&[10]), &devices), ["ETH0 -> ib0"]);
}

#[test]
fn devices_with_and_without_a_dummy_guid_can_be_mixed() {
    let devices = [
        dummy(0, 10),
        dummy(1, 11),
        dummy(2, 12),
        plain("ib0", 5),
        with_dummy_guid("ib1", 6, 1, 11),
        plain("ib2", 7),
    ];
    assert_eq!(
        pairs(&nics(&[10, 11, 12]), &devices),
        ["ETH0 -> ib0", "ETH1 -> ib1", "ETH2 -> ib2"]
    );
}

#[test]
fn contradictory_nics_are_refused_by_name_and_the_others_configured() {
    let context = nics(&[10, 11, 12]);
    let good = [dummy(2, 12), with_dummy_guid("ib9", 9, 2, 12)];
    let tables = [
        (
            "two-guids-for-one-position",
            vec![
                with_dummy_guid("ib0", 5, 0, 10),
                with_dummy_guid("ib1", 6, 0, 11),
            ],
        ),
        (
            "two-dummies-for-one-position",
            vec![
                dummy(0, 10),
                virtio("eth9", "aa:00:c0:a8:07:0b", 0x1c),
                plain("ib0", 5),
            ],
        ),
        (
            "guid-and-dummy-differ",
            vec![dummy(0, 10), with_dummy_guid("ib0", 5, 0, 11)],
        ),
    ];
    for (name, bad) in tables {
        check(name, &context, &[&bad[..], &good[..]].concat());
    }
}

#[test]
fn each_variable_of_the_position_overrides_that_of_the_nic() {
    let context = nics(&[10])
        + "ETH0_GATEWAY='192.168.7.1'\nETH0_DNS='192.168.7.2'\nETH0_MTU='2044'\n\
           IB0_MASK='255.255.0.0'\nIB0_MTU='65520'\nIB0_MODE='connected'\nIB0_GATEWAY=''\nIB0_PKEY='0x8003'\n";
    check(
        "position-variables",
        &context,
        &[dummy(0, 10), plain("ibp5s5", 5)],
    );
}

#[test]
fn variables_of_an_absent_position_are_reported() {
    let decided = decide(
        &(nics(&[10]) + "IB7_MTU='2044'\n"),
        &[dummy(0, 10), plain("ib0", 5)],
    );
    assert_eq!(
        decided.last().map(String::as_str),
        Some(
            "note: IB7_* is set, but no dummy NIC and no port GUID names position 7; positions here: 0"
        )
    );
}

#[test]
fn a_position_also_counts_devices_matched_by_guid() {
    // Position 1 is the second of all devices, not the second among those without a dummy MAC in the GUID.
    let devices = [
        with_dummy_guid("ib0", 5, 0, 10),
        dummy(1, 11),
        plain("ib1", 6),
        plain("ib2", 7),
    ];
    assert_eq!(
        pairs(&nics(&[10, 11]), &devices),
        ["ETH0 -> ib0", "ETH1 -> ib1"]
    );
}

#[test]
fn a_vf_with_an_unset_guid_is_still_matched() {
    for unset in ["ff:ff:ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00:00:00"] {
        let port = |name: &str, slot: u8| infiniband(name, unset, &format!("0000:05:{slot:02x}.0"));
        let devices = [dummy(0, 11), dummy(1, 12), port("ib0", 6), port("ib1", 5)];
        assert_eq!(
            pairs(&nics(&[11, 12]), &devices),
            ["ETH0 -> ib1", "ETH1 -> ib0"]
        );
    }
}

/// A VF of a ConnectX-3 has two ports, and its host may not support GUIDs: the dummy NIC identifies the VF, but not the port.
#[test]
fn the_port_of_a_two_port_vf_is_doubtful_unless_the_context_names_it() {
    let port = |name: &str, slot: u8, number: &str| plain(name, slot).with("dev_port", number);
    let vfs = [
        dummy(0, 10),
        dummy(1, 11),
        port("ib0", 5, "0"),
        port("ib1", 5, "1"),
        port("ib2", 6, "0"),
        port("ib3", 6, "1"),
    ];
    let doubt = |position: u8, first: &str, second: &str| {
        format!(
            "note: position {position} is a VF with 2 ports ('{first}', '{second}'), and its dummy NIC does not show which port its network is on; '{first}' is used; set IB{position}_PORT to use another"
        )
    };
    let decided = decide(&nics(&[10, 11]), &vfs);
    assert_eq!(
        decided[..2],
        [
            "ETH0 (position 0) -> ib0: its index in PCI order is the position",
            "ETH1 (position 1) -> ib2: its index in PCI order is the position",
        ]
    );
    assert!(decided.contains(&doubt(0, "ib0", "ib1")), "{decided:?}");
    assert!(decided.contains(&doubt(1, "ib2", "ib3")), "{decided:?}");

    let named = nics(&[10, 11]) + "IB0_PORT='1'\nIB1_PORT='2'\n";
    assert_eq!(pairs(&named, &vfs), ["ETH0 -> ib0", "ETH1 -> ib3"]);
    assert_eq!(apply(&Machine::new(&named, &vfs)).stderr, "");

    // Only position 1 has an InfiniBand VF, because position 0 is an Ethernet VF.
    let one = [&vfs[1..2], &vfs[4..]].concat();
    assert_eq!(
        pairs(&(nics(&[10, 11]) + "IB1_PORT='2'\n"), &one),
        ["ETH1 -> ib3"]
    );

    let wrong = nics(&[10, 11]) + "IB0_PORT='3'\nIB1_PORT='x'\n";
    let machine = Machine::new(&wrong, &vfs);
    let outcome = apply(&machine);
    assert_eq!(outcome.code, 4);
    for said in [
        "error: ETH0 is not configured: IB0_PORT is 3, but its VF has other ports: 'ib0', 'ib1'\n",
        "error: ETH1 is configured, but a value is ignored: IB1_PORT 'x' is not a port: expected 1 to 254\n",
    ] {
        assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    }
    assert_eq!(address_of(&machine, "ib2").as_deref(), Some("192.168.7.11"));

    // A GUID identifies the port.
    let by_guid = [
        port("ib0", 5, "0"),
        with_dummy_guid("ib1", 5, 0, 10).with("dev_port", "1"),
    ];
    assert_eq!(decide(&nics(&[10]), &by_guid).len(), 1);
    assert_eq!(pairs(&nics(&[10]), &by_guid), ["ETH0 -> ib1"]);
}
