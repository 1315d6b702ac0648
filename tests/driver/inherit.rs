//! What one VM leaves on its VF must not affect the next one.

use one_sriov_tests::host::{Host, Pf};

/// Writes OpenNebula's document for a VM with one NIC.
fn vlan(host: &Host, vm: u32, id: &str) {
    host.write(
        &format!("/var/lib/one/datastores/0/{vm}/vm.xml"),
        format!("<VM><TEMPLATE><NIC><MAC>02:00:c0:a8:{vm:02x}:01</MAC>{id}</NIC></TEMPLATE></VM>"),
    );
}

fn ethernet() -> Host {
    let host = Host::new(&[Pf::ethernet("ens1f0", "0000:82:00", 1)]);
    host.write("/etc/one-sriov/kvmrc", "VF_IDENTITY_ens1f0=dummy\n");
    vlan(&host, 7, "");
    vlan(&host, 8, "<VLAN_ID>100</VLAN_ID>");
    vlan(&host, 9, "");
    assert_eq!(host.deploy(7, &["sriov_ens1f0"]).code, 0);
    host.power_off(7);
    assert_eq!(host.deploy(8, &["sriov_ens1f0"]).code, 0);
    assert_eq!(host.vf("ens1f0", 0), "mac 02:00:c0:a8:08:01 vlan 100");
    host
}

const FRESH: &str = "mac 02:11:00:00:00:00 vlan 0";

#[test]
fn a_vlan_is_cleared_even_if_the_first_vm_on_the_vf_had_none() {
    let host = ethernet();
    assert_eq!(host.cancel(8).code, 0);
    assert_eq!(host.vf("ens1f0", 0), FRESH);
}

#[test]
fn a_vm_without_a_vlan_does_not_inherit_that_of_the_previous_vm() {
    let host = ethernet();
    host.power_off(8);
    assert_eq!(host.deploy(9, &["sriov_ens1f0"]).code, 0);
    assert_eq!(host.vf("ens1f0", 0), "mac 02:00:c0:a8:09:01 vlan 0");
    assert_eq!(host.cancel(9).code, 0);
    assert_eq!(host.vf("ens1f0", 0), FRESH);
}

#[test]
fn a_vm_does_not_inherit_the_guids_of_the_previous_vm() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
    let before = host.vf("ib0", 0);
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    host.power_off(7);
    // Another name for the same PF, as a pool without GUIDs.
    host.write(
        "/etc/one-sriov/kvmrc",
        "VF_IDENTITY_old=dummy\nVF_MAPS_PATH=/etc/one-sriov/vf_maps\n",
    );
    host.write("/etc/one-sriov/vf_maps/old", "0x81 0x00 0x1\n");
    assert_eq!(host.deploy(8, &["sriov_old"]).code, 0);
    assert_eq!(host.vf("ib0", 0), before);
    // VM 8 ends with the original GUIDs on its VF.
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    assert!(host.vf("ib0", 1).contains("aa:00:c0:a8:07:01"));
    assert_eq!(host.cancel(8).code, 0);
    assert_eq!(host.vf("ib0", 0), before);
}

/// A PF whose VFs have no GUIDs yet.
fn unset(state: &str) -> Host {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
    host.set_vfs("ib0", &format!("0 {state}\n1 {state}\n"));
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    host
}

#[test]
fn a_vf_whose_guid_cannot_be_cleared_stays_leased() {
    for answer in ["Device or resource busy", "sudo: a password is required"] {
        let host = unset("state disable");
        host.switch("ip-fails", answer);
        assert_eq!(host.cancel(7).code, 0);
        assert_eq!(
            host.lease("ib0/0").unwrap()["state"],
            "releasing",
            "{answer}"
        );
        host.switch_off("ip-fails");
        assert_eq!(host.operator(&["reconcile"]).code, 0);
        assert!(!host.vf("ib0", 0).contains(":aa:"), "{}", host.vf("ib0", 0));
        assert_eq!(host.leased("ib0"), [""; 0]);
    }
}

#[test]
fn a_vf_stays_leased_while_its_pf_has_no_netdev() {
    let host = unset("state disable");
    let netdevs = host.path("/sys/bus/pci/devices/0000:81:00.0/net");
    let aside = host.path("/aside");
    std::fs::rename(&netdevs, &aside).unwrap();
    host.power_off(7);
    let tried = host.operator(&["reconcile"]);
    assert_eq!(tried.code, 4);
    assert_eq!(
        tried.stdout,
        "VF '0000:81:00.1' (ib0/0) of VM 7: its PF 'ib0' has no network device\n"
    );
    std::fs::rename(&aside, &netdevs).unwrap();
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    assert!(!host.vf("ib0", 0).contains(":aa:"), "{}", host.vf("ib0", 0));
}

#[test]
fn a_guid_that_could_not_be_unset_is_not_saved_as_the_original() {
    let host = unset("");
    host.switch("ip-fails", "Invalid argument");
    assert_eq!(host.cancel(7).code, 0);
    host.switch_off("ip-fails");
    // The GUID belongs to a previous VM, which may be running with it elsewhere.
    assert!(host.vf("ib0", 0).contains("aa:00:c0:a8:07:01"));
    assert_eq!(host.deploy(8, &["sriov_ib0"]).code, 0);
    let original = &host.lease("ib0/0").unwrap()["original"];
    assert_eq!(original["port_guid"], serde_json::Value::Null);
    assert_eq!(original["node_guid"], serde_json::Value::Null);
}
