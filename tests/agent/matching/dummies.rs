//! Dummy NICs and the NICs that they mark, and contexts without MACs.

use one_sriov_tests::{Machine, ethernet, virtio};

use super::{dummy, nics, pairs, plain};
use crate::scenario::{address_of, apply, check, decide, decisions};

#[test]
fn a_dummy_mac_is_recognised_in_either_case() {
    for mac in ["aa:00:c0:a8:07:05", "AA:00:C0:A8:07:05"] {
        // A MAC set by the guest counts like the hypervisor's.
        for origin in ["0", "3"] {
            let devices = [
                virtio("eth0", mac, 3).with("addr_assign_type", origin),
                plain("ib0", 5),
            ];
            assert_eq!(
                pairs(&nics(&[5]), &devices),
                ["ETH0 -> ib0"],
                "{mac} {origin}"
            );
        }
    }
}

#[test]
fn one_ethernet_and_one_infiniband_sriov_nic() {
    // Position 0 is the Ethernet VF, found by its MAC; its dummy NIC only marks it.
    let vf = ethernet("ens5", "02:00:c0:a8:07:0a", "0000:05:00.0", "igbvf");
    let devices = [dummy(0, 10), dummy(1, 11), vf, plain("ib0", 6)];
    check("ethernet-and-infiniband", &nics(&[10, 11]), &devices);
    assert_eq!(
        pairs(&nics(&[10, 11]), &devices),
        ["ETH0 -> ens5", "ETH1 -> ib0"]
    );
}

#[test]
fn a_device_that_has_the_prefix_by_chance_is_not_a_dummy() {
    let mac = "aa:00:c0:a8:07:0a";
    let impostors = [
        ethernet("eth0", mac, "0000:00:03.0", "igbvf"),
        ethernet("eth0", mac, "0000:00:03.0", "iavf"),
        ethernet("eth0", mac, "0000:00:03.0", "mlx5_core"),
        ethernet("eth0", mac, "0000:00:03.0", "mlx4_core"),
        ethernet("eth0", mac, "0000:00:03.0", "mlx4_en"),
        virtio("eth0", mac, 3).with("addr_assign_type", "1"),
        virtio("eth0", "aa:00:11:22:33:44", 3),
    ];
    for impostor in impostors {
        let machine = Machine::new(&nics(&[10]), std::slice::from_ref(&impostor));
        let decisions = decisions(&machine);
        let why = "ETH0 is not configured: no network device has MAC 02:00:c0:a8:07:0a, and no dummy NIC or port GUID \
                   (prefix aa) ends in c0:a8:07:0a; MACs here: 'eth0' ";
        assert_eq!(decisions.len(), 1, "{impostor:?}");
        assert!(decisions[0].starts_with(why), "{impostor:?}: {decisions:?}");
        assert_eq!(apply(&machine).code, 0);
        assert_eq!(machine.etc_paths(), Vec::<String>::new(), "{impostor:?}");
    }
}

#[test]
fn a_plain_nic_may_have_a_mac_with_the_prefix() {
    let context = "ETH0_MAC='aa:00:c0:a8:07:0a'\nETH0_IP='192.168.7.10'\n";
    assert_eq!(
        pairs(context, &[virtio("eth0", "aa:00:c0:a8:07:0a", 3)]),
        ["ETH0 -> eth0"]
    );
}

#[test]
fn two_nics_with_the_same_key_are_paired_in_order() {
    // Two networks with the same address range: a NIC on a bridge, and an InfiniBand VF.
    let context = "ETH0_MAC='02:00:c0:a8:07:0a'\nETH0_IP='192.168.7.10'\nETH0_MASK='255.255.0.0'\n\
                   ETH1_MAC='02:00:c0:a8:07:0a'\nETH1_IP='192.168.7.10'\nETH1_MASK='255.255.255.0'\n";
    let devices = [
        virtio("eth0", "02:00:c0:a8:07:0a", 3),
        virtio("eth1", "aa:00:c0:a8:07:0a", 4),
        plain("ib0", 5),
    ];
    check("bridge-and-infiniband-with-one-key", context, &devices);
    // Two InfiniBand VFs.
    let devices = [dummy(0, 10), dummy(1, 10), plain("ib0", 5), plain("ib1", 6)];
    check("two-infiniband-with-one-key", context, &devices);
}

#[test]
fn an_ethernet_vf_with_a_dummy_in_an_old_context() {
    let context = "ETH0_IP='192.168.7.10'\nETH0_MASK='255.255.0.0'\n";
    let vf = ethernet("eth1", "02:00:c0:a8:07:0a", "0000:05:00.0", "igbvf");
    assert_eq!(pairs(context, &[dummy(0, 10), vf]), ["ETH0 -> eth1"]);
}

#[test]
fn a_nic_with_an_empty_ip_gets_no_address_from_its_mac() {
    let context = "ETH0_MAC='02:00:de:6a:83:15'\nETH0_IP=''\n";
    let devices = [virtio("eth0", "aa:00:de:6a:83:15", 3), plain("ib0", 5)];
    let decided = decide(context, &devices);
    assert_eq!(
        decided[0],
        "ETH0 (position 0) is not managed: the context gives it no address"
    );
}

#[test]
fn without_nics_in_the_context_addresses_come_from_macs() {
    let devices = [
        virtio("eth0", "02:00:0a:00:00:05", 3),
        virtio("eth1", "02:00:0a:01:00:05", 4),
        virtio("eth2", "52:54:00:01:02:03", 5),
        dummy(3, 10),
        plain("ib0", 6),
    ];
    check(
        "no-nic-in-the-context",
        "HOSTNAME=\"hpc1\"\nTARGET=\"hda\"\n",
        &devices,
    );
}

#[test]
fn beside_one_context_plain_ethernet_nics_are_not_managed() {
    let vf = ethernet("ens5", "02:00:c0:a8:07:0a", "0000:05:00.0", "igbvf");
    let machine = Machine::new(&nics(&[10, 11]), &[vf, dummy(1, 11), plain("ib0", 6)]);
    machine.write("/etc/one-sriov/agent.conf", "role = companion\n");
    assert_eq!(
        decisions(&machine)[..2],
        [
            "role: companion, beside one-context",
            "ETH0 is not managed: one-context configures plain Ethernet NICs"
        ]
    );
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(address_of(&machine, "ib0").as_deref(), Some("192.168.7.11"));
    assert_eq!(address_of(&machine, "ens5"), None);
}

#[test]
fn the_prefix_can_be_configured() {
    let machine = Machine::new(
        &nics(&[10]),
        &[virtio("eth0", "a6:00:c0:a8:07:0a", 3), plain("ib0", 5)],
    );
    machine.write("/etc/one-sriov/agent.conf", "prefix = A6\n");
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(address_of(&machine, "ib0").as_deref(), Some("192.168.7.10"));
}

#[test]
fn an_address_is_not_assigned_to_two_positions() {
    let devices = [dummy(0, 10), dummy(1, 10), plain("ib0", 5), plain("ib1", 6)];
    let decided = decide(&nics(&[10]), &devices);
    assert_eq!(
        decided[0],
        "ETH0 (position 0) -> ib0: its index in PCI order is the position"
    );
    assert_eq!(
        decided[1],
        "IB1/c0:a8:07:0a (position 1) is not managed: the context gives it no address"
    );
}

#[test]
fn a_device_matched_by_its_address_is_not_also_matched_by_its_name() {
    // The address in its MAC shows that eth1 is ETH0, so it isn't ETH1 by its name.
    let context = "ETH0_IP='192.168.7.10'\nETH1_IP='10.9.9.9'\n";
    assert_eq!(
        pairs(context, &[virtio("eth1", "02:00:c0:a8:07:0a", 3)]),
        ["ETH0 -> eth1"]
    );
}

/// The script of 2013 decided for each NIC separately.
#[test]
fn before_4_14_a_nic_without_variables_gets_the_address_in_its_mac() {
    let devices = [
        virtio("eth0", "02:00:0a:00:00:05", 3),
        virtio("eth1", "02:00:0a:01:00:05", 4),
        virtio("eth2", "52:54:00:01:02:03", 5),
    ];
    let table = [
        // ETH1 is found by the address in the MAC; eth0 belongs to no NIC.
        (
            "ETH1_IP='10.1.0.5'\nETH1_MASK='255.255.0.0'\n",
            &["10.0.0.5/24 via 10.0.0.1", "10.1.0.5/16"][..],
        ),
        // IPv6 alone does not remove an IPv4 address.
        (
            "ETH0_IP6='2001:db8::5'\nETH0_DNS='10.0.0.2'\n",
            &["10.0.0.5/24", "10.1.0.5/24"],
        ),
        (
            "ETH0_IP='10.0.0.5'\nETH1_METHOD='skip'\n",
            &["10.0.0.5/24", ""],
        ),
    ];
    for (context, expected) in table {
        let machine = Machine::new(context, &devices);
        assert_eq!(apply(&machine).code, 0, "{context}");
        let found: Vec<String> = (0..expected.len())
            .map(|index| ipv4_of(&machine, &format!("eth{index}")))
            .collect();
        assert_eq!(found, expected, "{context}");
        assert_eq!(address_of(&machine, "eth2"), None);
    }
    let machine = Machine::new("ETH0_IP6='2001:db8::5'\n", &devices);
    assert_eq!(apply(&machine).code, 0);
    let text = machine.read("/etc/sysconfig/network-scripts/ifcfg-eth0");
    assert!(text.contains("IPV6ADDR=2001:db8::5/64\n"), "{text}");
}

/// The IPv4 address and the gateway in an ifcfg file.
fn ipv4_of(machine: &Machine, device: &str) -> String {
    let path = format!("/etc/sysconfig/network-scripts/ifcfg-{device}");
    let text = if machine.has(&path) {
        machine.read(&path)
    } else {
        String::new()
    };
    let value = |key: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    };
    let (Some(address), Some(length)) = (value("IPADDR"), value("PREFIX")) else {
        return String::new();
    };
    match value("GATEWAY") {
        Some(gateway) => format!("{address}/{length} via {gateway}"),
        None => format!("{address}/{length}"),
    }
}

/// A current context may have no NICs because they use DHCP, or because another program configures them.
#[test]
fn in_current_contexts_addresses_are_not_decoded_from_macs_by_default() {
    let devices = [
        virtio("eth0", "02:00:5e:12:34:56", 3),
        dummy(3, 10),
        plain("ib0", 6),
    ];
    for context in [
        one_sriov_tests::context("7.5-no-nic"),
        "IB0_MASK='255.255.0.0'\n".into(),
        "NETWORK='YES'\nPCI0_ADDRESS='01:01.0'\n".into(),
        // In current contexts every NIC has a MAC.
        "ETH7_MAC='02:00:c0:a8:07:63'\nETH7_IP='192.168.7.99'\n".into(),
    ] {
        let machine = Machine::new(&context, &devices);
        assert_eq!(apply(&machine).code, 0, "{context}");
        assert_eq!(address_of(&machine, "eth0"), None, "{context}");
    }
    // Dummy NICs and GUIDs still show addresses.
    let machine = Machine::new(&one_sriov_tests::context("7.5-no-nic"), &devices);
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(address_of(&machine, "ib0").as_deref(), Some("192.168.7.10"));

    // The operator can request addresses from MACs, or forbid them where they are the default.
    machine.write("/etc/one-sriov/agent.conf", "address_from_mac = yes\n");
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(ipv4_of(&machine, "eth0"), "94.18.52.86/24 via 94.18.52.1");
    machine.write("/etc/one-sriov/agent.conf", "address_from_mac = no\n");
    machine.write("/context/context.sh", "HOSTNAME=\"hpc1\"\n");
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(address_of(&machine, "eth0"), None, "the file is gone");
}

/// With `NETWORK=NO` OpenNebula describes no NIC: only NICs that the user describes are configured.
#[test]
fn with_network_no_only_described_nics_are_configured() {
    let devices = [
        virtio("eth0", "02:00:0a:00:00:05", 3),
        dummy(3, 10),
        plain("ib0", 5),
        ethernet("ens9", "02:00:0a:09:00:05", "0000:01:01.0", "mlx5_core"),
    ];
    let table = [
        ("ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.9'\n", "eth0"),
        ("ETH0_IP='10.0.0.9'\n", "eth0"),
        ("IB3_IP='10.0.0.9'\n", "ib0"),
        ("PCI0_ADDRESS='01:01.0'\nPCI0_IP='10.0.0.9'\n", "ens9"),
    ];
    for no in ["NO", "no", "false", "0"] {
        for (context, device) in table {
            let machine = Machine::new(&format!("{context}NETWORK='{no}'\n"), &devices);
            assert_eq!(apply(&machine).code, 0, "{context}");
            for name in ["eth0", "ib0", "ens9"] {
                let expected = (name == device).then_some("10.0.0.9");
                assert_eq!(address_of(&machine, name).as_deref(), expected, "{context}");
            }
        }
        // No address is decoded, and nothing is written by default.
        let machine = Machine::new(&format!("HOSTNAME=\"a\"\nNETWORK=\"{no}\"\n"), &devices);
        assert_eq!(apply(&machine).code, 0);
        assert_eq!(machine.etc_paths(), Vec::<String>::new());
    }
}
