//! Attributes of a network for its VFs: VLAN priority and protocol, spoof check, trust, rate, link state, MTU.

use std::collections::BTreeMap;

use one_sriov_tests::Outcome;
use one_sriov_tests::host::{Host, Pf, domain, pci_nic};

use crate::native::{with_devices, write_document};

/// The settings of a VF whose PF shows all of them.
const SHOWN: &str =
    "mac 02:11:00:00:00:00 vlan 0 spoofchk on trust off max_tx_rate 0 min_tx_rate 0 state auto";

fn host() -> Host {
    let host = Host::new(&[
        Pf::infiniband("ib0", "0000:81:00", 2),
        Pf::ethernet("ens1f0", "0000:82:00", 2),
    ]);
    host.set_vfs("ens1f0", &format!("0 {SHOWN}\n1 {SHOWN}\n"));
    host
}

/// Deploys VM 7 with a NIC on this bridge that has these attributes.
fn deploy(host: &Host, bridge: &str, attributes: &str) -> Outcome {
    let nic = format!("<NIC><MAC>02:00:c0:a8:07:01</MAC>{attributes}</NIC>");
    write_document(host, 7, &nic);
    host.deploy(7, &[bridge])
}

/// The settings of the first VF that the PF shows, by name.
fn shown(host: &Host) -> BTreeMap<String, String> {
    read(&host.vf("ens1f0", 0))
}

fn read(text: &str) -> BTreeMap<String, String> {
    let words: Vec<_> = text.split(' ').map(str::to_owned).collect();
    let pairs = words.chunks(2);
    let known = pairs.map(|pair| (pair[0].clone(), pair[1].clone()));
    // `qos 0` is the same as no priority.
    known
        .filter(|(name, value)| name != "qos" || value != "0")
        .collect()
}

#[track_caller]
fn assert_restored(host: &Host) {
    assert_eq!(host.cancel(7).code, 0);
    assert_eq!(shown(host), read(SHOWN));
    assert_eq!(host.leased("ens1f0"), [""; 0]);
}

#[test]
fn attributes_are_set_before_the_boot_and_restored_after_the_vm_ends() {
    let host = host();
    let attributes = "<VLAN_ID>100</VLAN_ID><SPOOFCHK>no</SPOOFCHK><TRUST>YES</TRUST><VF_LINK_STATE>enable</VF_LINK_STATE>\
        <OUTBOUND_AVG_BW>125000</OUTBOUND_AVG_BW>";
    let deployed = deploy(&host, "sriov_ens1f0", attributes);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    assert_eq!(deployed.stderr.lines().count(), 1, "{}", deployed.stderr);
    let expected = "mac 02:00:c0:a8:07:01 vlan 100 spoofchk off trust on max_tx_rate 1000 min_tx_rate 0 state enable";
    assert_eq!(shown(&host), read(expected));
    // libvirt sets the MAC and the VLAN; see the identity.
    assert_eq!(host.lease("ens1f0/0").unwrap()["identity"], "mac");
    let calls = host.calls();
    let calls: Vec<_> = calls
        .iter()
        .filter(|call| call.starts_with("ip "))
        .collect();
    let expected = [
        "spoofchk off",
        "trust on",
        "max_tx_rate 1000 min_tx_rate 0",
        "state enable",
    ];
    let expected = expected.map(|words| format!("ip link set dev ens1f0 vf 0 {words}"));
    assert_eq!(calls, expected.each_ref());
    assert_restored(&host);
}

#[test]
fn the_driver_sets_a_vlan_with_a_priority_or_protocol_802_1ad() {
    let table = [
        ("<VLAN_QOS>3</VLAN_QOS>", "vlan 100 qos 3"),
        ("<VLAN_PROTO>802.1ad</VLAN_PROTO>", "vlan 100 proto 802.1ad"),
        (
            "<VLAN_QOS>5</VLAN_QOS><VLAN_PROTO>802.1ad</VLAN_PROTO><SPOOFCHK>off</SPOOFCHK>",
            "vlan 100 qos 5 proto 802.1ad",
        ),
    ];
    for (attributes, vlan) in table {
        let host = host();
        let deployed = deploy(
            &host,
            "sriov_ens1f0",
            &format!("<VLAN_ID>100</VLAN_ID>{attributes}"),
        );
        assert_eq!(deployed.code, 0, "{}", deployed.stderr);
        let domain = host.domain(7).unwrap();
        assert!(domain.contains("<hostdev "), "{domain}");
        assert!(!domain.contains("type='hostdev'"), "{domain}");
        let shown = shown(&host);
        for (name, value) in read(vlan) {
            assert_eq!(shown[&name], value, "{attributes}");
        }
        assert_eq!(shown["mac"], "02:00:c0:a8:07:01");
        assert_restored(&host);
    }
    // libvirt sets a VLAN without priority and protocol 802.1ad.
    let host = host();
    let plain = "<VLAN_ID>100</VLAN_ID><VLAN_QOS>0</VLAN_QOS><VLAN_PROTO>802.1q</VLAN_PROTO>";
    assert_eq!(deploy(&host, "sriov_ens1f0", plain).code, 0);
    assert_eq!(host.lease("ens1f0/0").unwrap()["identity"], "mac");
}

#[test]
fn a_deployment_fails_if_an_attribute_that_isolates_tenants_cannot_be_set() {
    let refused = |host: &Host, attributes: &str, expected: &str| {
        let deployed = deploy(host, "sriov_ens1f0", attributes);
        assert_eq!((deployed.code, &*deployed.stderr), (1, expected));
        assert_eq!(host.domain(7), None);
        assert_eq!(host.leased("ens1f0"), [""; 0]);
    };
    let first = host();
    first.switch("ip-refuses", "spoofchk");
    let unsupported = "failed to set spoof check of VF 0 of 'ens1f0': the driver of 'ens1f0' does not support it; \
        remove that attribute from the network, or use another card.\n";
    refused(&first, "<SPOOFCHK>yes</SPOOFCHK>", unsupported);
    first.switch("ip-refuses", "proto");
    let vlan = "<VLAN_ID>100</VLAN_ID><VLAN_PROTO>802.1ad</VLAN_PROTO>";
    let deployed = deploy(&first, "sriov_ens1f0", vlan);
    assert_eq!(deployed.code, 1);
    assert!(
        deployed.stderr.starts_with("failed to set MAC, VLAN"),
        "{}",
        deployed.stderr
    );

    // The PF sets another value than requested.
    let second = host();
    second.switch("ip-changes", "3 0");
    let qos = "<VLAN_ID>100</VLAN_ID><VLAN_QOS>3</VLAN_QOS>";
    let other = "failed to set VLAN priority of VF 0 of 'ens1f0' to '3': the kernel shows '0'; see 'one-sriov doctor'.\n";
    refused(&second, qos, other);

    // If the kernel doesn't show a setting, the driver could not restore it.
    let third = Host::new(&[Pf::ethernet("ens1f0", "0000:82:00", 2)]);
    let hidden = "failed to set SPOOFCHK of NIC '02:00:c0:a8:07:01': 'ens1f0' does not show whether VF 0 has it.\n";
    refused(&third, "<SPOOFCHK>yes</SPOOFCHK>", hidden);
    let wrong = "failed to read VLAN_QOS '9' of NIC '02:00:c0:a8:07:01': expected 0 to 7.\n";
    refused(&third, "<VLAN_QOS>9</VLAN_QOS>", wrong);
}

/// What the VM's log says about attributes that are not set.
fn left_out(deployed: &Outcome) -> Vec<String> {
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    let lines = deployed.stderr.lines();
    let lines = lines.filter_map(|line| line.split_once("NIC '02:00:c0:a8:07:01': "));
    lines.map(|(_, what)| what.to_owned()).collect()
}

#[test]
fn an_optional_attribute_that_cannot_be_set_is_logged() {
    let refusing = host();
    refusing.switch("ip-refuses", "trust\nmax_tx_rate");
    let attributes = "<TRUST>yes</TRUST><OUTBOUND_PEAK_BW>1</OUTBOUND_PEAK_BW>";
    let answer = |what: &str| {
        format!(
            "failed to set {what} of VF 0 of 'ens1f0': the driver of 'ens1f0' does not support it"
        )
    };
    let expected = [
        format!("TRUST is not set: {}", answer("trust")),
        format!(
            "OUTBOUND_PEAK_BW or OUTBOUND_AVG_BW is not set: {}",
            answer("rates")
        ),
    ];
    assert_eq!(
        left_out(&deploy(&refusing, "sriov_ens1f0", attributes)),
        expected
    );
    assert_restored(&refusing);

    let hidden = Host::new(&[Pf::ethernet("ens1f0", "0000:82:00", 2)]);
    let expected = ["TRUST", "OUTBOUND_PEAK_BW or OUTBOUND_AVG_BW"]
        .map(|name| format!("{name} is not set: the kernel does not show its original value"));
    assert_eq!(
        left_out(&deploy(&hidden, "sriov_ens1f0", attributes)),
        expected
    );
    assert!(hidden.calls().iter().all(|call| !call.starts_with("ip ")));
}

#[test]
fn every_ignored_attribute_is_logged() {
    let host = host();
    host.write("/sys/class/net/ens1f0/mtu", "1500\n");
    let attributes = "<INBOUND_AVG_BW>5</INBOUND_AVG_BW><VLAN_TAGGED_ID>1,2</VLAN_TAGGED_ID><CVLANS>3</CVLANS>\
        <VLAN_QOS>3</VLAN_QOS><GUEST_MTU>9000</GUEST_MTU>";
    let expected = [
        "INBOUND_AVG_BW is not set: VFs do not support it",
        "VLAN_TAGGED_ID is not set: VFs do not support it",
        "CVLANS is not set: VFs do not support it",
        "VLAN_QOS or VLAN_PROTO is not set: the network has no VLAN_ID",
        "MTU 9000 is not set: the MTU of 'ens1f0' is only 1500",
    ];
    assert_eq!(
        left_out(&deploy(&host, "sriov_ens1f0", attributes)),
        expected
    );
    assert_restored(&host);
    let attributes = "<VLAN_ID>32769</VLAN_ID><VLAN_QOS>3</VLAN_QOS><SPOOFCHK>yes</SPOOFCHK><TRUST>no</TRUST>\
        <OUTBOUND_AVG_BW>1</OUTBOUND_AVG_BW>";
    let names = [
        "VLAN_QOS",
        "SPOOFCHK",
        "TRUST",
        "OUTBOUND_PEAK_BW or OUTBOUND_AVG_BW",
    ];
    let expected = names.map(|name| format!("{name} is not set: InfiniBand VFs do not support it"));
    assert_eq!(left_out(&deploy(&host, "sriov_ib0", attributes)), expected);
}

#[test]
fn on_pci_nics_the_driver_sets_only_what_the_network_driver_does_not() {
    let host = host();
    let deploy = |attributes: &str| {
        let device = "0000:82:00.1";
        write_document(&host, 7, &pci_nic(7, 0, device, attributes));
        host.deploy_domain(7, &with_devices(&domain(7, &[]), &[device]))
    };
    host.write("/var/tmp/one/vnm/vf.rb", "");
    let of_driver =
        "<VN_MAD>802.1Q</VN_MAD><VLAN_ID>100</VLAN_ID><SPOOFCHK>no</SPOOFCHK><TRUST>yes</TRUST>";
    let deployed = deploy(&format!(
        "{of_driver}<OUTBOUND_AVG_BW>125</OUTBOUND_AVG_BW>"
    ));
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    assert_eq!(deployed.stderr.lines().count(), 1, "{}", deployed.stderr);
    let rate = SHOWN.replace("max_tx_rate 0", "max_tx_rate 1");
    assert_eq!(shown(&host), read(&rate));
    assert_restored(&host);

    let refused = deploy(&format!("{of_driver}<VLAN_QOS>3</VLAN_QOS>"));
    let expected = "failed to set VLAN_QOS or VLAN_PROTO of PCI NIC '02:00:c0:a8:07:c8': OpenNebula's network driver sets \
                    its VLAN and does not support them.\n";
    assert_eq!((refused.code, &*refused.stderr), (1, expected));

    let deployed = deploy(&of_driver.replace("802.1Q", "dummy"));
    let lines: Vec<_> = deployed.stderr.lines().collect();
    let expected = ["VLAN_ID", "SPOOFCHK", "TRUST"].map(|name| {
        format!(
            "INFO: deploy: PCI NIC '02:00:c0:a8:07:c8': {name} is not set: OpenNebula's network driver has to set it, \
             but this one does not set up VFs"
        )
    });
    assert_eq!(lines[..3], expected);
}
