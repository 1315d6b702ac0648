//! VMs that are saved and restored, and what is refused.

use one_sriov_tests::Outcome;

use super::{BOTH, CHECKPOINT, SAVED, assert_free, document, empty, host, restore, save};

#[test]
fn a_saved_vm_releases_its_vfs_and_gets_others_with_the_same_identity() {
    let host = host();
    let guid = host.lease("ib0/0").unwrap()["guid"].clone();
    let saved = save(&host);
    assert_eq!(
        (saved.code, saved.stdout.as_str()),
        (0, ""),
        "{}",
        saved.stderr
    );
    assert_eq!(
        host.read("/state/stock-stdin").unwrap().trim(),
        document(&BOTH).trim()
    );
    assert_free(&host);
    // The checkpoint has the dummy NIC and no VF.
    let checkpoint = host.read(CHECKPOINT).unwrap();
    assert!(
        checkpoint.contains("aa:00:c0:a8:07:01") && !checkpoint.contains("hostdev"),
        "{checkpoint}"
    );
    assert!(
        host.read(SAVED)
            .unwrap()
            .contains(r#""guest":"0000:00:0a.0""#)
    );

    // Another VM gets the VFs that the saved VM had.
    assert_eq!(host.deploy(8, &["sriov_ib0", "sriov_eth1"]).code, 0);
    let restored = restore(&host, &BOTH);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    let lease = host.lease("ib0/1").unwrap();
    assert_eq!(
        (
            &lease["vm"],
            &lease["position"],
            &lease["guid"],
            &lease["state"]
        ),
        (&7.into(), &0.into(), &guid, &"active".into())
    );
    let domain = host.domain(7).unwrap();
    assert_eq!(domain.matches("aa:00:c0:a8:07:01").count(), 1, "{domain}");
    assert!(domain.contains("function='0x2'/></source><address type='pci' domain='0x0000' bus='0x00' slot='0x0a' function='0x0'/></hostdev>"), "{domain}");
    // The VLAN is the one that the network has now.
    assert!(
        host.vf("eth1", 1).contains("mac 02:00:c0:a8:07:02")
            && host.vf("eth1", 1).contains("vlan 42"),
        "{}",
        host.vf("eth1", 1)
    );
    assert_eq!(host.read(SAVED), None);
    assert_eq!((host.cancel(7).code, host.cancel(8).code), (0, 0));
    assert_free(&host);
}

#[test]
fn a_stopped_vm_is_restored_on_another_host_without_the_dummy_bridge() {
    let first = host();
    assert_eq!(save(&first).code, 0);
    let second = empty();
    for file in [CHECKPOINT, SAVED] {
        second.write(file, first.read(file).unwrap());
    }
    std::fs::remove_dir(second.path("/sys/class/net/sriov_br")).unwrap();
    let restored = restore(&second, &BOTH);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    assert!(second.path("/sys/class/net/sriov_br").exists());
    assert_eq!(
        (second.leased("ib0"), second.leased("eth1")),
        (vec!["0".into()], vec!["0".into()])
    );
}

#[test]
fn a_nic_detached_while_the_vm_was_saved_is_not_restored() {
    let host = host();
    assert_eq!(save(&host).code, 0);
    let restored = restore(&host, &BOTH[..1]);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    assert_eq!(
        (host.leased("ib0").len(), host.leased("eth1").len()),
        (1, 0)
    );
}

#[test]
fn before_5_0_only_the_file_of_saved_nics_decides_and_stdin_is_not_read() {
    for version in [None, Some("4.14.2\n")] {
        let host = host();
        std::fs::remove_file(host.path("/var/tmp/one/VERSION")).unwrap();
        if let Some(version) = version {
            host.write("/var/tmp/one/VERSION", version);
        }
        host.stock(
            "save",
            "exec virsh -c qemu:///system save \"$1\" \"$DIR$2\"\n",
        );
        host.stock(
            "restore",
            "exec virsh -c qemu:///system restore \"$DIR$1\"\n",
        );
        for (name, arguments) in [
            ("save", &["one-7", CHECKPOINT, "host", "7", "host"][..]),
            ("restore", &[CHECKPOINT, "host", "7", "host"]),
        ] {
            let (open, _writer) = std::io::pipe().unwrap();
            let mut driver = host.driver(&["action", "--", name]);
            let outcome: Outcome = driver.args(arguments).stdin(open).output().unwrap().into();
            assert_eq!(outcome.code, 0, "{version:?} {name}: {}", outcome.stderr);
        }
        assert_eq!(
            (host.leased("ib0").len(), host.leased("eth1").len()),
            (1, 1)
        );
    }
}

#[test]
fn a_failed_save_leaves_the_vm_with_its_vfs_at_their_addresses() {
    let host = host();
    host.stock("save", "echo 'Could not save one-7' >&2; exit 1\n");
    let refused = save(&host);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("Could not save one-7"),
        "{}",
        refused.stderr
    );
    let domain = host.domain(7).unwrap();
    assert!(
        domain.contains("slot='0x0a' function='0x0'/></hostdev>"),
        "{domain}"
    );
    assert_eq!(
        (host.leased("ib0"), host.leased("eth1")),
        (vec!["0".into()], vec!["0".into()])
    );
    assert!(
        host.vf("eth1", 0).contains("vlan 42"),
        "{}",
        host.vf("eth1", 0)
    );
    assert_eq!(host.read(SAVED), None);
    assert_eq!(host.cancel(7).code, 0);
    assert_free(&host);
}

#[test]
fn a_vm_whose_guest_does_not_release_a_vf_is_not_saved() {
    let host = host();
    let before = host.domain(7).unwrap();
    host.switch("guest-keeps-devices", "");
    let refused = save(&host);
    assert_eq!(refused.code, 1);
    let expected = "failed to save VM 7: the guest has not released VF 'ib0/0' within 1 s; it keeps the VF until it does.\n";
    assert!(refused.stderr.ends_with(expected), "{}", refused.stderr);
    assert_eq!(host.domain(7).unwrap(), before);
    assert_eq!(host.read(SAVED), None);
}

#[test]
fn too_few_free_vfs_are_reported_before_the_stock_restore_runs() {
    let host = host();
    assert_eq!(save(&host).code, 0);
    assert_eq!(host.deploy(8, &["sriov_ib0"; 4]).code, 0);
    host.stock("restore", ": >\"$DIR/state/touched\"\n");
    let refused = restore(&host, &BOTH);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("ib0"), "{}", refused.stderr);
    assert_eq!(host.read("/state/touched"), None);
    assert!(host.read(SAVED).is_some());
    assert_eq!(host.leased("eth1"), [""; 0]);
}

#[test]
fn a_failed_restore_releases_the_vfs_and_can_be_repeated() {
    let host = host();
    assert_eq!(save(&host).code, 0);
    host.stock("restore", "echo 'Could not restore' >&2; exit 1\n");
    assert_eq!(restore(&host, &BOTH).code, 1);
    assert_free(&host);
    assert!(host.read(SAVED).is_some());
    host.stock(
        "restore",
        "exec virsh -c qemu:///system restore \"$DIR$1\"\n",
    );
    assert_eq!(restore(&host, &BOTH).code, 0);
    assert_eq!(
        (host.leased("ib0").len(), host.leased("eth1").len()),
        (1, 1)
    );
}

#[test]
fn a_sleeping_domain_is_woken_by_the_stock_action() {
    let host = host();
    assert_eq!(save(&host).code, 0);
    assert_eq!(restore(&host, &BOTH).code, 0);
    host.write(SAVED, r#"{"format":1,"nics":[]}"#);
    host.stock("restore", "echo woken\n");
    assert_eq!(restore(&host, &BOTH).stdout, "woken\n");
    assert_eq!(
        (host.leased("ib0").len(), host.leased("eth1").len()),
        (1, 1)
    );
}
