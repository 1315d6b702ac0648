//! How VFs are set up and restored, by identity.

use one_sriov_tests::host::{Host, Pf};

#[test]
fn the_dummy_identity_sets_the_nics_own_mac_and_vlan_on_an_ethernet_vf() {
    let host = Host::new(&[Pf::ethernet("ens1f0", "0000:82:00", 2)]);
    host.write("/etc/one-sriov/kvmrc", "VF_IDENTITY_ens1f0=dummy\n");
    host.write(
        "/var/lib/one/datastores/0/7/vm.xml",
        "<VM><TEMPLATE><NIC><MAC>02:00:c0:a8:07:01</MAC><VLAN_ID>100</VLAN_ID></NIC></TEMPLATE></VM>",
    );
    assert_eq!(host.deploy(7, &["sriov_ens1f0"]).code, 0);
    assert_eq!(host.vf("ens1f0", 0), "mac 02:00:c0:a8:07:01 vlan 100");
    let domain = host.domain(7).unwrap();
    assert!(
        domain.contains("<hostdev ") && domain.contains("aa:00:c0:a8:07:01"),
        "{domain}"
    );
    assert_eq!(host.cancel(7).code, 0);
    assert_eq!(host.vf("ens1f0", 0), "mac 02:11:00:00:00:00 vlan 0");
}

/// Hosts without GUIDs of VFs: the PF's driver does not support them, or `ip` is too old.
fn hosts_without_guids() -> [Host; 2] {
    [("ip-unsupported", "ib0\n"), ("ip-is-old", "")].map(|(switch, text)| {
        let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
        host.switch(switch, text);
        host
    })
}

#[test]
fn an_infiniband_pf_that_does_not_accept_guids_falls_back_to_the_dummy_nic() {
    for host in hosts_without_guids() {
        assert_falls_back_to_the_dummy_nic(&host);
    }
}

fn assert_falls_back_to_the_dummy_nic(host: &Host) {
    let deployed = host.deploy(7, &["sriov_ib0"]);
    assert_eq!(deployed.code, 0);
    let expected = "INFO: deploy: 'ib0' does not accept GUIDs: the guest recognizes VF 'ib0/0' only by the dummy NIC\n";
    assert!(deployed.stderr.starts_with(expected), "{}", deployed.stderr);
    let lease = host.lease("ib0/0").unwrap();
    assert_eq!(
        (&lease["identity"], &lease["guid"]),
        (&"dummy".into(), &serde_json::Value::Null)
    );
    assert!(host.domain(7).unwrap().contains("aa:00:c0:a8:07:01"));
    assert_eq!(host.cancel(7).code, 0);
    assert_eq!(host.leased("ib0"), [""; 0]);
}

#[test]
fn required_guids_that_the_pf_does_not_accept_are_an_error() {
    for host in hosts_without_guids() {
        host.write("/etc/one-sriov/kvmrc", "VF_IDENTITY=guid\n");
        let failed = host.deploy(7, &["sriov_ib0"]);
        let expected = "failed to set node GUID of VF 0 of 'ib0': the driver of 'ib0' does not support it; set \
            VF_IDENTITY=auto.\n";
        assert_eq!((failed.code, &*failed.stderr), (1, expected));
        assert_eq!(host.leased("ib0"), [""; 0]);
    }
}

#[test]
fn a_failure_at_the_second_vf_restores_the_first() {
    let host = Host::new(&[
        Pf::infiniband("ib0", "0000:81:00", 1),
        Pf::infiniband("ib1", "0000:82:00", 1),
    ]);
    host.write("/etc/one-sriov/kvmrc", "VF_IDENTITY=guid\n");
    host.switch("ip-unsupported", "ib1\n");
    assert_eq!(host.deploy(7, &["sriov_ib0", "sriov_ib1"]).code, 1);
    assert_eq!(
        (host.leased("ib0"), host.leased("ib1")),
        (vec![], Vec::<String>::new())
    );
    assert!(
        host.vf("ib0", 0).ends_with("state disable"),
        "{}",
        host.vf("ib0", 0)
    );
    assert_eq!(host.domain(7), None);
}

#[test]
fn unknown_original_guids_are_unset_on_release() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
    // An older kernel shows the same GUID for all VFs.
    let guid = "node_guid 0c:42:a1:03:00:00:00:00 port_guid 0c:42:a1:03:00:00:00:00 state auto";
    let vfs = one_sriov_tests::host::kernel::parse(&format!("0 {guid}\n1 {guid}\n"));
    let message = one_sriov_tests::host::kernel::message("ib0", &vfs);
    host.write("/run/netlink/link/ib0", message);
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    assert_eq!(
        host.lease("ib0/0").unwrap()["original"]["port_guid"],
        serde_json::Value::Null
    );
    assert_eq!(host.cancel(7).code, 0);
    let none = "ff:ff:ff:ff:ff:ff:ff:ff";
    assert_eq!(
        host.vf("ib0", 0),
        format!("node_guid {none} port_guid {none} state auto")
    );
}

#[test]
fn a_guid_in_use_is_refused() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 4)]);
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    // Another VM has a NIC with the same MAC: two networks have the same address range.
    let same = one_sriov_tests::host::domain(8, &["sriov_ib0"])
        .replace("02:00:c0:a8:08:01", "02:00:c0:a8:07:01");
    let refused = host.deploy_domain(8, &same);
    let expected = "failed to use GUID '00:00:aa:00:c0:a8:07:01': VM 7 has it (VF 0 of 'ib0'); end VM 7, with 'virsh destroy one-7' if OpenNebula does not know it.\n";
    assert_eq!((refused.code, &*refused.stderr), (1, expected));
    assert_eq!(host.leased("ib0"), ["0"]);
    host.power_off(7);
    assert_eq!(host.deploy_domain(8, &same).code, 0);
}

#[test]
fn a_missing_dummy_bridge_is_created() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
    std::fs::remove_dir(host.path("/sys/class/net/sriov_br")).unwrap();
    assert_eq!(host.deploy(7, &["sriov_ib0", "sriov_ib0"]).code, 0);
    let made: Vec<_> = host
        .calls()
        .into_iter()
        .filter(|call| call.starts_with("ip link add"))
        .collect();
    assert_eq!(made, ["ip link add name sriov_br type bridge"]);
}

#[test]
fn a_missing_open_vswitch_bridge_is_not_created() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
    let domain = one_sriov_tests::host::domain(7, &["sriov_ib0"]).replace(
        "<target dev='one-7-0'/>",
        "<virtualport type='openvswitch'/>",
    );
    assert_eq!(host.deploy_domain(7, &domain).code, 0);
    assert!(
        host.domain(7)
            .unwrap()
            .contains("<virtualport type='openvswitch'/>")
    );
    assert_eq!(host.cancel(7).code, 0);
    std::fs::remove_dir(host.path("/sys/class/net/sriov_br")).unwrap();
    let failed = host.deploy_domain(7, &domain);
    assert!(
        failed.stderr.starts_with(
            "failed to create bridge 'sriov_br' for the dummy NICs: run 'ovs-vsctl add-br sriov_br'"
        ),
        "{}",
        failed.stderr
    );
    assert_eq!(host.leased("ib0"), [""; 0]);
}

#[test]
fn a_guid_in_use_is_refused_even_if_the_kernel_reports_no_guids() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 4)]);
    // An older kernel shows no GUIDs, even after they were set.
    let silent = || {
        let vfs = one_sriov_tests::host::kernel::parse("0 state auto\n1 state auto\n");
        let message = one_sriov_tests::host::kernel::message("ib0", &vfs);
        host.write("/run/netlink/link/ib0", message);
    };
    silent();
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    silent();
    // Another VM has a NIC with the same MAC: two networks have the same address range.
    let same = one_sriov_tests::host::domain(8, &["sriov_ib0"])
        .replace("02:00:c0:a8:08:01", "02:00:c0:a8:07:01");
    let refused = host.deploy_domain(8, &same);
    assert_eq!(refused.code, 1);
    let expected = "failed to use GUID '00:00:aa:00:c0:a8:07:01': VM 7 has it (VF 0 of 'ib0'); end VM 7, with 'virsh destroy one-7' if OpenNebula does not know it.\n";
    assert_eq!(refused.stderr, expected);
    assert_eq!(host.leased("ib0"), ["0"]);
    // The GUID is free once its VM has stopped, even if the VM gets another VF next time.
    assert_eq!(host.cancel(7).code, 0);
    assert_eq!(host.deploy_domain(8, &same).code, 0);
}
