//! Which VFs a pool contains, and VFs that are never allocated.

use one_sriov_system::netlink::record::{address_message, route_message};
use one_sriov_tests::host::{Host, Pf};

#[test]
fn a_map_determines_the_vfs_of_a_pool_and_their_order() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 4)]);
    host.write(
        "/var/tmp/one/vmm/kvm-sriov/vf_maps/ib0",
        "0x81 0x00 0x03\n# no\n0x81 0x00 0x02\n",
    );
    assert_eq!(host.deploy(7, &["sriov_ib0", "sriov_ib0"]).code, 0);
    assert_eq!(host.leased("ib0"), ["0", "1"]);
    let lease = host.lease("ib0/0").unwrap();
    assert_eq!(
        (&lease["address"], &lease["vf"]),
        (&"0000:81:00.3".into(), &2.into())
    );
    // The PF gets the kernel's number of the VF, not the index in the map.
    assert!(host.vf("ib0", 2).ends_with("state auto"));
    assert_eq!(host.deploy(8, &["sriov_ib0"]).code, 1);
}

#[test]
fn a_map_may_have_its_own_name_and_contain_pci_domains() {
    let host = Host::new(&[Pf::infiniband("ib5", "0001:81:00", 2)]);
    host.write(
        "/etc/one-sriov/kvmrc",
        "VF_MAPS_PATH=/etc/one-sriov/vf_maps\n",
    );
    host.write("/etc/one-sriov/vf_maps/storage", "0x0001 0x81 0x00 0x1\n");
    assert_eq!(host.deploy(7, &["sriov_storage"]).code, 0);
    let lease = host.lease("storage/0").unwrap();
    assert_eq!(
        (&lease["address"], &lease["pf"]),
        (&"0001:81:00.1".into(), &"ib5".into())
    );
    assert!(
        host.domain(7)
            .unwrap()
            .contains("<address domain='0x0001' bus='0x81'")
    );
}

#[test]
fn two_ports_of_one_card_never_allocate_the_same_vf() {
    // As on mlx4: one PF has two netdevs, which differ in dev_port.
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 3).and_port("ib1")]);
    assert_eq!(host.deploy(7, &["sriov_ib0", "sriov_ib1"]).code, 0);
    assert_eq!(
        (host.leased("ib0"), host.leased("ib1")),
        (vec!["0".into()], vec!["1".to_owned()])
    );
    assert_eq!(host.lease("ib1/1").unwrap()["pf"], "ib1");
    assert_eq!(host.deploy(8, &["sriov_ib1"]).code, 0);
    let full = host.deploy(9, &["sriov_ib0"]);
    assert_eq!(
        full.stderr,
        "failed to find a free VF in pool 'ib0': 3 of 3 in use; use another host (VM 7: 2, VM 8: 1).\n"
    );
}

#[test]
fn a_vf_allocated_through_the_other_port_leaves_no_stale_lease() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 1).and_port("ib1")]);
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    host.power_off(7);
    assert_eq!(host.deploy(8, &["sriov_ib1"]).code, 0);
    assert_eq!(
        (host.leased("ib0"), host.leased("ib1")),
        (vec![], vec!["0".to_owned()])
    );
    assert_eq!(host.cancel(8).code, 0);
    assert_eq!(host.deploy(9, &["sriov_ib0"]).code, 0);
}

#[test]
fn a_lease_without_a_deployment_does_not_block_its_vf() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 1)]);
    assert_eq!(host.deploy(6, &["sriov_ib0"]).code, 0);
    assert_eq!(host.cancel(6).code, 0);
    host.write("/run/one-sriov/ib0/0", "left behind");
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    assert_eq!(host.lease("ib0/0").unwrap()["vm"], 7);
}

#[test]
fn a_vf_in_two_maps_is_allocated_only_once() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
    for name in ["fast", "slow"] {
        let map = format!("/var/tmp/one/vmm/kvm-sriov/vf_maps/{name}");
        host.write(&map, "0x81 0x00 0x1\n");
    }
    assert_eq!(host.deploy(7, &["sriov_fast"]).code, 0);
    assert_eq!(host.deploy(8, &["sriov_slow"]).code, 1);
    assert_eq!(host.deploy(8, &["sriov_fast"]).code, 1);
    assert_eq!(host.cancel(7).code, 0);
    assert_eq!(host.deploy(8, &["sriov_slow"]).code, 0);
}

#[test]
fn a_vf_that_the_host_uses_is_not_allocated() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 6).with_vf_netdevs()]);
    let index = |netdev: &str| -> u32 {
        let text = host
            .read(&format!("/sys/class/net/{netdev}/ifindex"))
            .unwrap();
        text.trim().parse().unwrap()
    };
    let mut addresses = address_message(index("ib0v0"), "192.168.7.1".parse().unwrap(), 24);
    addresses.extend(address_message(
        index("ib0v3"),
        "fe80::1".parse().unwrap(),
        64,
    ));
    host.write("/run/netlink/addresses", addresses);
    host.write(
        "/run/netlink/routes",
        route_message(index("ib0v1"), "10.0.0.0".parse().unwrap(), 8),
    );
    std::os::unix::fs::symlink("../bond0", host.path("/sys/class/net/ib0v2/master")).unwrap();
    // The VF's own netdev has no address, because its VLAN has it.
    let upper = host.path("/sys/class/net/ib0v4/upper_stor.100");
    std::os::unix::fs::symlink("../stor.100", upper).unwrap();
    // A link-local address, which every new netdev gets, doesn't count.
    assert_eq!(host.deploy(7, &["sriov_ib0", "sriov_ib0"]).code, 0);
    assert_eq!(host.leased("ib0"), ["3", "5"]);
    let shown = host.operator(&["pool"]).stdout;
    for reason in [
        "'ib0v0' has an address",
        "'ib0v1' has a route",
        "'ib0v2' belongs to 'bond0'",
        "'ib0v4' carries 'stor.100'",
    ] {
        assert!(
            shown.contains(&format!("busy       this host: {reason}")) || shown.contains(reason),
            "{shown}"
        );
    }
    let full = host.deploy(8, &["sriov_ib0"]);
    assert_eq!(
        full.stderr,
        "failed to find a free VF in pool 'ib0': 6 of 6 in use; use another host (VM 7: 2, this host: 4).\n"
    );
}

#[test]
fn a_vf_of_a_running_domain_is_busy_without_a_lease() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
    host.foreign_domain("stranger", &["0000:00:1f.2", "0000:81:00.1"]);
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    assert_eq!(host.leased("ib0"), ["1"]);
}

#[test]
fn a_vf_detached_by_hand_from_a_running_vm_can_be_allocated() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 1)]);
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    // The VF was detached by hand, and libvirt has released it.
    host.foreign_domain("one-7", &[]);
    let driver = host.path("/sys/bus/pci/devices/0000:81:00.1/driver");
    std::fs::remove_file(&driver).unwrap();
    std::os::unix::fs::symlink("../../../bus/pci/drivers/mlx5_core", driver).unwrap();
    assert_eq!(host.deploy(8, &["sriov_ib0"]).code, 0);
    assert_eq!(host.lease("ib0/0").unwrap()["vm"], 8);
}
