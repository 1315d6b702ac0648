//! Positions and InfiniBand devices.

use one_sriov_tests::{Machine, infiniband, virtio};

use super::{carrying, dummy, nics, pairs, plain};
use crate::scenario::{address_of, apply, check, decide};

#[test]
fn every_position_finds_the_only_device() {
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
fn the_pci_domain_goes_before_the_bus() {
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
fn two_ports_of_one_function_are_taken_in_port_order_whichever_file_tells_it() {
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
fn a_guid_goes_before_the_order() {
    let devices = [
        dummy(0, 10),
        dummy(1, 11),
        dummy(2, 12),
        carrying("ib0", 5, 2, 12),
        carrying("ib1", 6, 0, 10),
        carrying("ib2", 7, 1, 11),
    ];
    check("guid-before-order", &nics(&[10, 11, 12]), &devices);
    assert_eq!(
        pairs(&nics(&[10, 11, 12]), &devices),
        ["ETH0 -> ib1", "ETH1 -> ib2", "ETH2 -> ib0"]
    );
}

#[test]
fn a_guid_alone_carries_the_address() {
    assert_eq!(
        pairs(&nics(&[10]), &[carrying("ibp5s5", 5, 3, 10)]),
        ["ETH0 -> ibp5s5"]
    );
    // Without any NIC in the context, the address is the one in the GUID.
    let machine = Machine::new("NETWORK='YES'\n", &[carrying("ibp5s5", 5, 3, 10)]);
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(
        address_of(&machine, "ibp5s5").as_deref(),
        Some("192.168.7.10")
    );
}

#[test]
fn a_guid_with_the_prefix_and_a_key_of_nobody_is_an_ordinary_one() {
    let devices = [dummy(0, 10), carrying("ib0", 5, 7, 99)];
    assert_eq!(pairs(&nics(&[10]), &devices), ["ETH0 -> ib0"]);
}

#[test]
fn devices_with_and_without_a_guid_of_ours_mix() {
    let devices = [
        dummy(0, 10),
        dummy(1, 11),
        dummy(2, 12),
        plain("ib0", 5),
        carrying("ib1", 6, 1, 11),
        plain("ib2", 7),
    ];
    assert_eq!(
        pairs(&nics(&[10, 11, 12]), &devices),
        ["ETH0 -> ib0", "ETH1 -> ib1", "ETH2 -> ib2"]
    );
}

#[test]
fn what_contradicts_itself_is_refused_by_name_and_the_others_are_configured() {
    let context = nics(&[10, 11, 12]);
    let good = [dummy(2, 12), carrying("ib9", 9, 2, 12)];
    let tables = [
        (
            "two-guids-for-one-position",
            vec![carrying("ib0", 5, 0, 10), carrying("ib1", 6, 0, 11)],
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
            vec![dummy(0, 10), carrying("ib0", 5, 0, 11)],
        ),
    ];
    for (name, bad) in tables {
        check(name, &context, &[&bad[..], &good[..]].concat());
    }
}

#[test]
fn variables_of_the_position_win_value_by_value() {
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
fn variables_of_a_position_that_is_nowhere_are_told() {
    let decided = decide(
        &(nics(&[10]) + "IB7_MTU='2044'\n"),
        &[dummy(0, 10), plain("ib0", 5)],
    );
    assert_eq!(
        decided.last().map(String::as_str),
        Some("note: IB7_* is set, but no dummy NIC and no port GUID names position 7")
    );
}

#[test]
fn a_position_counts_the_devices_that_guids_have_settled() {
    // Position 1 is the second device of all, not the second without a GUID of ours.
    let devices = [
        carrying("ib0", 5, 0, 10),
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
fn a_vf_whose_guid_was_taken_back_is_still_a_device() {
    for unset in ["ff:ff:ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00:00:00"] {
        let port = |name: &str, slot: u8| infiniband(name, unset, &format!("0000:05:{slot:02x}.0"));
        let devices = [dummy(0, 11), dummy(1, 12), port("ib0", 6), port("ib1", 5)];
        assert_eq!(
            pairs(&nics(&[11, 12]), &devices),
            ["ETH0 -> ib1", "ETH1 -> ib0"]
        );
    }
}
