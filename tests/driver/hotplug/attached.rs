//! NICs that are attached and detached, and what is refused.

use one_sriov_tests::Outcome;

use super::{attach, attach_to_a_vm_without_vfs, detach, driver_of, host, mac};

#[test]
fn an_infiniband_nic_is_attached_with_guids_and_a_dummy_and_detached_completely() {
    let host = host();
    let before = host.domain(7).unwrap();
    let driver = driver_of(&host, "0000:81:00.2");
    let attached = attach(&host, "sriov_ib0", 2);
    assert_eq!(
        (attached.code, attached.stdout.as_str()),
        (0, ""),
        "{}",
        attached.stderr
    );
    assert!(
        attached
            .stderr
            .contains("NIC '02:00:c0:a8:07:02' is VF 'ib0/1' (0000:81:00.2), position 1"),
        "{}",
        attached.stderr
    );
    let lease = host.lease("ib0/1").unwrap();
    assert_eq!(
        (&lease["state"], &lease["is_bound"], &lease["position"]),
        (&"active".into(), &true.into(), &1.into())
    );
    // The GUID has the network of the NIC that is attached.
    assert_eq!(lease["guid"], "00:09:aa:01:c0:a8:07:02");
    assert!(
        host.vf("ib0", 1)
            .contains("port_guid 00:09:aa:01:c0:a8:07:02"),
        "{}",
        host.vf("ib0", 1)
    );
    let during = host.domain(7).unwrap();
    assert!(during.contains("<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x81' slot='0x00' function='0x2'/></source></hostdev>"), "{during}");
    assert!(during.contains("<interface type='bridge'><source bridge='sriov_br'/><mac address='aa:01:c0:a8:07:02'/><model type='virtio'/><link state='down'/></interface>"), "{during}");

    let detached = detach(&host, &mac(2));
    assert_eq!(
        (detached.code, detached.stdout.as_str()),
        (0, ""),
        "{}",
        detached.stderr
    );
    assert_eq!(host.domain(7).unwrap(), before);
    assert_eq!(host.leased("ib0"), ["0"]);
    assert_eq!(driver_of(&host, "0000:81:00.2"), driver);
    assert_eq!(
        host.changed_vfs(),
        ["0000:81:00.1"],
        "only the VF of the deployment"
    );
}

#[test]
fn an_ethernet_nic_gets_its_mac_from_libvirt_and_needs_no_dummy() {
    let host = host();
    let attached = attach(&host, "sriov_eth1", 2);
    assert_eq!(attached.code, 0, "{}", attached.stderr);
    let domain = host.domain(7).unwrap();
    assert!(
        domain
            .contains("<interface type='hostdev' managed='yes'><mac address='02:00:c0:a8:07:02'/>"),
        "{domain}"
    );
    assert!(!domain.contains("aa:01:"), "{domain}");
    assert!(host.vf("eth1", 0).contains("mac 02:00:c0:a8:07:02"));
    assert_eq!(detach(&host, &mac(2)).code, 0);
    assert_eq!(host.changed_vfs(), ["0000:81:00.1"]);
}

#[test]
fn up_to_4_14_attach_nic_has_fewer_arguments_and_an_endless_stdin() {
    let host = host();
    let mut command = host.driver(&["action", "--", "attach_nic"]);
    // The arguments of 4.0, and of 4.4 with the number of queues.
    let (open, _writer) = std::io::pipe().unwrap();
    command
        .args(["one-7", &mac(2), "sriov_ib0", "-", "7", "host"])
        .stdin(open);
    let attached: Outcome = command.output().unwrap().into();
    assert_eq!(attached.code, 0, "{}", attached.stderr);
    let mut command = host.driver(&["action", "--", "attach_nic"]);
    let (open, _writer) = std::io::pipe().unwrap();
    command
        .args(["one-7", &mac(3), "sriov_ib0", "e1000", "vhost", "7", "host"])
        .stdin(open);
    let attached: Outcome = command.output().unwrap().into();
    assert_eq!(attached.code, 0, "{}", attached.stderr);
    let domain = host.domain(7).unwrap();
    assert!(
        domain.contains("<mac address='aa:01:c0:a8:07:02'/><link"),
        "{domain}"
    );
    assert!(
        domain.contains("<mac address='aa:02:c0:a8:07:03'/><model type='e1000'/>"),
        "{domain}"
    );
    assert_eq!(
        host.lease("ib0/1").unwrap()["guid"],
        "00:00:aa:01:c0:a8:07:02"
    );
}

#[test]
fn a_nic_gets_the_lowest_free_position() {
    let host = host();
    for nth in [2, 3] {
        assert_eq!(attach(&host, "sriov_ib0", nth).code, 0);
    }
    assert_eq!(detach(&host, &mac(2)).code, 0);
    assert_eq!(attach(&host, "sriov_ib0", 9).code, 0);
    assert_eq!(host.lease("ib0/1").unwrap()["position"], 1);
    assert!(host.domain(7).unwrap().contains("aa:01:c0:a8:07:09"));
}

#[test]
fn a_failed_attach_changes_nothing() {
    for (part, complaint, expected) in [
        (
            "<hostdev",
            "internal error: unable to execute QEMU command 'device_add': vfio 0000:81:00.2: no",
            "vfio 0000:81:00.2: no.",
        ),
        (
            "<hostdev",
            "internal error: No more available PCI slots",
            "No more available PCI slots; a q35 machine needs two free ports",
        ),
        (
            "aa:01:c0:a8:07:02",
            "internal error: No more available PCI slots",
            "No more available PCI slots; a q35 machine needs two free ports",
        ),
    ] {
        let host = host();
        let before = host.domain(7).unwrap();
        let driver = driver_of(&host, "0000:81:00.2");
        host.switch("attach-fails", &format!("{part}\n{complaint}"));
        let refused = attach(&host, "sriov_ib0", 2);
        assert_eq!(refused.code, 1);
        let start = "failed to attach NIC '02:00:c0:a8:07:02': ";
        let line = refused.stderr.lines().last().unwrap();
        assert!(
            line.starts_with(start) && line.contains(expected),
            "{}",
            refused.stderr
        );
        assert_eq!(host.domain(7).unwrap(), before);
        assert_eq!(host.leased("ib0"), ["0"]);
        assert_eq!(driver_of(&host, "0000:81:00.2"), driver);
        assert_eq!(host.changed_vfs(), ["0000:81:00.1"]);
    }
}

#[test]
fn a_vm_without_vfs_gets_its_first_one() {
    let host = host();
    assert_eq!(host.deploy(8, &["br0"]).code, 0);
    attach_to_a_vm_without_vfs(&host);
    assert_eq!(host.lease("ib0/1").unwrap()["position"], 0);
    assert_eq!(
        host.action("detach_nic", &["one-8", &mac(2), "8", "host"], "")
            .code,
        0
    );
    assert_eq!(host.leased("ib0"), ["0"]);
}

#[test]
fn a_full_pool_is_reported_before_anything_changes() {
    let host = host();
    assert_eq!(
        host.deploy(8, &["sriov_ib0", "sriov_ib0", "sriov_ib0"])
            .code,
        0
    );
    let before = host.domain(7).unwrap();
    let refused = attach(&host, "sriov_ib0", 2);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("ib0"), "{}", refused.stderr);
    assert_eq!(host.domain(7).unwrap(), before);
}

#[test]
fn detaching_one_of_two_nics_with_the_same_mac_is_refused() {
    let host = host();
    assert_eq!(attach(&host, "sriov_ib0", 2).code, 0);
    assert_eq!(attach(&host, "sriov_eth1", 2).code, 0);
    let refused = detach(&host, &mac(2));
    let expected =
        "failed to detach NIC '02:00:c0:a8:07:02': VM 7 has 2 SR-IOV NICs with this MAC.\n";
    assert_eq!((refused.code, refused.stderr.as_str()), (1, expected));
}

#[test]
fn a_snapshot_is_refused_and_a_revert_names_the_nics_it_removes() {
    let host = host();
    host.stock("snapshot_create", "echo snap-1\n");
    let created = host.action("snapshot_create", &["one-7", "0", "7", "host"], "");
    let expected = "failed to take a snapshot of VM 7: it holds VF 'ib0/0'; libvirt takes no snapshot of a VM with a VF.\n";
    assert_eq!((created.code, created.stderr.as_str()), (1, expected));

    assert_eq!(host.deploy(8, &["br0"]).code, 0);
    assert_eq!(
        host.action("snapshot_create", &["one-8", "0", "8", "host"], "")
            .stdout,
        "snap-1\n"
    );
    let before = host.domain(8).unwrap();
    attach_to_a_vm_without_vfs(&host);
    let state = "$DIR/state/domains/one-8.xml";
    host.write("/state/snapshot", before);
    host.stock(
        "snapshot_revert",
        &format!("cp \"$DIR/state/snapshot\" \"{state}\"\n"),
    );
    let reverted = host.action("snapshot_revert", &["one-8", "snap-1", "8", "host"], "");
    assert_eq!(reverted.code, 0, "{}", reverted.stderr);
    let expected = "NIC '02:00:c0:a8:07:02' is not in the snapshot: VM 8 has lost VF 'ib0/1'; detach the NIC and attach it again";
    assert!(reverted.stderr.contains(expected), "{}", reverted.stderr);
    assert_eq!(host.leased("ib0"), ["0"]);
    assert_eq!(host.changed_vfs(), ["0000:81:00.1"]);
    // The message's remedy works: the document shows that this is an SR-IOV NIC.
    host.write("/var/tmp/one/VERSION", "7.0.0\n");
    host.stock("detach_nic", "echo 'no such interface' >&2; exit 1\n");
    let nic = format!(
        "<NIC><ATTACH>YES</ATTACH><BRIDGE>sriov_ib0</BRIDGE><MAC>{}</MAC></NIC>",
        mac(2)
    );
    let document = format!("<VM><TEMPLATE>{nic}</TEMPLATE></VM>");
    let detach =
        |document: &str| host.action("detach_nic", &["one-8", &mac(2), "8", "host"], document);
    let detached = detach(&document);
    assert_eq!(detached.code, 0, "{}", detached.stderr);
    let other = detach(&document.replace("sriov_ib0", "br0"));
    assert_eq!(
        (other.code, other.stderr.as_str()),
        (1, "no such interface\n")
    );
}
