#![allow(clippy::unwrap_used)]

use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;

use super::message::{attribute, message};
use super::record::{address_message, link_message, route_message};
use super::*;

fn link() -> PfLink {
    let vf = |vf| VfInfo {
        vf,
        mac: Some("02:11:00:00:00:01".parse().unwrap()),
        vlan: Some(VfVlan {
            id: 100,
            qos: 3,
            is_8021ad: vf % 2 == 1,
        }),
        link_state: Some(VfLinkState::Disable),
        spoof_check: Some(true),
        trust: (vf % 2 == 1).then_some(false),
        rates: Some((10, 1000)),
        node_guid: Some("00:04:aa:00:c0:a8:32:11".parse().unwrap()),
        port_guid: None,
    };
    PfLink {
        index: 7,
        name: "ib0".parse().unwrap(),
        vfs: (0..200).map(vf).collect(),
    }
}

/// A VF in the layout of the header files, written by hand, in little-endian order.
#[cfg(target_endian = "little")]
#[test]
fn a_message_of_the_kernel_is_read() {
    let bytes: &[u8] = &[
        0xa0, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0,
        0, // nlmsghdr: 160 bytes, RTM_NEWLINK
        0, 0, 32, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // ifinfomsg: InfiniBand, index 9
        8, 0, 3, 0, b'i', b'b', b'0', 0, // IFLA_IFNAME
        8, 0, 21, 0, 1, 0, 0, 0, // IFLA_NUM_VF
        112, 0, 22, 0x80, // IFLA_VFINFO_LIST, nested
        108, 0, 1, 0x80, // IFLA_VF_INFO, nested
        40, 0, 1, 0, 3, 0, 0, 0, // IFLA_VF_MAC of VF 3, 32 bytes
        2, 0x11, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, //
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, //
        12, 0, 5, 0, 3, 0, 0, 0, 1, 0, 0, 0, // IFLA_VF_LINK_STATE: enable
        12, 0, 9, 0, 3, 0, 0, 0, 1, 0, 0, 0, // IFLA_VF_TRUST
        20, 0, 10, 0, 3, 0, 0, 0, 0, 0, 0, 0, // IFLA_VF_IB_NODE_GUID, padded
        0x11, 0x32, 0xa8, 0xc0, 0, 0xaa, 4, 0, // 0x0004aa00c0a83211
        20, 0, 11, 0, 3, 0, 0, 0, 0, 0, 0, 0, // IFLA_VF_IB_PORT_GUID: all ones
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    ];
    let read = link::parse(Messages::new(bytes)).unwrap();
    let expected = VfInfo {
        vf: 3,
        mac: Some("02:11:00:00:00:05".parse().unwrap()),
        vlan: None,
        link_state: Some(VfLinkState::Enable),
        spoof_check: None,
        trust: Some(true),
        rates: None,
        node_guid: Some("00:04:aa:00:c0:a8:32:11".parse().unwrap()),
        port_guid: None,
    };
    assert_eq!(
        (read.index, read.name.as_str(), read.vfs),
        (9, "ib0", vec![expected])
    );
}

#[test]
fn a_recorded_message_is_read_back() {
    let link = PfLink {
        vfs: link().vfs.split_off(197),
        ..link()
    };
    let bytes = link_message(&link);
    assert_eq!(link::parse(Messages::new(&bytes)).unwrap(), link);
}

#[test]
fn link_local_addresses_do_not_count() {
    let table = [
        ("192.168.7.1", true),
        ("169.254.3.4", false),
        ("fe80::1", false),
        ("febf::1", false),
        ("fec0::1", true),
        ("2001:db8::1", true),
    ];
    for (address, counts) in table {
        let bytes = address_message(5, address.parse().unwrap(), 24);
        let links = address::parse(Messages::new(&bytes)).unwrap();
        assert_eq!(links.contains(&5), counts, "{address}");
    }
}

#[test]
fn link_local_and_multicast_routes_do_not_count() {
    let table = [
        ("10.0.0.0", true),
        ("169.254.0.0", false),
        ("224.0.0.0", false),
        ("fe80::", false),
        ("ff00::", false),
        ("2001:db8::", true),
    ];
    for (destination, counts) in table {
        let bytes = route_message(5, destination.parse().unwrap(), 8);
        let links = route::parse(Messages::new(&bytes)).unwrap();
        assert_eq!(links.contains(&5), counts, "{destination}");
    }
}

#[test]
fn next_hops_count_but_the_kernels_local_table_does_not() {
    let hops = [
        [8_u16.to_ne_bytes(), [0; 2]].concat(),
        6_u32.to_ne_bytes().to_vec(),
    ]
    .concat();
    let route = |table: u8| {
        let mut payload = vec![2, 0, 0, 0, table, 0, 0, route::UNICAST, 0, 0, 0, 0];
        payload.extend(attribute(9, &hops.repeat(2)));
        payload.extend(attribute(route::RTA_OIF, &5_u32.to_ne_bytes()));
        message(route::RTM_NEWROUTE, 0, &payload)
    };
    let links = |table| route::parse(Messages::new(&route(table))).unwrap();
    assert_eq!(links(254), BTreeSet::from([5, 6]));
    assert_eq!(links(255), BTreeSet::new());
}

#[test]
fn a_fake_machine_answers_from_recorded_messages() {
    let dir = tempfile::TempDir::new().unwrap();
    let netlink = Netlink::new(&Root::new(dir.path()));
    let name: InterfaceName = "ib0".parse().unwrap();
    assert_eq!(netlink.link(&name).unwrap(), None);
    assert_eq!(netlink.addressed_links().unwrap(), BTreeSet::new());
    let records = dir.path().join("run/netlink/link");
    std::fs::create_dir_all(&records).unwrap();
    std::fs::write(records.join("ib0"), link_message(&link())).unwrap();
    assert_eq!(netlink.link(&name).unwrap().unwrap().index, 7);
    std::fs::write(records.join("ib0"), "rubbish").unwrap();
    let error = netlink.link(&name).unwrap_err().to_string();
    assert_eq!(
        error,
        "failed to ask the kernel for link 'ib0': the answer is cut off"
    );
}

/// An answer with a list whose length overflowed, modulo 65536, as from `nla_nest_end` of older kernels.
fn overflowed(link: &PfLink) -> Vec<u8> {
    let half = PfLink {
        vfs: link.vfs[..link.vfs.len() / 2].to_vec(),
        ..link.clone()
    };
    let mut bytes = link_message(&half);
    let list = bytes
        .windows(4)
        .position(|head| head[2..] == (link::IFLA_VFINFO_LIST + 0x8000).to_ne_bytes())
        .unwrap();
    let infos = bytes[list + 4..].to_vec();
    bytes.extend(&infos);
    // IFLA_NUM_VF is right before the list.
    let number = u32::try_from(link.vfs.len()).unwrap();
    bytes[list - 4..list].copy_from_slice(&number.to_ne_bytes());
    let wrapped = u16::try_from((4 + 2 * infos.len()) & 0xffff).unwrap();
    bytes[list..list + 2].copy_from_slice(&wrapped.to_ne_bytes());
    let len = u32::try_from(bytes.len()).unwrap();
    bytes[..4].copy_from_slice(&len.to_ne_bytes());
    bytes
}

#[test]
fn an_answer_without_a_link_is_an_error() {
    assert!(link::parse(Messages::new(&[])).is_err());
    assert!(link::parse(Messages::new(&message(99, 0, &[]))).is_err());
}

#[test]
fn the_complete_vfs_of_an_overflowed_list_are_read() {
    let all = PfLink {
        vfs: link().vfs.into_iter().cycle().take(480).collect(),
        ..link()
    };
    let read = link::parse(Messages::new(&overflowed(&all))).unwrap();
    assert_eq!((read.index, read.name.as_str()), (7, "ib0"));
    assert!((1..400).contains(&read.vfs.len()), "{}", read.vfs.len());
    assert_eq!(read.vfs, all.vfs[..read.vfs.len()]);
}

#[test]
fn vfs_that_do_not_fit_into_a_message_are_unknown() {
    let dir = tempfile::TempDir::new().unwrap();
    let netlink = Netlink::new(&Root::new(dir.path()));
    let records = dir.path().join("run/netlink");
    for directory in ["link", "bare"] {
        std::fs::create_dir_all(records.join(directory)).unwrap();
    }
    let name: InterfaceName = "ib0".parse().unwrap();
    std::fs::write(records.join("link/ib0"), record::refusal(EMSGSIZE)).unwrap();
    let bare = PfLink {
        vfs: Vec::new(),
        ..link()
    };
    std::fs::write(records.join("bare/ib0"), link_message(&bare)).unwrap();
    assert_eq!(netlink.link(&name).unwrap(), Some(bare));
    std::fs::write(records.join("link/ib0"), record::refusal(1)).unwrap();
    let error = netlink.link(&name).unwrap_err().to_string();
    let expected = "failed to ask the kernel for link 'ib0': Operation not permitted (os error 1)";
    assert_eq!(error, expected);
}

#[test]
fn counters_are_not_requested() {
    let name = "ib0".parse().unwrap();
    let filter = [8_u16.to_ne_bytes(), 29_u16.to_ne_bytes()].concat();
    let mask = |bytes: Vec<u8>| {
        let found = bytes.windows(4).position(|head| head == filter)?;
        message::u32_at(&bytes, found + 4)
    };
    assert_eq!(mask(link::request(&name, true)), Some(0b1001));
    assert_eq!(mask(link::request(&name, false)), None);
}

#[test]
fn the_kernel_answers() {
    let netlink = Netlink::new(&Root::default());
    let lo = netlink.link(&"lo".parse().unwrap()).unwrap().unwrap();
    assert_eq!((lo.index, lo.name.as_str(), lo.vfs), (1, "lo", vec![]));
    assert_eq!(netlink.link(&"nosuchlink0".parse().unwrap()).unwrap(), None);
    // 127.0.0.1 has host scope, and there is no route through lo.
    assert!(!netlink.addressed_links().unwrap().contains(&1));
    assert!(!netlink.routed_links().unwrap().contains(&1));
}

/// An interface in the layout of the header files.
fn interface_message(index: u32, name: &str, flags: u32, mtu: u32) -> Vec<u8> {
    let numbers = [0, index, flags, 0].map(u32::to_ne_bytes);
    let mut payload = numbers.as_flattened().to_vec();
    payload.extend(attribute(link::IFLA_IFNAME, format!("{name}\0").as_bytes()));
    payload.extend(attribute(interface::IFLA_MTU, &mtu.to_ne_bytes()));
    message(link::RTM_NEWLINK, 0, &payload)
}

/// A unicast route of IPv4 with attributes.
fn route4(table: u8, prefix: u8, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut payload = vec![2, prefix, 0, 0, table, 0, 0, route::UNICAST, 0, 0, 0, 0];
    for (kind, value) in attributes {
        payload.extend(attribute(*kind, value));
    }
    message(route::RTM_NEWROUTE, 0, &payload)
}

#[test]
fn interfaces_have_their_addresses_and_routes() {
    let dir = tempfile::TempDir::new().unwrap();
    let netlink = Netlink::new(&Root::new(dir.path()));
    assert_eq!(netlink.interfaces().unwrap(), None, "an offline image");
    let records = dir.path().join("run/netlink");
    std::fs::create_dir_all(&records).unwrap();
    let links = [
        interface_message(2, "eth0", 0x41, 1500),
        interface_message(5, "ib0", 0x1, 2044),
    ];
    std::fs::write(records.join("links"), links.concat()).unwrap();
    // On a point-to-point link the local end counts; the 32-bit flags override the 8-bit ones.
    let mut own = vec![2, 24, 0x80, 0];
    own.extend(2_u32.to_ne_bytes());
    own.extend(attribute(1, &[10, 0, 0, 254]));
    own.extend(attribute(2, &[10, 0, 0, 5]));
    own.extend(attribute(8, &0x48_u32.to_ne_bytes()));
    let addresses = [
        message(address::RTM_NEWADDR, 0, &own),
        address_message(5, "fe80::1".parse().unwrap(), 64),
        address_message(5, "2001:db8::5".parse().unwrap(), 64),
    ];
    std::fs::write(records.join("addresses"), addresses.concat()).unwrap();
    let hop = |index: u32| {
        let gateway = attribute(interface::RTA_GATEWAY, &[10, 0, 0, 1]);
        let head = [16_u16.to_ne_bytes(), [0; 2]].concat();
        [head, index.to_ne_bytes().to_vec(), gateway].concat()
    };
    let out = 2_u32.to_ne_bytes();
    let routes = [
        route4(
            254,
            0,
            &[
                (interface::RTA_GATEWAY, &[10, 0, 0, 1]),
                (interface::RTA_PRIORITY, &100_u32.to_ne_bytes()),
                (route::RTA_OIF, &out),
            ],
        ),
        route4(
            255,
            8,
            &[(route::RTA_DST, &[127, 0, 0, 0]), (route::RTA_OIF, &out)],
        ),
        route4(
            254,
            8,
            &[
                (route::RTA_DST, &[172, 0, 0, 0]),
                (route::RTA_MULTIPATH, &[hop(2), hop(5)].concat()),
            ],
        ),
    ];
    std::fs::write(records.join("routes"), routes.concat()).unwrap();
    let route = |destination: &str, prefix, metric| InterfaceRoute {
        destination: destination.parse().unwrap(),
        prefix,
        gateway: Some("10.0.0.1".parse().unwrap()),
        metric,
    };
    let address = |address: &str, prefix, is_odd| InterfaceAddress {
        address: address.parse().unwrap(),
        prefix,
        is_tentative: is_odd,
        is_duplicate: is_odd,
    };
    let interface = |index, name: &str, mtu| Interface {
        index,
        name: name.into(),
        is_up: true,
        is_running: index == 2,
        mtu,
        addresses: Vec::new(),
        routes: vec![route("172.0.0.0", 8, 0)],
    };
    let mut expected = vec![interface(2, "eth0", 1500), interface(5, "ib0", 2044)];
    expected[0].addresses = vec![address("10.0.0.5", 24, true)];
    expected[0].routes.insert(0, route("0.0.0.0", 0, 100));
    expected[1].addresses = vec![address("2001:db8::5", 64, false)];
    assert_eq!(netlink.interfaces().unwrap(), Some(expected));
}

#[test]
fn the_kernel_reports_the_loopback_interface() {
    let interfaces = Netlink::new(&Root::default()).interfaces().unwrap();
    let interfaces = interfaces.unwrap();
    let lo = interfaces.iter().find(|found| found.index == 1).unwrap();
    let mtu = std::fs::read_to_string("/sys/class/net/lo/mtu").unwrap();
    assert_eq!(
        (lo.name.as_str(), lo.mtu.to_string()),
        ("lo", mtu.trim().into())
    );
    // 127.0.0.1 has host scope.
    assert!(
        lo.addresses
            .iter()
            .all(|found| !found.address.is_loopback())
    );
}

#[test]
fn a_permanent_address_is_read_if_the_kernel_shows_one() {
    let root = tempfile::tempdir().unwrap();
    let netlink = Netlink::new(&Root::new(root.path()));
    let records = root.path().join("run/netlink/bare");
    std::fs::create_dir_all(&records).unwrap();
    let eth0 = "eth0".parse().unwrap();
    assert_eq!(netlink.permanent_address(&eth0).unwrap(), None);
    let octets = [2, 0, 0xc0, 0xa8, 7, 5];
    std::fs::write(
        records.join("eth0"),
        record::permanent_address_message(&octets),
    )
    .unwrap();
    assert_eq!(
        netlink.permanent_address(&eth0).unwrap().as_deref(),
        Some(&octets[..])
    );
    std::fs::write(records.join("eth0"), link_message(&link())).unwrap();
    assert_eq!(netlink.permanent_address(&eth0).unwrap(), None);
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_cause_a_panic(bytes in vec(any::<u8>(), 0..400)) {
        let mut interfaces = interface::parse(Messages::new(&bytes)).unwrap_or_default();
        let _ = interface::add_addresses(&mut interfaces, Messages::new(&bytes));
        let _ = interface::add_routes(&mut interfaces, Messages::new(&bytes));
        let _ = link::parse(Messages::new(&bytes));
        let _ = permanent::parse(Messages::new(&bytes));
        let _ = address::parse(Messages::new(&bytes));
        let _ = route::parse(Messages::new(&bytes));
    }

    #[test]
    fn a_truncated_answer_is_an_error(end in 1_usize..200) {
        let link = PfLink { vfs: link().vfs.split_off(198), ..link() };
        let bytes = link_message(&link);
        let read = link::parse(Messages::new(&bytes[..end.min(bytes.len() - 1)]));
        prop_assert!(read.is_err());
    }

    #[test]
    fn arbitrary_attributes_do_not_cause_a_panic(payload in vec(any::<u8>(), 0..200)) {
        for kind in [link::RTM_NEWLINK, address::RTM_NEWADDR, route::RTM_NEWROUTE] {
            let bytes = message(kind, 0, &payload);
            let _ = interface::parse(Messages::new(&bytes));
            let _ = interface::add_addresses(&mut [], Messages::new(&bytes));
            let _ = interface::add_routes(&mut [], Messages::new(&bytes));
            let _ = link::parse(Messages::new(&bytes));
            let _ = permanent::parse(Messages::new(&bytes));
            let _ = address::parse(Messages::new(&bytes));
            let _ = route::parse(Messages::new(&bytes));
        }
    }

    #[test]
    fn indexes_are_read_back(index in any::<u32>(), address in any::<[u8; 16]>()) {
        let address = IpAddr::from(address);
        let bytes = address_message(index, address, 64);
        let links = address::parse(Messages::new(&bytes)).unwrap();
        prop_assert!(links.iter().all(|found| *found == index));
    }
}
