//! VFs that cannot be plugged in after a restore.

use one_sriov_tests::Outcome;

use super::faults::audit;
use super::{BOTH, SAVED, assert_free, document, empty, host, lacking, raw, restore, save};

#[test]
fn a_vf_that_cannot_be_plugged_in_does_not_fail_the_restore() {
    let (host, restored) = lacking();
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    let said = "NIC '02:00:c0:a8:07:01' of VM 7 has no VF: ";
    assert!(restored.stderr.contains(said), "{}", restored.stderr);
    assert!(host.domain(7).is_some());
    assert_eq!(
        (host.leased("ib0").len(), host.leased("eth1").len()),
        (0, 1)
    );
    // The file still records the missing NIC.
    let saved = host.read(SAVED).unwrap();
    assert!(
        saved.contains("02:00:c0:a8:07:01") && !saved.contains("02:00:c0:a8:07:02"),
        "{saved}"
    );
    let reconciled = host.operator(&["reconcile"]);
    // The VF that failed is allocated last, so the VM gets another one.
    let expected = "VM 7 has VF '0000:81:00.2' (ib0/1) again\n";
    assert_eq!(
        (reconciled.code, reconciled.stdout.as_str()),
        (0, expected),
        "{}",
        reconciled.stderr
    );
    assert_eq!(
        (host.leased("ib0").len(), host.leased("eth1").len()),
        (1, 1)
    );
    assert!(
        host.domain(7)
            .unwrap()
            .contains("slot='0x0a' function='0x0'/></hostdev>")
    );
    assert_eq!(host.read(SAVED), None);
}

#[test]
fn reconcile_also_sets_the_network_attributes_of_a_missing_vf() {
    let host = host();
    assert_eq!(save(&host).code, 0);
    host.switch("attach-fails", "type='hostdev'\ninternal error: no");
    assert_eq!(restore(&host, &BOTH).code, 0);
    host.switch_off("attach-fails");
    assert_eq!(host.leased("eth1"), [""; 0]);
    let nic = "<NIC><BRIDGE>sriov_eth1</BRIDGE><MAC>02:00:c0:a8:07:02</MAC><VLAN_ID>42</VLAN_ID><TRUST>yes</TRUST></NIC>";
    let document = format!("<VM><TEMPLATE>{nic}</TEMPLATE></VM>");
    host.write("/var/lib/one/datastores/0/7/vm.xml", document);
    host.set_vfs(
        "eth1",
        &format!(
            "{}\n",
            (0..4)
                .map(|vf| format!("{vf} mac 02:11:00:00:00:00 vlan 0 trust off"))
                .collect::<Vec<_>>()
                .join("\n")
        ),
    );
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    let [place] = host.leased("eth1").try_into().unwrap();
    let vf = host.vf("eth1", place.parse().unwrap());
    assert!(vf.contains("trust on") && vf.contains("vlan 42"), "{vf}");
}

#[test]
fn a_detached_nic_without_a_vf_is_not_plugged_in_again() {
    let (host, _) = lacking();
    let arguments = ["one-7", "02:00:c0:a8:07:01", "7", "host"];
    let document = document(&BOTH).replacen("<NIC>", "<NIC><ATTACH>YES</ATTACH>", 1);
    let detached: Outcome = raw(&host, "detach_nic", &arguments, &document).into();
    assert_eq!(detached.code, 0, "{}", detached.stderr);
    assert!(!host.domain(7).unwrap().contains("aa:00:"));
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    assert_eq!(
        (host.leased("ib0").len(), host.leased("eth1").len()),
        (0, 1)
    );
    assert_eq!(host.read(SAVED), None);
}

#[test]
fn a_nic_without_a_vf_is_saved_with_the_others() {
    let (host, _) = lacking();
    let saved = save(&host);
    assert_eq!(saved.code, 0, "{}", saved.stderr);
    assert_free(&host);
    assert_eq!(restore(&host, &BOTH).code, 0);
    assert_eq!(audit(&host, false), [""; 0]);

    // If the save fails, the VM still lacks its VF.
    let (host, _) = lacking();
    host.stock("save", "exit 1\n");
    assert_eq!(save(&host).code, 1);
    assert_eq!(
        (host.leased("ib0").len(), host.leased("eth1").len()),
        (0, 1)
    );
    assert_eq!(host.operator(&["repair", "7"]).code, 0);
    assert_eq!(audit(&host, false), [""; 0]);
}

#[test]
fn a_stale_file_of_saved_nics_is_removed_when_a_vm_without_vfs_is_saved() {
    let host = empty();
    assert_eq!(host.deploy(7, &["br0"]).code, 0);
    let nic = r#"{"format":1,"nics":[{"pool":"ib0","position":0,"mac":"02:00:c0:a8:07:01","vlan":null,"has_dummy":true,
        "guid":null,"guest":null,"native":null}]}"#;
    host.write(SAVED, nic);
    assert_eq!(save(&host).code, 0);
    assert_eq!(host.read(SAVED), None);
    // The file of a VM that is already saved is still needed.
    host.write(SAVED, nic);
    assert_eq!(save(&host).code, 1);
    assert!(host.read(SAVED).is_some());
}
