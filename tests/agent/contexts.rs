//! Contexts of all releases of OpenNebula, each on the machine that it describes.

use one_sriov_tests::{Nic, context, ethernet, infiniband, virtio};

use crate::scenario::check;

const GUID: &str = "24:8a:07:03:00:aa:bb:01";

fn ib(name: &str, slot: u8) -> Nic {
    infiniband(
        name,
        &format!("24:8a:07:03:00:aa:bb:{slot:02x}"),
        &format!("0000:00:{slot:02x}.0"),
    )
}

/// A bridge NIC and an InfiniBand NIC with its dummy.
fn bridge_and_infiniband(bridge: &str, dummy: &str) -> Vec<Nic> {
    vec![
        virtio("eth0", bridge, 3),
        virtio("eth1", dummy, 4),
        infiniband("ib0", GUID, "0000:00:05.0"),
    ]
}

#[test]
fn opennebula_4_0_with_a_manual_address() {
    let nics = bridge_and_infiniband("02:00:0a:00:00:05", "AA:00:C0:A8:32:11");
    check("4.0", &context("context-4.0"), &nics);
}

#[test]
fn opennebula_4_2_without_macs() {
    let text = "DISK_ID='1'\nETH0_DNS='10.0.0.1'\nETH0_GATEWAY='10.0.0.1'\nETH0_IP='10.0.0.5'\nETH0_MASK='255.255.255.0'\n\
                ETH0_NETWORK='10.0.0.0'\nETH1_IP='192.168.50.17'\nETH1_MASK='255.255.0.0'\nNETWORK='YES'\nTARGET='hda'\n";
    check(
        "4.2",
        text,
        &bridge_and_infiniband("02:00:0a:00:00:05", "aa:00:c0:a8:32:11"),
    );
}

#[test]
fn opennebula_4_12_without_macs_falls_back_to_device_names() {
    let text = "ETH0_IP='10.0.0.5'\nETH0_GATEWAY='10.0.0.1'\nETH1_IP='10.9.9.9'\nETH1_MASK='255.255.255.128'\nNETWORK='YES'\n";
    let nics = [
        virtio("eth0", "02:00:0a:00:00:05", 3),
        virtio("eth1", "52:54:00:12:34:56", 4),
    ];
    check("4.12", text, &nics);
}

#[test]
fn opennebula_4_14() {
    check(
        "4.14",
        &context("context-4.14.2"),
        &bridge_and_infiniband("02:00:0a:00:00:05", "aa:00:c0:a8:32:11"),
    );
}

#[test]
fn opennebula_5_4() {
    check(
        "5.4",
        &context("5.4-bridge-and-sriov"),
        &bridge_and_infiniband("02:00:0a:00:00:0a", "aa:00:c0:a8:07:05"),
    );
}

#[test]
fn opennebula_5_12_with_an_alias_and_a_partition() {
    let mut nics = bridge_and_infiniband("02:00:0a:00:00:05", "aa:00:c0:a8:32:11");
    nics.push(ethernet(
        "ens1",
        "02:00:c0:a8:3c:11",
        "0000:01:01.0",
        "mlx5_core",
    ));
    check("5.12", &context("context-5.12.13"), &nics);
}

#[test]
fn opennebula_6_10_with_three_sriov_nics_and_an_alias() {
    let text = context("6.10-three-sriov-alias");
    check("6.10", &text, &three(&text));
}

#[test]
fn opennebula_7_5() {
    check(
        "7.5",
        &context("7.5-bridge-and-sriov"),
        &bridge_and_infiniband("02:00:0a:00:00:0c", "aa:00:c0:a8:07:07"),
    );
}

#[test]
fn opennebula_7_5_with_three_sriov_nics_and_an_alias() {
    let text = context("7.5-three-sriov-alias");
    check("7.5-three", &text, &three(&text));
}

#[test]
fn opennebula_7_5_with_every_kind_of_address_range() {
    let text = context("7.5-ipv6");
    let nics: Vec<Nic> = dummies(&text)
        .into_iter()
        .chain((0..5).map(|n| ib(&format!("ibp0s{n}"), 0x10 + n)))
        .collect();
    check("7.5-ipv6", &text, &nics);
}

#[test]
fn opennebula_7_5_with_nics_by_pci_address() {
    let nics = [
        virtio("eth0", "02:00:0a:00:00:10", 3),
        infiniband("ibp1s0", GUID, "0000:01:00.0"),
    ];
    check("7.5-pci", &context("7.5-pci"), &nics);
}

#[test]
fn a_machine_without_nics_in_the_context() {
    check(
        "7.5-no-nic",
        &context("7.5-no-nic"),
        &[virtio("eth0", "52:54:00:00:00:01", 3)],
    );
}

/// The dummy NICs of a context whose NICs are all SR-IOV ones.
fn dummies(context: &str) -> Vec<Nic> {
    let macs = context.lines().filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        let is_nic = name.starts_with("ETH") && name.ends_with("_MAC") && !name.contains("ALIAS");
        is_nic.then(|| value.trim_matches('\'').to_owned())
    });
    let dummy = |(position, mac): (u8, String)| {
        virtio(
            &format!("eth{position}"),
            &format!("aa:{position:02x}:{}", &mac[6..]),
            3 + position,
        )
    };
    (0..).zip(macs).map(dummy).collect()
}

fn three(context: &str) -> Vec<Nic> {
    dummies(context)
        .into_iter()
        .chain((0..3).map(|n| ib(&format!("ib{n}"), 0x10 + n)))
        .collect()
}
