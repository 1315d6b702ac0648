//! Which device is which NIC: dummies, GUIDs, order, names.

use one_sriov_tests::{Machine, Nic, ethernet, infiniband, virtio};

use crate::scenario::{SCRIPTS, address_of, apply, check, decide, decisions};

/// A context of `ETH<k>` NICs with the addresses 192.168.7.<last> and the MACs that OpenNebula derives.
fn nics(lasts: &[u8]) -> String {
    let nic = |(index, last): (usize, &u8)| {
        format!(
            "ETH{index}_MAC='02:00:c0:a8:07:{last:02x}'\nETH{index}_IP='192.168.7.{last}'\nETH{index}_MASK='255.255.255.0'\n"
        )
    };
    lasts.iter().enumerate().map(nic).collect::<String>() + "NETWORK='YES'\n"
}

/// The dummy NIC of position `position` for the NIC with the address 192.168.7.<last>.
fn dummy(position: u8, last: u8) -> Nic {
    virtio(
        &format!("eth{position}"),
        &format!("aa:{position:02x}:c0:a8:07:{last:02x}"),
        3 + position % 16,
    )
}

/// An InfiniBand device with a GUID of its vendor.
fn plain(name: &str, slot: u8) -> Nic {
    infiniband(
        name,
        &format!("24:8a:07:03:00:00:00:{slot:02x}"),
        &format!("0000:05:{slot:02x}.0"),
    )
}

/// An InfiniBand device whose GUID carries a dummy MAC.
fn carrying(name: &str, slot: u8, position: u8, last: u8) -> Nic {
    infiniband(
        name,
        &format!("00:2a:aa:{position:02x}:c0:a8:07:{last:02x}"),
        &format!("0000:05:{slot:02x}.0"),
    )
}

/// Which NIC got which device: `ETH1 -> ib0`.
fn pairs(context: &str, devices: &[Nic]) -> Vec<String> {
    let pair = |line: String| {
        let (nic, device) = line.split_once(" -> ")?;
        let (nic, device) = (nic.split(' ').next()?, device.split(':').next()?);
        Some(format!("{nic} -> {device}"))
    };
    decide(context, devices)
        .into_iter()
        .filter_map(pair)
        .collect()
}

#[test]
fn a_dummy_mac_is_read_in_both_cases() {
    for mac in ["aa:00:c0:a8:07:05", "AA:00:C0:A8:07:05"] {
        // An address that somebody set is as good as one of the hypervisor.
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
fn every_position_has_its_name_while_no_device_is_there() {
    for position in [0, 9, 10, 15, 16, 255] {
        let machine = Machine::new(&nics(&[5]), &[dummy(position, 5)]);
        let outcome = apply(&machine);
        let device = format!("ib{position}");
        assert_eq!(outcome.code, 0);
        assert_eq!(
            outcome.stderr,
            format!(
                "one-sriov-agent: warning: ETH0 is written for '{device}': its device cannot be told yet; the name is assumed from the position\n"
            )
        );
        assert_eq!(
            address_of(&machine, &device).as_deref(),
            Some("192.168.7.5")
        );
    }
}

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
fn one_ethernet_and_one_infiniband_sriov_nic() {
    // Position 0 is the Ethernet VF, found by its MAC; its dummy only marks it.
    let vf = ethernet("ens5", "02:00:c0:a8:07:0a", "0000:05:00.0", "igbvf");
    let devices = [dummy(0, 10), dummy(1, 11), vf, plain("ib0", 6)];
    check("ethernet-and-infiniband", &nics(&[10, 11]), &devices);
    assert_eq!(
        pairs(&nics(&[10, 11]), &devices),
        ["ETH0 -> ens5", "ETH1 -> ib0"]
    );
}

#[test]
fn a_vf_that_drew_a_mac_with_the_prefix_is_no_dummy() {
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
        assert_eq!(
            decisions(&machine),
            ["ETH0 is not configured: no device has its MAC, and no position its key"],
            "{impostor:?}"
        );
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
fn fewer_devices_than_positions_are_not_guessed() {
    let devices = [dummy(0, 10), dummy(1, 11), plain("ibp5s5", 5)];
    check("fewer-devices-than-positions", &nics(&[10, 11]), &devices);
}

#[test]
fn a_late_device_moves_the_file_to_its_real_name() {
    let mut machine = Machine::new(
        &nics(&[10, 11]),
        &[dummy(0, 10), dummy(1, 11), carrying("ibp5s5", 5, 0, 10)],
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
    // Gone again, it keeps the name that it had.
    machine.unplug("ibp5s6");
    assert_eq!(apply(&machine).stdout, "4 files are as they shall be\n");
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
fn two_nics_with_one_key_are_paired_in_order() {
    // Two networks that lease out the same addresses: one NIC on a bridge, one InfiniBand VF.
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
fn an_ethernet_vf_behind_its_dummy_in_an_old_context() {
    let context = "ETH0_IP='192.168.7.10'\nETH0_MASK='255.255.0.0'\n";
    let vf = ethernet("eth1", "02:00:c0:a8:07:0a", "0000:05:00.0", "igbvf");
    assert_eq!(pairs(context, &[dummy(0, 10), vf]), ["ETH0 -> eth1"]);
}

#[test]
fn a_lease_whose_mac_is_no_address_is_never_decoded() {
    let context = "ETH0_MAC='02:00:de:6a:83:15'\nETH0_IP=''\n";
    let devices = [virtio("eth0", "aa:00:de:6a:83:15", 3), plain("ib0", 5)];
    let decided = decide(context, &devices);
    assert_eq!(
        decided[0],
        "ETH0 (position 0) is left alone: the context gives it no address"
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
fn stacked_and_virtual_devices_are_left_out() {
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
        "'bond0' is not looked at: a device of kind 'bond'\n"
    );
    assert_eq!(
        explained("br0"),
        "'br0' is not looked at: a virtual device (it has 'bridge')\n"
    );
    assert_eq!(
        explained("team0"),
        "'team0' is not looked at: a virtual device (it has 'lower_eth0')\n"
    );
    assert_eq!(
        explained("docker0"),
        "'docker0' is not looked at: a virtual device with an address that nobody chose\n"
    );
    assert_eq!(
        explained("ib0.8001"),
        "'ib0.8001' is not looked at: a P_Key child\n"
    );
    assert_eq!(
        explained("ib0.8002"),
        "'ib0.8002' is not looked at: a P_Key child\n"
    );
    assert_eq!(
        explained("lo"),
        "'lo' is not looked at: neither Ethernet nor InfiniBand (ARPHRD type 772)\n"
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
fn a_nic_that_udev_is_not_done_with_waits_and_costs_no_other() {
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
            .contains("ETH0 is not configured: udev is not done with 'eth0' yet"),
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
fn beside_one_context_plain_ethernet_is_left_to_it() {
    let vf = ethernet("ens5", "02:00:c0:a8:07:0a", "0000:05:00.0", "igbvf");
    let machine = Machine::new(&nics(&[10, 11]), &[vf, dummy(1, 11), plain("ib0", 6)]);
    machine.write("/etc/one-sriov/agent.conf", "role = companion\n");
    assert_eq!(
        decisions(&machine)[0],
        "ETH0 is left alone: one-context configures plain Ethernet NICs"
    );
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(address_of(&machine, "ib0").as_deref(), Some("192.168.7.11"));
    assert_eq!(address_of(&machine, "ens5"), None);
}

#[test]
fn another_prefix_is_taken_from_the_configuration() {
    let machine = Machine::new(
        &nics(&[10]),
        &[virtio("eth0", "a6:00:c0:a8:07:0a", 3), plain("ib0", 5)],
    );
    machine.write("/etc/one-sriov/agent.conf", "prefix = A6\n");
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(address_of(&machine, "ib0").as_deref(), Some("192.168.7.10"));
}

#[test]
fn a_device_handed_in_by_its_pci_address_is_at_no_position() {
    // A VF that the cloud knows as a PCI device and not as a NIC.
    let context = nics(&[10]) + "PCI0_ADDRESS='05:05.0'\n";
    let devices = [dummy(0, 10), plain("ib0", 5), plain("ib1", 6)];
    assert_eq!(pairs(&context, &devices), ["ETH0 -> ib1"]);
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
fn a_dummy_that_is_late_moves_no_other_nic() {
    // Position 0 is an Ethernet VF; of the InfiniBand positions 1 and 2, the dummy of 2 is late.
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
    // Nor does a NIC whose MAC cannot be read.
    let misspelt = context.replace("ETH1_MAC='02:00:c0:a8:07:0b'", "ETH1_MAC='02:00:c0:a8:07'");
    assert_eq!(pairs(&misspelt, &devices), ["ETH0 -> ens5", "ETH2 -> ib1"]);
}

#[test]
fn an_assumed_name_that_is_another_nics_is_not_written() {
    // The device called ib1 is position 0; position 1 has none yet.
    let machine = Machine::new(
        &nics(&[10, 11]),
        &[dummy(0, 10), dummy(1, 11), carrying("ib1", 5, 0, 10)],
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
fn one_address_is_not_given_to_two_positions() {
    let devices = [dummy(0, 10), dummy(1, 10), plain("ib0", 5), plain("ib1", 6)];
    let decided = decide(&nics(&[10]), &devices);
    assert_eq!(
        decided[0],
        "ETH0 (position 0) -> ib0: its place in PCI order is the position"
    );
    assert_eq!(
        decided[1],
        "IB1/c0:a8:07:0a (position 1) is left alone: the context gives it no address"
    );
}

#[test]
fn a_name_is_no_reason_for_a_device_that_its_address_has_given_away() {
    // ETH0 is eth1 by the address in its MAC, so that ETH1 is not eth1 by name.
    let context = "ETH0_IP='192.168.7.10'\nETH1_IP='10.9.9.9'\n";
    assert_eq!(
        pairs(context, &[virtio("eth1", "02:00:c0:a8:07:0a", 3)]),
        ["ETH0 -> eth1"]
    );
}

#[test]
fn variables_of_a_position_alone_leave_the_oldest_fall_back_as_it_is() {
    let devices = [virtio("eth0", "02:00:0a:00:00:05", 3)];
    let machine = Machine::new("IB0_MASK='255.255.0.0'\n", &devices);
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(address_of(&machine, "eth0").as_deref(), Some("10.0.0.5"));
    machine.write("/etc/one-sriov/agent.conf", "role = companion\n");
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(
        address_of(&machine, "eth0"),
        None,
        "beside one-context, Ethernet is not ours"
    );
}

#[test]
fn a_dummy_that_udev_is_not_done_with_is_late_and_keeps_its_file() {
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
        "it is waited for"
    );
    assert_eq!(machine.etc(), before);
}
