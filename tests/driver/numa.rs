//! VMs get VFs that are near their memory.

use one_sriov_tests::Outcome;
use one_sriov_tests::host::{Host, Pf, domain};

use crate::migrate;
use crate::suspend::{CHECKPOINT, install_stock_actions, raw};

/// A pool of two cards on two NUMA nodes, whose VFs alternate in the map.
fn host() -> Host {
    let cards = [
        Pf::infiniband("ib0", "0000:81:00", 2),
        Pf::infiniband("ib1", "0000:c1:00", 2),
    ];
    let host = Host::new(&cards);
    for (node, card) in cards.iter().enumerate() {
        for vf in 0..2 {
            let path = format!("/sys/bus/pci/devices/{}/numa_node", card.vf(vf));
            host.write(&path, format!("{node}\n"));
        }
    }
    let map = "0x81 0x00 0x1\n0xc1 0x00 0x1\n0x81 0x00 0x2\n0xc1 0x00 0x2\n";
    host.write("/var/tmp/one/vmm/kvm-sriov/vf_maps/fast", map);
    host
}

fn pinned(vm: u32, bridges: &[&str], nodes: &str) -> String {
    let numatune = format!("<numatune><memory mode='strict' nodeset='{nodes}'/></numatune>");
    domain(vm, bridges).replacen("<devices>", &format!("{numatune}<devices>"), 1)
}

/// The VFs of a VM, by position.
fn vfs(host: &Host, vm: u32) -> Vec<String> {
    let places = host.leased("fast").into_iter();
    let leases = places.map(|index| host.lease(&format!("fast/{index}")).unwrap());
    let mut own: Vec<_> = leases.filter(|lease| lease["vm"] == vm).collect();
    own.sort_by_key(|lease| lease["position"].as_u64());
    let address = |lease: &serde_json::Value| lease["address"].as_str().unwrap().to_owned();
    own.iter().map(address).collect()
}

#[test]
fn vfs_on_the_numa_node_of_the_memory_are_allocated_first() {
    let all = [
        "0000:81:00.1",
        "0000:c1:00.1",
        "0000:81:00.2",
        "0000:c1:00.2",
    ];
    let table = [
        (domain(7, &["sriov_fast"; 3]), [all[0], all[1], all[2]]),
        (pinned(7, &["sriov_fast"; 3], "0"), [all[0], all[2], all[1]]),
        (pinned(7, &["sriov_fast"; 3], "1"), [all[1], all[3], all[0]]),
        (
            pinned(7, &["sriov_fast"; 3], "0-1"),
            [all[0], all[1], all[2]],
        ),
        (pinned(7, &["sriov_fast"; 3], "2"), [all[0], all[1], all[2]]),
    ];
    for (domain, expected) in table {
        let host = host();
        let deployed = host.deploy_domain(7, &domain);
        assert_eq!(deployed.code, 0, "{}", deployed.stderr);
        assert_eq!(vfs(&host, 7), expected, "{domain}");
    }
}

#[test]
fn attached_and_restored_nics_get_a_near_vf_too() {
    let host = host();
    install_stock_actions(&host);
    let mut deployed = host.deploy_domain(7, &pinned(7, &[], "1"));
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    let attached = host.attach(7, "02:00:c0:a8:07:01", "sriov_fast");
    assert_eq!(attached.code, 0, "{}", attached.stderr);
    assert_eq!(vfs(&host, 7), ["0000:c1:00.1"]);

    let nic = "<NIC><BRIDGE>sriov_fast</BRIDGE><MAC>02:00:c0:a8:07:01</MAC></NIC>";
    let document = format!("<VM><TEMPLATE>{nic}</TEMPLATE></VM>");
    let saving = ["one-7", CHECKPOINT, "host", "7", "host"];
    let saved: Outcome = raw(&host, "save", &saving, &document).into();
    assert_eq!(saved.code, 0, "{}", saved.stderr);
    deployed = host.deploy_domain(8, &pinned(8, &["sriov_fast"], "1"));
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    let restoring = [CHECKPOINT, "host", "one-7", "7", "host"];
    let restored: Outcome = raw(&host, "restore", &restoring, &document).into();
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    assert_eq!(vfs(&host, 7), ["0000:c1:00.2"]);
}

#[test]
fn a_migrated_vm_gets_a_near_vf() {
    let (first, second) = (host(), host());
    for host in [&first, &second] {
        install_stock_actions(host);
    }
    migrate::connect(&first, &second);
    let deployed = first.deploy_domain(7, &pinned(7, &["sriov_fast"], "1"));
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    let nic = "<NIC><BRIDGE>sriov_fast</BRIDGE><MAC>02:00:c0:a8:07:01</MAC></NIC>";
    let document = format!("<VM><TEMPLATE>{nic}</TEMPLATE></VM>");
    let moved: Outcome = raw(&first, "migrate", &migrate::ARGUMENTS, &document).into();
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    assert_eq!(vfs(&second, 7), ["0000:c1:00.1"]);
}

#[test]
fn pool_shows_the_numa_node() {
    let host = host();
    host.write("/sys/bus/pci/devices/0000:81:00.2/numa_node", "-1\n");
    let shown = host.operator(&["pool", "fast"]);
    let expected = "\
fast: 4 of 4 free
VF  PCI ADDRESS   STATE  HOLDER  POSITION  DUMMY MAC  SINCE  NUMA
0   0000:81:00.1  free                                       0
1   0000:c1:00.1  free                                       1
2   0000:81:00.2  free
3   0000:c1:00.2  free                                       1
";
    assert_eq!((shown.code, &*shown.stdout), (0, expected));
    let json = host.operator(&["pool", "fast", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let node = |vf: usize| json["pools"][0]["vfs"][vf]["numa_node"].clone();
    assert_eq!([node(1), node(2)], [1.into(), serde_json::Value::Null]);
}
