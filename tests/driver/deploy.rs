//! Deploying a VM: leases, preparation, edit of the domain, stock action.

use one_sriov_tests::host::{Host, Pf, deployment_file, domain};

fn host() -> Host {
    Host::new(&[
        Pf::infiniband("ib0", "0000:81:00", 4),
        Pf::ethernet("ens1f0", "0000:82:00", 4),
    ])
}

#[test]
fn an_infiniband_nic_becomes_a_hostdev_and_a_dummy_nic() {
    let host = host();
    let deployed = host.deploy(7, &["br0", "sriov_ib0"]);
    assert_eq!(
        (deployed.code, &*deployed.stdout),
        (0, "00000000-0000-4000-a000-000000000007\n")
    );
    let expected = domain(7, &["br0"]).replace(
        "\t</devices>\n",
        "\t\t<hostdev mode='subsystem' type='pci' managed='yes'>\n\
         \t\t\t<source>\n\
         \t\t\t\t<address domain='0x0000' bus='0x81' slot='0x00' function='0x1'/>\n\
         \t\t\t</source>\n\
         \t\t</hostdev>\n\
         \t\t<interface type='bridge'>\n\
         \t\t\t<source bridge='sriov_br'/>\n\
         \t\t\t<mac address='aa:00:c0:a8:07:02'/>\n\
         \t\t\t<link state='down'/>\n\
         \t\t</interface>\n\
         \t</devices>\n",
    );
    assert_eq!(host.domain(7).unwrap(), expected);
    let lease = host.lease("ib0/0").unwrap();
    assert_eq!(lease["vm"], 7);
    assert_eq!(lease["address"], "0000:81:00.1");
    assert_eq!(lease["state"], "active");
    assert_eq!(lease["position"], 0);
    assert_eq!(lease["mac"], "02:00:c0:a8:07:02");
    assert_eq!(lease["dummy_mac"], "aa:00:c0:a8:07:02");
    assert_eq!(lease["deploy_id"], "00000000-0000-4000-a000-000000000007");
    assert_eq!(lease["boot_id"], "6f9619ff-8b86-d011-b42d-00c04fc964ff");
    assert_eq!(lease["original"]["port_guid"], "0c:42:a1:03:00:00:00:00");
    let guid = "00:00:aa:00:c0:a8:07:02";
    let set = format!("node_guid {guid} port_guid {guid} state auto");
    assert_eq!(host.vf("ib0", 0), set);
    assert_eq!(host.leased("ib0"), ["0"]);
}

#[test]
fn an_ethernet_nic_becomes_an_interface_of_type_hostdev() {
    let host = host();
    host.write(
        "/var/lib/one/datastores/0/7/vm.xml",
        "<VM><TEMPLATE><NIC><MAC><![CDATA[02:00:c0:a8:07:01]]></MAC>\
         <VLAN_ID><![CDATA[100]]></VLAN_ID></NIC></TEMPLATE></VM>",
    );
    let deployed = host.deploy(7, &["sriov_ens1f0"]);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    let domain = host.domain(7).unwrap();
    let nic = "\t\t<interface type='hostdev' managed='yes'>\n\
         \t\t\t<mac address='02:00:c0:a8:07:01'/>\n\
         \t\t\t<source>\n\
         \t\t\t\t<address type='pci' domain='0x0000' bus='0x82' slot='0x00' function='0x1'/>\n\
         \t\t\t</source>\n\
         \t\t\t<vlan>\n\
         \t\t\t\t<tag id='100'/>\n\
         \t\t\t</vlan>\n\
         \t\t</interface>\n";
    assert!(domain.contains(nic), "{domain}");
    assert!(!domain.contains("aa:00:"), "{domain}");
    assert_eq!(host.lease("ens1f0/0").unwrap()["identity"], "mac");
    // libvirt sets the MAC and the VLAN, and the driver sets neither.
    assert_eq!(host.vf("ens1f0", 0), "mac 02:00:c0:a8:07:01 vlan 100");
    assert!(host.calls().iter().all(|call| !call.starts_with("ip ")));
}

#[test]
fn positions_count_the_sriov_nics_across_all_pools() {
    let host = host();
    let bridges = ["sriov_ib0", "br0", "sriov_ens1f0", "sriov_ib0"];
    assert_eq!(host.deploy(7, &bridges).code, 0);
    let position = |place: &str| host.lease(place).unwrap()["position"].clone();
    assert_eq!(position("ib0/0"), 0);
    assert_eq!(position("ens1f0/0"), 1);
    assert_eq!(position("ib0/1"), 2);
    let domain = host.domain(7).unwrap();
    let first = domain.find("aa:00:c0:a8:07:01").unwrap();
    let second = domain.find("aa:02:c0:a8:07:04").unwrap();
    assert!(first < second);
}

#[test]
fn positions_above_9_are_hexadecimal_in_the_dummy_mac() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 20)]);
    let bridges = ["sriov_ib0"; 17];
    assert_eq!(host.deploy(7, &bridges).code, 0);
    assert_eq!(
        host.lease("ib0/10").unwrap()["dummy_mac"],
        "aa:0a:c0:a8:07:0b"
    );
    assert_eq!(
        host.lease("ib0/16").unwrap()["dummy_mac"],
        "aa:10:c0:a8:07:11"
    );
}

#[test]
fn the_guid_begins_with_the_network_id() {
    let host = host();
    host.write(
        "/var/lib/one/datastores/0/7/vm.xml",
        "<VM><TEMPLATE><NIC><MAC>02:00:c0:a8:07:01</MAC><NETWORK_ID>260</NETWORK_ID></NIC></TEMPLATE></VM>",
    );
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    assert_eq!(
        host.lease("ib0/0").unwrap()["guid"],
        "01:04:aa:00:c0:a8:07:01"
    );
}

#[test]
fn nics_with_the_same_mac_get_the_vlans_of_their_own_networks() {
    let host = host();
    host.write("/etc/one-sriov/kvmrc", "VF_IDENTITY=dummy\n");
    // Three networks with the same range of addresses.
    let nic = |(bridge, vlan): (&str, u32)| {
        format!(
            "<NIC><BRIDGE><![CDATA[{bridge}]]></BRIDGE><MAC><![CDATA[02:00:c0:a8:07:01]]></MAC>\
             <VLAN_ID><![CDATA[{vlan}]]></VLAN_ID></NIC>"
        )
    };
    let nics = [("br0", 98), ("sriov_ens1f0", 99), ("sriov_ens1f0", 100)].map(nic);
    let text = format!("<VM><TEMPLATE>{}</TEMPLATE></VM>", nics.concat());
    host.write("/var/lib/one/datastores/0/7/vm.xml", text);
    let domain = domain(7, &["br0", "sriov_ens1f0", "sriov_ens1f0"])
        .replace("02:00:c0:a8:07:02", "02:00:c0:a8:07:01")
        .replace("02:00:c0:a8:07:03", "02:00:c0:a8:07:01");
    let deployed = host.deploy_domain(7, &domain);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    let vlans = [0, 1].map(|vf| host.vf("ens1f0", vf));
    let expected = [99, 100].map(|vlan| format!("mac 02:00:c0:a8:07:01 vlan {vlan}"));
    assert_eq!(vlans, expected);
}

#[test]
fn the_vm_log_names_the_vf_and_the_settings_it_does_not_support() {
    let host = host();
    let domain = domain(7, &["sriov_ib0"]).replace(
        "\t\t</interface>",
        "\t\t\t<bandwidth><inbound average='1'/></bandwidth>\n\t\t</interface>",
    );
    let deployed = host.deploy_domain(7, &domain);
    let lines: Vec<&str> = deployed.stderr.lines().collect();
    assert_eq!(
        lines,
        [
            "INFO: deploy: NIC '02:00:c0:a8:07:01' is VF 'ib0/0' (0000:81:00.1), position 0",
            "INFO: deploy: NIC '02:00:c0:a8:07:01' is a VF, which does not support bandwidth; it is dropped",
        ]
    );
}

#[test]
fn a_failure_of_the_stock_action_is_passed_on_and_the_vf_released() {
    let host = host();
    host.switch("create-fails", "");
    let deployed = host.deploy(7, &["sriov_ib0"]);
    let file = deployment_file(7);
    assert_eq!((deployed.code, &*deployed.stdout), (255, ""));
    let expected = format!("Could not create domain from {file}\n");
    assert!(deployed.stderr.ends_with(&expected), "{}", deployed.stderr);
    assert_eq!(host.leased("ib0"), [""; 0]);
    let original = "0c:42:a1:03:00:00:00:00";
    let restored = format!("node_guid {original} port_guid {original} state disable");
    assert_eq!(host.vf("ib0", 0), restored);
    host.switch_off("create-fails");
    assert_eq!(host.deploy(8, &["sriov_ib0"]).code, 0);
    assert_eq!(host.leased("ib0"), ["0"]);
}

#[test]
fn a_vf_stays_leased_if_the_stock_action_fails_but_the_domain_runs() {
    let host = host();
    host.stock(
        "deploy",
        "mkdir -p \"$(dirname \"$DIR$1\")\"; cat >\"$DIR$1\"; virsh -c x create \"$DIR$1\"; exit 42",
    );
    let deployed = host.deploy(7, &["sriov_ib0"]);
    // After exit code 42 the front-end would copy all scripts again.
    assert_eq!(deployed.code, 1);
    assert_eq!(host.leased("ib0"), ["0"]);
    assert_eq!(host.deploy(8, &["sriov_ib0"]).code, 1);
    assert_eq!(host.leased("ib0"), ["0", "1"]);
    host.power_off(7);
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    assert_eq!(host.leased("ib0"), ["1"]);
}

#[test]
fn a_deployment_runs_virsh_twice_and_ip_twice_per_infiniband_vf() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 20)]);
    host.foreign_domain("other", &["0000:00:1f.2"]);
    // Only the stock action's virsh, not the driver's.
    host.stock("deploy", "cat >/dev/null; echo one-7\n");
    let bridges = ["sriov_ib0"; 16];
    assert_eq!(host.deploy(7, &bridges).code, 0);
    let count = |name: &str| {
        host.calls()
            .iter()
            .filter(|call| call.starts_with(name))
            .count()
    };
    assert_eq!((count("virsh "), count("ip ")), (2, 32));
}

#[test]
fn a_second_deployment_of_a_running_vm_does_not_affect_it() {
    let host = host();
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    let again = host.deploy(7, &["sriov_ib0"]);
    let expected = "failed to use GUID '00:00:aa:00:c0:a8:07:01': VM 7 has it (VF 0 of 'ib0'); end VM 7, with 'virsh destroy one-7' if OpenNebula does not know it.\n";
    assert_eq!((again.code, &*again.stderr), (1, expected));
    // Without GUIDs, it is libvirt that refuses the second domain.
    host.write("/etc/one-sriov/kvmrc", "VF_IDENTITY=dummy\n");
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 255);
    assert_eq!(host.leased("ib0"), ["0"]);
    assert_eq!(host.lease("ib0/0").unwrap()["state"], "active");
}

#[test]
fn a_nic_keeps_its_boot_order_and_guest_address() {
    let host = host();
    let kept = "<boot order='2'/>\n\t\t\t<address type='pci' domain='0x0000' bus='0x01' slot='0x01' function='0x0'/>";
    let domain = domain(7, &["sriov_ib0"]).replace("<target dev='one-7-0'/>", kept);
    assert_eq!(host.deploy_domain(7, &domain).code, 0);
    let created = host.domain(7).unwrap();
    let hostdev = created
        .split("<hostdev")
        .nth(1)
        .unwrap()
        .split("</hostdev>")
        .next()
        .unwrap();
    assert!(hostdev.contains("<boot order='2'/>"), "{created}");
    assert!(
        hostdev.contains("bus='0x01' slot='0x01' function='0x0'"),
        "{created}"
    );
}
