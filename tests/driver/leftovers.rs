//! A VM's GUID, MAC and VLAN are cleared on its old VF before another VF gets them; the VF's other settings stay.

use one_sriov_tests::host::{Host, Pf};

/// VM 7 with MAC and VLAN has stopped while its VF stayed bound to vfio-pci, and runs again.
fn lingering(pf: &Pf, setting: &str) -> Host {
    let host = Host::new(std::slice::from_ref(pf));
    host.write(
        "/etc/one-sriov/kvmrc",
        format!("VF_RELEASE_WAIT=3600\n{setting}\n"),
    );
    let vm = "<VM><TEMPLATE><NIC><MAC>02:00:c0:a8:07:01</MAC><VLAN_ID>100</VLAN_ID></NIC></TEMPLATE></VM>";
    host.write("/var/lib/one/datastores/0/7/vm.xml", vm);
    let bridge = format!("sriov_{}", pf.netdevs[0]);
    assert_eq!(host.deploy(7, &[&bridge]).code, 0);
    host.switch("devices-stay", "");
    host.power_off(7);
    let again = host.deploy(7, &[&bridge]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    host
}

#[test]
fn a_vm_redeployed_on_another_vf_has_its_guid_only_there() {
    let host = lingering(&Pf::infiniband("ib0", "0000:81:00", 2), "");
    assert!(
        !host.vf("ib0", 0).contains(":aa:00:c0:a8:07:01"),
        "{}",
        host.vf("ib0", 0)
    );
    assert!(
        host.vf("ib0", 1).contains(":aa:00:c0:a8:07:01"),
        "{}",
        host.vf("ib0", 1)
    );
    // The VF is free only once libvirt has released it.
    assert_eq!(host.lease("ib0/0").unwrap()["state"], "releasing");
}

#[test]
fn a_vm_redeployed_on_another_vf_has_its_mac_and_vlan_only_there() {
    for setting in ["VF_IDENTITY=dummy", "VF_IDENTITY=mac"] {
        let host = lingering(&Pf::ethernet("ens1f0", "0000:82:00", 2), setting);
        assert_eq!(
            host.vf("ens1f0", 0),
            "mac 02:11:00:00:00:00 vlan 0",
            "{setting}"
        );
        assert_eq!(
            host.vf("ens1f0", 1),
            "mac 02:00:c0:a8:07:01 vlan 100",
            "{setting}"
        );
    }
}

#[test]
fn a_vm_whose_guids_cannot_be_cleared_on_its_old_vf_is_refused() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
    host.write("/etc/one-sriov/kvmrc", "VF_RELEASE_WAIT=1\n");
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    host.switch("devices-stay", "");
    host.power_off(7);
    host.switch("sudo-refuses", "");
    let refused = host.deploy(7, &["sriov_ib0"]);
    let expected = "failed to use MAC '02:00:c0:a8:07:01': another VF still carries the identity of this NIC: VF \
        '0000:81:00.1' (ib0/0) of VM 7: libvirt has not released it yet, and failed to set node GUID";
    assert!(refused.stderr.starts_with(expected), "{}", refused.stderr);
    assert_eq!((refused.code, host.domain(7)), (1, None));
}

#[test]
fn a_vm_whose_mac_cannot_be_cleared_on_its_old_ethernet_vf_is_refused() {
    for setting in ["VF_IDENTITY=dummy", "VF_IDENTITY=mac"] {
        let host = Host::new(&[Pf::ethernet("ens1f0", "0000:82:00", 2)]);
        let settings = format!("VF_RELEASE_WAIT=1\n{setting}\n");
        host.write("/etc/one-sriov/kvmrc", settings);
        assert_eq!(host.deploy(7, &["sriov_ens1f0"]).code, 0);
        host.switch("devices-stay", "");
        host.power_off(7);
        host.switch("sudo-refuses", "");
        let refused = host.deploy(7, &["sriov_ens1f0"]);
        let expected = "failed to use MAC '02:00:c0:a8:07:01': another VF still carries the identity of this NIC: VF \
            '0000:82:00.1' (ens1f0/0) of VM 7: libvirt has not released it yet, and failed to set MAC";
        assert!(
            refused.stderr.starts_with(expected),
            "{setting}: {}",
            refused.stderr
        );
        assert_eq!((refused.code, host.domain(7)), (1, None));
        assert_eq!(host.lease("ens1f0/0").unwrap()["state"], "releasing");
        assert!(host.vf("ens1f0", 1).starts_with("mac 02:11:"), "{setting}");
    }
}

#[test]
fn an_ethernet_vf_is_restored_to_its_original_state() {
    let own = "mac 02:11:00:00:00:00 max_tx_rate 1000 min_tx_rate 10 proto 802.1ad qos 3 spoofchk on state enable \
               trust off vlan 9";
    let changed = |mac: &str| {
        format!(
            "mac {mac} max_tx_rate 0 min_tx_rate 0 spoofchk off state disable trust on vlan 100"
        )
    };
    for setting in ["VF_IDENTITY=dummy", "VF_IDENTITY=mac"] {
        let host = Host::new(&[Pf::ethernet("ens1f0", "0000:82:00", 1)]);
        host.set_vfs("ens1f0", &format!("0 {own}\n"));
        host.write("/etc/one-sriov/kvmrc", format!("{setting}\n"));
        let vm = "<VM><TEMPLATE><NIC><MAC>02:00:c0:a8:07:01</MAC><VLAN_ID>100</VLAN_ID></NIC></TEMPLATE></VM>";
        host.write("/var/lib/one/datastores/0/7/vm.xml", vm);
        assert_eq!(host.deploy(7, &["sriov_ens1f0"]).code, 0);
        assert!(
            host.vf("ens1f0", 0).ends_with("vlan 100"),
            "{}",
            host.vf("ens1f0", 0)
        );
        // The PF or an operator has changed the settings in the meantime.
        let lines = format!("0 {}\n", changed("02:00:c0:a8:07:01"));
        host.set_vfs("ens1f0", &lines);
        assert_eq!(host.cancel(7).code, 0);
        assert_eq!(host.vf("ens1f0", 0), own, "{setting}");
        assert_eq!(host.leased("ens1f0"), [""; 0]);
    }
}
