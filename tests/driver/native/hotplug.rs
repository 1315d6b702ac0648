//! Attaching PCI NICs to a running VM, and detaching them.

use one_sriov_tests::Outcome;
use one_sriov_tests::host::{Host, hostdev, pci_nic};

use super::{ORIGINAL, deploy, host};

#[test]
fn a_detached_vf_stays_leased_until_the_guest_releases_it() {
    let host = host();
    host.write("/etc/one-sriov/kvmrc", "UNPLUG_WAIT=0\n");
    host.stock("detach_nic", "echo the stock action >&2\n");
    let devices = ["0000:81:00.1", "0000:82:00.1"];
    let (_, deployed) = deploy(&host, 7, &[], &devices);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    let detach = |mac: &str| host.action("detach_nic", &["one-7", mac, "7", "h"], "<X/>");
    // InfiniBand, and Ethernet with the stock action: libvirt reports success, but the guest keeps the VF.
    host.switch("guest-keeps-devices", "");
    let macs = ["02:00:c0:a8:07:c8", "02:00:c0:a8:07:c9"];
    for (mac, place) in macs.iter().zip(["ib0/0", "ens1f0/0"]) {
        let refused = detach(mac);
        let expected = format!(
            "failed to detach NIC '{mac}': the guest has not released VF '{place}' within 0 s; it keeps the VF until it does.\n"
        );
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.ends_with(&expected), "{}", refused.stderr);
        assert_eq!(host.lease(place).unwrap()["state"], "active");
    }
    host.switch_off("guest-keeps-devices");
    host.write("/etc/one-sriov/kvmrc", "UNPLUG_WAIT=30\n");
    assert_eq!(detach(macs[0]).code, 0);
    assert_eq!(
        (host.leased("ib0").len(), host.leased("ens1f0").len()),
        (0, 1)
    );
    assert_eq!(host.vf("ib0", 0), ORIGINAL);
    let element = hostdev(devices[1]);
    let stock = format!("virsh -c x detach-device \"$1\" /dev/stdin --live <<E\n{element}\nE\n");
    host.stock("detach_nic", &stock);
    assert_eq!(detach(macs[1]).code, 0);
    assert_eq!(host.leased("ens1f0"), [""; 0]);
}

/// Attaches a PCI NIC to VM 7, as OpenNebula 6.6 does.
fn attach(host: &Host, device: &str, bridge: &str, attributes: &str) -> Outcome {
    host.write("/var/tmp/one/vnm/vf.rb", "");
    let nic = pci_nic(7, 5, device, &format!("<ATTACH>YES</ATTACH>{attributes}"));
    let document = format!(
        "<VMM_DRIVER_ACTION_DATA><VM><ID>7</ID><TEMPLATE>{nic}</TEMPLATE></VM></VMM_DRIVER_ACTION_DATA>"
    );
    let mac = "02:00:c0:a8:07:cd";
    host.action(
        "attach_nic",
        &["one-7", mac, bridge, "-", "dummy", "one-7-5", "7", "h"],
        &document,
    )
}

#[test]
fn an_infiniband_vf_is_attached_with_guids_and_finally_bound_to_its_own_driver() {
    let host = host();
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    host.stock("attach_nic", "echo the stock action >&2; exit 1\n");
    // The network of a PCI NIC may have any bridge.
    let attached = attach(&host, "0000:81:00.2", "sriov_ib0", "");
    let expected =
        "INFO: attach_nic: PCI NIC '02:00:c0:a8:07:cd' is VF 'ib0/1' (0000:81:00.2), position 1\n";
    assert_eq!((attached.code, &*attached.stderr), (0, expected));
    let guid = "00:04:aa:01:c0:a8:07:cd";
    let set = format!("node_guid {guid} port_guid {guid} state auto");
    assert_eq!(host.vf("ib0", 1), set);
    assert_eq!(host.lease("ib0/1").unwrap()["state"], "active");
    assert!(
        host.domain(7)
            .unwrap()
            .contains("bus='0x81' slot='0x00' function='0x2'")
    );
    let calls = host.calls();
    let order = [
        "port_guid 00:04",
        "nodedev-detach pci_0000_81_00_2",
        "udevadm settle",
        "attach-device one-7",
    ];
    let order = order.map(|word| calls.iter().position(|call| call.contains(word)).unwrap());
    assert!(order.is_sorted(), "{calls:?}");

    // libvirt leaves it bound to vfio-pci.
    let driver = || {
        let link = host.path("/sys/bus/pci/devices/0000:81:00.2/driver");
        let target = std::fs::read_link(link).unwrap();
        target.file_name().unwrap().to_str().unwrap().to_owned()
    };
    assert_eq!(driver(), "vfio-pci");
    assert_eq!(host.cancel(7).code, 0);
    assert_eq!(driver(), "mlx5_core");
    assert!(host.changed_vfs().is_empty());
    assert_eq!(host.leased("ib0"), [""; 0]);
}

#[test]
fn an_ethernet_vf_is_attached_by_the_stock_action_and_leased() {
    let host = host();
    assert_eq!(host.deploy(7, &["br0"]).code, 0);
    host.stock(
        "attach_nic",
        "grep -c ATTACH >&2; echo stock \"$1\" \"$2\"\n",
    );
    let attached = attach(&host, "0000:82:00.2", "br0", "");
    assert_eq!(
        (attached.code, &*attached.stdout),
        (0, "stock one-7 02:00:c0:a8:07:cd\n")
    );
    // The stock action gets the document that the driver has read from stdin.
    assert!(attached.stderr.starts_with("1\n"), "{}", attached.stderr);
    let lease = host.lease("ens1f0/1").unwrap();
    assert_eq!(
        (&lease["identity"], &lease["state"]),
        (&"native".into(), &"active".into())
    );
    // The stand-in did not change the domain, which `reconcile` detects.
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    assert_eq!(host.leased("ens1f0"), [""; 0]);
}

#[test]
fn a_failed_attach_changes_nothing() {
    let host = host();
    assert_eq!(host.deploy(7, &["br0"]).code, 0);
    assert_eq!(host.deploy(3, &["sriov_ib0"]).code, 0);
    let before = host.domain(7);
    let refused = |outcome: Outcome, beginning: &str| {
        assert_eq!(outcome.code, 1);
        assert!(outcome.stderr.starts_with(beginning), "{}", outcome.stderr);
        assert_eq!(host.domain(7), before);
        assert_eq!(
            (host.leased("ib0"), host.leased("ens1f0")),
            (vec!["0".to_owned()], vec![])
        );
        assert_eq!(host.changed_vfs(), ["0000:81:00.1"]);
    };
    let taken = attach(&host, "0000:81:00.1", "none", "");
    refused(
        taken,
        "failed to use VF '0000:81:00.1' of PCI NIC '02:00:c0:a8:07:cd': VM 3 has it",
    );
    let driver = attach(&host, "0000:81:00.2", "none", "<VN_MAD>bridge</VN_MAD>");
    refused(
        driver,
        "failed to use InfiniBand VF '0000:81:00.2': its network needs VN_MAD=\"dummy\"",
    );
    host.switch("attach-fails", "<hostdev\nno more slots");
    let qemu = attach(&host, "0000:81:00.2", "none", "");
    refused(
        qemu,
        "failed to attach NIC '02:00:c0:a8:07:cd': failed to query libvirt at 'qemu:///system': no",
    );
    host.stock("attach_nic", "echo no >&2; exit 1\n");
    refused(attach(&host, "0000:82:00.2", "br0", ""), "no\n");
}

#[test]
fn nics_other_than_pci_nics_are_attached_as_usual() {
    let host = host();
    host.write("/var/tmp/one/vnm/vf.rb", "");
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    let attach = |bridge: &str, document: &str| {
        let arguments = [
            "one-7",
            "02:00:c0:a8:07:cd",
            bridge,
            "-",
            "dummy",
            "one-7-5",
            "7",
            "h",
        ];
        host.action("attach_nic", &arguments, document)
    };
    let other = format!(
        "<VM><TEMPLATE>{}</TEMPLATE></VM>",
        pci_nic(7, 1, "0000:81:00.2", "")
    );
    for document in ["", "<VM>", "<PCI>", &other] {
        let attached = attach("br0", document);
        assert_eq!(attached.code, 0, "{}", attached.stderr);
        assert_eq!(host.read("/state/stock-stdin").unwrap(), document);
    }
    assert_eq!(host.leased("ib0"), ["0"]);
    // Stdin is read once for both kinds of NICs.
    let nic =
        "<NIC><ATTACH>YES</ATTACH><MAC>02:00:c0:a8:07:cd</MAC><NETWORK_ID>9</NETWORK_ID></NIC>";
    let document = other.replace("<TEMPLATE>", &format!("<TEMPLATE>{nic}"));
    let attached = attach("sriov_ib0", &document);
    assert_eq!(attached.code, 0, "{}", attached.stderr);
    assert_eq!(
        host.lease("ib0/1").unwrap()["guid"],
        "00:09:aa:01:c0:a8:07:cd"
    );
}
