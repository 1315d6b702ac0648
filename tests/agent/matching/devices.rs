//! Which network devices are NICs.

use one_sriov_tests::{Machine, Nic, ethernet, infiniband, virtio};

use super::{dummy, nics, pairs, plain, with_dummy_guid};
use crate::scenario::{apply, decide};

#[test]
fn stacked_and_virtual_devices_are_ignored() {
    let mac = "02:00:c0:a8:07:0a";
    let set = |nic: Nic| nic.with("addr_assign_type", "3");
    let made_up = |name: &str| set(virtio(name, mac, 9).virtual_device());
    let child = plain("ib0.8001", 5).with("iflink", "2");
    let old_child = plain("ib0.8002", 5).with("parent", "ib0");
    let devices = [
        made_up("bond0").with("uevent", "DEVTYPE=bond\nINTERFACE=bond0"),
        made_up("br0").with("bridge/bridge_id", "8000.020000000000"),
        made_up("vlan5").with("uevent", "DEVTYPE=vlan"),
        made_up("tap0").with("tun_flags", "0x1002"),
        made_up("team0").with("lower_eth0/ifindex", "2"),
        virtio("docker0", mac, 9)
            .virtual_device()
            .with("addr_assign_type", "1"),
        made_up("lo").with("type", "772"),
        child,
        old_child,
        virtio("eth0", mac, 3),
        dummy(1, 11),
        plain("ib0", 5),
    ];
    let machine = Machine::new(&nics(&[10, 11]), &devices);
    assert_eq!(
        pairs(&nics(&[10, 11]), &devices),
        ["ETH0 -> eth0", "ETH1 -> ib0"]
    );
    let explained = |name: &str| one_sriov_tests::run(&machine, &["explain", name]).stdout;
    assert_eq!(
        explained("bond0"),
        "'bond0' is ignored: a device of kind 'bond'\n"
    );
    assert_eq!(
        explained("br0"),
        "'br0' is ignored: a virtual device (it has 'bridge')\n"
    );
    assert_eq!(
        explained("team0"),
        "'team0' is ignored: a virtual device (it has 'lower_eth0')\n"
    );
    assert_eq!(
        explained("docker0"),
        "'docker0' is ignored: a virtual device with an address that the kernel chose\n"
    );
    assert_eq!(
        explained("ib0.8001"),
        "'ib0.8001' is ignored: a P_Key child\n"
    );
    assert_eq!(
        explained("ib0.8002"),
        "'ib0.8002' is ignored: a P_Key child\n"
    );
    assert_eq!(
        explained("lo"),
        "'lo' is ignored: neither Ethernet nor InfiniBand (ARPHRD type 772)\n"
    );
}

#[test]
fn in_a_container_the_nic_is_a_virtual_device_with_a_chosen_address() {
    let veth = virtio("eth0", "02:00:c0:a8:07:0a", 9)
        .virtual_device()
        .with("addr_assign_type", "3")
        .with("iflink", "77");
    assert_eq!(pairs(&nics(&[10]), &[veth]), ["ETH0 -> eth0"]);
}

#[test]
fn a_device_passed_through_by_pci_address_has_no_position() {
    // A VF that OpenNebula passes through as a PCI device, but not as a NIC.
    let context = nics(&[10]) + "PCI0_ADDRESS='05:05.0'\n";
    let devices = [dummy(0, 10), plain("ib0", 5), plain("ib1", 6)];
    assert_eq!(pairs(&context, &devices), ["ETH0 -> ib1"]);
}

/// A PCI NIC of a ConnectX-3 VF, which has two ports.
#[test]
fn the_context_can_name_one_of_two_ports_at_a_pci_address() {
    let context = |more: &str| {
        format!("PCI0_ADDRESS='05:05.0'\nPCI0_IP='10.9.0.5'\nPCI0_MASK='255.255.255.0'\n{more}")
    };
    let port = |name: &str, number: &str| plain(name, 5).with("dev_port", number);
    let ports = [port("ib0", "0"), port("ib1", "1")];
    let note = "note: 'ib1' is another port at the PCI address of PCI0; 'ib0' is used; set PCI0_PORT to use the other";
    let decided = decide(&context(""), &ports);
    assert!(decided.iter().any(|line| line == note), "{decided:?}");
    for (number, device) in [("1", "ib0"), ("2", "ib1")] {
        let context = context(&format!("PCI0_PORT='{number}'"));
        assert_eq!(pairs(&context, &ports), [format!("PCI0 -> {device}")]);
    }
    let machine = Machine::new(&context("PCI0_PORT='3'"), &ports);
    let outcome = apply(&machine);
    assert_eq!(outcome.code, 4);
    let said = "error: PCI0 is not configured: PCI0_PORT is 3, but its device has other ports: 'ib0', 'ib1'\n";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    // The only port of a device is the one that is meant, as for `IB<N>_PORT`.
    assert_eq!(
        pairs(&context("PCI0_PORT='2'"), &ports[..1]),
        ["PCI0 -> ib0"]
    );
}

/// OpenNebula guesses PCI addresses, which are wrong on some machines; a GUID or MAC that the host has set is right.
#[test]
fn a_pci_nic_without_a_device_at_its_address_is_found_by_guid_or_mac() {
    let context = "PCI0_ADDRESS='01:01.0'\nPCI0_MAC='02:00:c0:a8:07:0a'\nPCI0_IP='10.9.0.5'\n\
                   PCI1_ADDRESS='01:02.0'\nPCI1_MAC='02:00:c0:a8:07:0b'\nPCI1_IP='10.9.0.6'\n";
    let devices = [
        with_dummy_guid("ib0", 5, 1, 10),
        ethernet("ens9", "02:00:c0:a8:07:0b", "0000:05:06.0", "mlx5_core"),
    ];
    assert_eq!(
        decide(context, &devices),
        [
            "PCI0 -> ib0: its port GUID carries the dummy MAC aa:01:c0:a8:07:0a",
            "PCI1 -> ens9: it has the MAC of the NIC",
        ]
    );
    // The address has precedence over the key, and ETH<k> over PCI<k>.
    let at_address = with_dummy_guid("ib1", 6, 0, 99).at("0000:01:01.0");
    assert_eq!(
        pairs(context, &[devices[1].clone(), at_address]),
        ["PCI0 -> ib1", "PCI1 -> ens9"]
    );
    let with_eth = context.to_owned() + &nics(&[10]);
    assert_eq!(pairs(&with_eth, &devices), ["ETH0 -> ib0", "PCI1 -> ens9"]);
}

/// For an InfiniBand PCI NIC OpenNebula passes no mask, and the VLAN is a partition.
#[test]
fn an_infiniband_pci_nic_has_a_p_key_and_a_guessed_mask() {
    let context = "PCI0_ADDRESS='05:05.0'\nPCI0_MAC='02:00:c0:a8:07:0a'\nPCI0_IP='10.9.0.5'\nPCI0_VLAN_ID='32769'\n";
    let explained = |context: &str| {
        let machine = Machine::new(context, &[with_dummy_guid("ib0", 5, 0, 10)]);
        one_sriov_tests::run(&machine, &["explain", "PCI0"]).stdout
    };
    let guessed = explained(context);
    let lines: Vec<_> = guessed.lines().map(str::trim).collect();
    assert!(lines[0].starts_with("PCI0 -> ib0"), "{guessed}");
    let expected = [
        "address 10.9.0.5/24 from PCI0_IP",
        "mask /24 from no variable: a guess",
        "P_Key 0x8001 from PCI0_VLAN_ID",
    ];
    for line in expected {
        assert!(lines.contains(&line), "{guessed}");
    }
    let with_mask = context.to_owned() + "PCI0_MASK='255.255.255.0'\n";
    let with_length = context.replace("10.9.0.5", "10.9.0.5/24");
    for known in [with_mask, with_length] {
        let explained = explained(&known);
        assert!(!explained.contains("guess"), "{explained}");
    }
}

/// The context does not say whether OpenNebula's network driver has set the VLAN on the card.
#[test]
fn the_vlan_of_a_pci_nic_is_tagged_in_the_guest_unless_the_host_tags_it() {
    let context = "PCI0_ADDRESS='05:06.0'\nPCI0_MAC='02:00:c0:a8:07:0b'\nPCI0_IP='10.9.0.6'\nPCI0_VLAN_ID='42'\n";
    let device = ethernet("ens9", "02:00:c0:a8:07:0b", "0000:05:06.0", "mlx5_core");
    let tagged = |more: &str| {
        let machine = Machine::new(&(context.to_owned() + more), std::slice::from_ref(&device));
        one_sriov_tests::run(&machine, &["plan"])
            .stdout
            .contains("ens9.42")
    };
    assert!(tagged(""));
    assert!(tagged("PCI0_VLAN_TAG='guest'\n"));
    assert!(!tagged("PCI0_VLAN_TAG='host'\n"));
    // A wrong value is reported and ignored.
    assert!(tagged("PCI0_VLAN_TAG='card'\n"));
    let machine = Machine::new(
        &(context.to_owned() + "PCI0_VLAN_TAG='card'\n"),
        std::slice::from_ref(&device),
    );
    let said = one_sriov_tests::run(&machine, &["plan"]);
    let said = format!("{}{}", said.stdout, said.stderr);
    assert!(
        said.contains("PCI0_VLAN_TAG 'card' is neither 'guest' nor 'host'"),
        "{said}"
    );
}

/// A NIC of the context that has no device here is named, not only counted in the exit code.
#[test]
fn every_nic_without_a_device_is_reported() {
    let table = [
        (
            "ETH0_MAC='02:00:c0:a8:07:0a'\nETH0_IP='10.0.0.5'",
            "ETH0 is not configured: no network device has MAC 02:00:c0:a8:07:0a, and no dummy NIC or port GUID (prefix aa) ends in c0:a8:07:0a; MACs here: none; port GUIDs here: none",
        ),
        (
            "ETH0_MAC='02:00:c0:a8:07:0a'\nETH0_METHOD='skip'",
            "ETH0 is not configured: no network device has MAC 02:00:c0:a8:07:0a",
        ),
        (
            "ETH0_IP='10.0.0.5'",
            "ETH0 is not configured: no MAC contains its address, and no device is named 'eth0'",
        ),
        (
            "ETH0_MAC='02:00:c0:a8:07:0a'\nETH1_IP='10.0.0.5'",
            "ETH1 is not configured: ETH1_MAC is not set",
        ),
        ("ETH0_ALIAS0_IP='10.0.0.5'", "ETH0 is not configured: "),
        (
            "IB3_IP='10.0.0.5'",
            "IB3_* is set, but no dummy NIC and no port GUID names position 3; positions here: none",
        ),
        (
            "PCI0_ADDRESS='01:01.0'\nPCI0_IP='10.0.0.5'",
            "PCI0 is not configured: no network device is at PCI address 0000:01:01.0; PCI addresses here: none",
        ),
        (
            "PCI0_ADDRESS='01:01.0'\nPCI0_MAC='02:00:c0:a8:07:0a'",
            "PCI0 is not configured: no network device is at PCI address 0000:01:01.0, and none has MAC 02:00:c0:a8:07:0a or a port GUID that ends in c0:a8:07:0a; PCI addresses here: none; MACs here: none",
        ),
        (
            "PCI0_IP='10.0.0.5'",
            "PCI0 is not configured: the context gives neither its PCI address nor its MAC",
        ),
    ];
    for (context, named) in table {
        for (word, network) in [("", ""), ("NETWORK=NO", "NETWORK='NO'\n")] {
            let machine = Machine::new(&format!("{context}\n{network}"), &[]);
            let said = crate::scenario::apply(&machine).stderr;
            assert!(
                said.contains(&format!("warning: {named}")),
                "{context} {word}: {said}"
            );
            let planned = one_sriov_tests::run(&machine, &["plan"]).stdout;
            assert!(planned.contains(named), "{context} {word}: {planned}");
        }
    }
}

/// The message lists what exists, because usually one digit is wrong.
#[test]
fn messages_list_the_existing_pci_addresses_and_positions() {
    let context = "PCI0_ADDRESS='01:01.0'\nPCI0_IP='10.9.0.5'\nETH0_MAC='02:00:c0:a8:07:05'\nETH0_IP='192.168.7.5'\n\
        IB3_IP='10.0.0.5'\n";
    let nics = [
        ethernet("ens9", "02:00:0a:09:00:05", "0000:01:02.0", "mlx5_core"),
        virtio("eth1", "aa:02:c0:a8:07:05", 4),
        infiniband("ib0", "24:8a:07:03:00:aa:bb:01", "0000:00:05.0"),
    ];
    let said = crate::scenario::apply(&Machine::new(context, &nics)).stderr;
    for expected in [
        "no network device is at PCI address 0000:01:01.0; PCI addresses here: 'eth1' 0000:00:04.0, 'ib0' 0000:00:05.0, 'ens9' 0000:01:02.0\n",
        "IB3_* is set, but no dummy NIC and no port GUID names position 3; positions here: 2\n",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn explain_shows_ignored_values() {
    let context = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_MTU='many'\n";
    let machine = Machine::new(context, &[virtio("eth0", "02:00:0a:00:00:05", 3)]);
    let explained = one_sriov_tests::run(&machine, &["explain", "ETH0"]).stdout;
    assert!(
        explained.contains("\n  ignored: ETH0_MTU 'many' is not "),
        "{explained}"
    );
}
