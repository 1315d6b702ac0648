//! Peculiarities of cards and kernels.

use std::fs;
use std::os::unix::fs::symlink;

use one_sriov_tests::host::{Host, Pf};
use serde_json::Value;

fn calls_of_ip(host: &Host) -> Vec<String> {
    let calls = host.calls().into_iter();
    calls
        .filter(|call| call.starts_with("ip link set"))
        .collect()
}

fn probe(host: &Host) -> String {
    host.operator(&["probe"]).stdout
}

#[test]
fn the_original_state_is_unknown_if_a_pfs_vfs_do_not_fit_into_a_message() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 450)]);
    let deployed = host.deploy(7, &["sriov_ib0"]);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    assert_eq!(
        host.lease("ib0/0").unwrap()["original"]["port_guid"],
        Value::Null
    );
    assert!(host.vf("ib0", 0).contains("aa:00:c0:a8:07:01"));
    assert_eq!(host.cancel(7).code, 0);
    assert!(!host.vf("ib0", 0).contains("aa:00:c0:a8:07:01"));
    assert_eq!(host.leased("ib0"), [""; 0]);
}

#[test]
fn a_vf_whose_netdev_is_in_another_network_namespace_is_busy() {
    let host = Host::new(&[Pf::ethernet("ens1f0", "0000:82:00", 2).with_vf_netdevs()]);
    // What the kernel shows outside the namespace: an empty directory.
    let net = host.path("/sys/bus/pci/devices/0000:82:00.1/net");
    fs::remove_file(net.join("ens1f0v0")).unwrap();
    fs::remove_dir_all(host.path("/sys/class/net/ens1f0v0")).unwrap();
    let pool = host.operator(&["pool"]).stdout;
    let expected = "this host: its network device is in another network namespace";
    assert!(pool.contains(expected), "{pool}");
    assert_eq!(host.deploy(7, &["sriov_ens1f0"]).code, 0);
    assert_eq!(host.leased("ens1f0"), ["1"]);
    // A VF without a netdev has no such directory, and is free.
    fs::remove_dir(&net).unwrap();
    assert_eq!(host.deploy(8, &["sriov_ens1f0"]).code, 0);
}

/// Adds a representor of VF 0 of a PF to the host.
fn representor(host: &Host, name: &str, pf: &str, port: &str) {
    let dir = format!("/sys/class/net/{name}");
    host.write(&format!("{dir}/type"), "1\n");
    host.write(&format!("{dir}/phys_port_name"), format!("{port}\n"));
    let device = format!("../../../bus/pci/devices/{pf}");
    symlink(device, host.path(format!("{dir}/device"))).unwrap();
    let net = host.path(format!("/sys/bus/pci/devices/{pf}/net/{name}"));
    symlink(format!("../../../../../class/net/{name}"), net).unwrap();
}

#[test]
fn switch_representors_are_not_pools_and_do_not_set_up_vfs() {
    let pf = Pf::ethernet("ens1f0", "0000:82:00", 2);
    let host = Host::new(std::slice::from_ref(&pf));
    host.write("/sys/class/net/ens1f0/phys_port_name", "p0\n");
    representor(&host, "a0", &pf.address(), "pf0vf0");
    representor(&host, "a1", &pf.address(), "pf0sf88");
    let expected = "SRIOV_ENS1F0_TOTAL=2\nSRIOV_ENS1F0_USED=0\nSRIOV_ENS1F0_FREE=2\n";
    assert_eq!(probe(&host), expected);
    let refused = host.deploy(7, &["sriov_a0"]);
    let expected = "failed to find a VF of 'a0': it is a switch representor; use the network device of the PF.\n";
    assert_eq!((refused.code, &*refused.stderr), (1, expected));
    host.write("/etc/one-sriov/kvmrc", "VF_IDENTITY=dummy\n");
    host.write("/var/tmp/one/vmm/kvm-sriov/vf_maps/fast", "0x82 0x00 0x1\n");
    assert_eq!(host.deploy(8, &["sriov_fast"]).code, 0);
    assert_eq!(host.cancel(8).code, 0);
    let calls = calls_of_ip(&host);
    let is_by_pf = |call: &String| call.starts_with("ip link set dev ens1f0 vf 0 ");
    assert!(calls.len() == 2 && calls.iter().all(is_by_pf), "{calls:?}");
}

#[test]
fn pfs_without_vfs_and_removed_pools_have_no_free_vfs() {
    let host = Host::new(&[Pf::ethernet("ens1f0", "0000:82:00", 1)]);
    let map = "/var/tmp/one/vmm/kvm-sriov/vf_maps/spare";
    host.write(map, "0x82 0x00 0x1\n");
    let numbers = |pool, free| {
        format!("SRIOV_{pool}_TOTAL={free}\nSRIOV_{pool}_USED=0\nSRIOV_{pool}_FREE={free}\n")
    };
    let expected = [numbers("ENS1F0", 1), numbers("SPARE", 1)].concat();
    assert_eq!(probe(&host), expected);
    fs::remove_file(host.path(map)).unwrap();
    fs::remove_file(host.path("/sys/bus/pci/devices/0000:82:00.0/virtfn0")).unwrap();
    let expected = [numbers("ENS1F0", 0), numbers("SPARE", 0)].concat();
    assert_eq!(probe(&host), expected);
    // Reported even without a record from an earlier run: the front-end may know the pool from before the boot.
    let fresh = Host::new(&[Pf::ethernet("ens1f0", "0000:82:00", 0)]);
    fresh.write("/sys/bus/pci/devices/0000:82:00.0/sriov_totalvfs", "8\n");
    assert_eq!(probe(&fresh), numbers("ENS1F0", 0));
}

#[test]
fn a_map_over_two_cards_uses_only_the_card_with_a_netdev() {
    let host = Host::new(&[
        Pf::infiniband("ib0", "0000:81:00", 1),
        Pf::infiniband("ib1", "0000:82:00", 1),
    ]);
    let map = "0x81 0x00 0x1\n0x82 0x00 0x1\n";
    host.write("/var/tmp/one/vmm/kvm-sriov/vf_maps/both", map);
    fs::remove_dir_all(host.path("/sys/bus/pci/devices/0000:81:00.0/net")).unwrap();
    let of_both = |host: &Host| {
        let probed = probe(host);
        let lines = probed.lines().filter(|line| line.contains("_BOTH_"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let numbers = ["TOTAL=2", "USED=1", "FREE=1"];
    assert_eq!(of_both(&host), numbers.map(|n| format!("SRIOV_BOTH_{n}")));
    let deployed = host.deploy(7, &["sriov_both"]);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    assert_eq!(host.leased("both"), ["1"]);
    let refused = host.deploy(8, &["sriov_both"]);
    let expected = "failed to find a free VF in pool 'both': 2 of 2 in use; use another host \
                    (PF '0000:81:00.0' has no network device: 1, VM 7: 1).\n";
    assert_eq!((refused.code, &*refused.stderr), (1, expected));
    let pool = host.operator(&["pool", "both"]).stdout;
    assert!(pool.contains("unusable"), "{pool}");
}

#[test]
fn setting_up_a_vf_in_reset_is_retried() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 1)]);
    let answers = "Resource temporarily unavailable\nDevice or resource busy\n";
    host.switch("ip-busy", answers);
    let deployed = host.deploy(7, &["sriov_ib0"]);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    assert_eq!(calls_of_ip(&host).len(), 4, "{:?}", calls_of_ip(&host));
}

#[test]
fn a_value_that_reads_back_differently_is_an_error() {
    let ethernet = || {
        let host = Host::new(&[Pf::ethernet("ens1f0", "0000:82:00", 1)]);
        host.write("/etc/one-sriov/kvmrc", "VF_IDENTITY=dummy\n");
        let vm = "<VM><TEMPLATE><NIC><MAC>02:00:c0:a8:07:01</MAC><VLAN_ID>100</VLAN_ID></NIC></TEMPLATE></VM>";
        host.write("/var/lib/one/datastores/0/7/vm.xml", vm);
        host
    };
    let infiniband = || Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
    let guid = "00:00:aa:00:c0:a8:07:01";
    let table = [
        (
            "ens1f0",
            "100 200".to_owned(),
            "VLAN of VF 0 of 'ens1f0' to '100': the kernel shows '200'",
        ),
        (
            "ens1f0",
            "02:00:c0:a8:07:01 02:00:c0:a8:07:02".to_owned(),
            "MAC of VF 0 of 'ens1f0' to '02:00:c0:a8:07:01': the kernel shows '02:00:c0:a8:07:02'",
        ),
        (
            "ib0",
            format!("{guid} 00:00:00:00:00:00:00:01"),
            "node GUID of VF 0 of 'ib0' to '00:00:aa:00:c0:a8:07:01': the kernel shows '00:00:00:00:00:00:00:01'",
        ),
        (
            "ib0",
            "auto enable".to_owned(),
            "link state of VF 0 of 'ib0' to 'auto': the kernel shows 'enable'",
        ),
    ];
    for (pool, change, expected) in table {
        let host = if pool == "ib0" {
            infiniband()
        } else {
            ethernet()
        };
        host.switch("ip-changes", &change);
        let refused = host.deploy(7, &[&format!("sriov_{pool}")]);
        let expected = format!("failed to set {expected}; see 'one-sriov doctor'.\n");
        assert_eq!((refused.code, refused.stderr), (1, expected));
        assert_eq!(host.leased(pool), [""; 0]);
        assert_eq!(host.domain(7), None);
    }
}
