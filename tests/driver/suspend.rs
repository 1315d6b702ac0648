//! Saving VMs with VFs, and restoring them here or on another host.

use std::fs::File;
use std::process::Output;

use one_sriov_tests::Outcome;
use one_sriov_tests::host::{Host, Pf, domain};

pub(crate) const CHECKPOINT: &str = "/var/lib/one//datastores/0/7/checkpoint";
pub(crate) const SAVED: &str = "/var/lib/one/datastores/0/7/one-sriov-nics.json";

pub(crate) fn cards() -> [Pf; 2] {
    [
        Pf::infiniband("ib0", "0000:81:00", 4),
        Pf::ethernet("eth1", "0000:82:00", 4),
    ]
}

pub(crate) fn empty() -> Host {
    let host = Host::new(&cards());
    has_stock_actions(&host);
    host
}

/// Installs stock actions that save and restore.
pub(crate) fn has_stock_actions(host: &Host) {
    host.write("/etc/one-sriov/kvmrc", "UNPLUG_WAIT=1\nLEASE_GRACE=0\n");
    host.write("/var/tmp/one/VERSION", "6.10.5\n");
    let virsh = |words: &str| {
        format!("virsh -c qemu:///system {words} || exit 1\ncat >$DIR/state/stock-stdin\n")
    };
    host.stock("save", &virsh("save \"$1\" \"$DIR$2\""));
    host.stock("restore", &virsh("restore \"$DIR$1\""));
}

/// A host with a VM that has two VFs. The template names a guest address for the first.
pub(crate) fn host() -> Host {
    let host = empty();
    deploy(&host);
    host
}

pub(crate) fn deploy(host: &Host) {
    let address = "<address type='pci' domain='0x0000' bus='0x00' slot='0x0a' function='0x0'/>\n\t\t</interface>";
    let domain = domain(7, &["sriov_ib0", "sriov_eth1"]).replacen("</interface>", address, 1);
    let deployed = host.deploy_domain(7, &domain);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
}

/// The VM's document, with these NICs and a VLAN on the Ethernet network.
pub(crate) fn document(nics: &[(&str, u8)]) -> String {
    let nic = |(bridge, nth): &(&str, u8)| {
        let vlan = if *bridge == "sriov_eth1" {
            "<VLAN_ID><![CDATA[42]]></VLAN_ID>"
        } else {
            ""
        };
        format!(
            "<NIC><BRIDGE><![CDATA[{bridge}]]></BRIDGE><MAC><![CDATA[02:00:c0:a8:07:{nth:02x}]]></MAC>\
             <NETWORK_ID><![CDATA[5]]></NETWORK_ID>{vlan}</NIC>"
        )
    };
    let nics: String = nics.iter().map(nic).collect();
    format!(
        "<VMM_DRIVER_ACTION_DATA><VM><ID>7</ID><TEMPLATE>{nics}</TEMPLATE></VM></VMM_DRIVER_ACTION_DATA>\n"
    )
}

pub(crate) const BOTH: [(&str, u8); 2] = [("sriov_ib0", 1), ("sriov_eth1", 2)];

pub(crate) fn save(host: &Host) -> Outcome {
    raw(
        host,
        "save",
        &["one-7", CHECKPOINT, "host", "7", "host"],
        &document(&BOTH),
    )
    .into()
}

pub(crate) fn restore(host: &Host, nics: &[(&str, u8)]) -> Outcome {
    raw(
        host,
        "restore",
        &[CHECKPOINT, "host", "one-7", "7", "host"],
        &document(nics),
    )
    .into()
}

pub(crate) fn raw(host: &Host, name: &str, arguments: &[&str], stdin: &str) -> Output {
    host.write("/state/stdin", stdin);
    let stdin = File::open(host.path("/state/stdin")).unwrap();
    let mut driver = host.driver(&["action", "--", name]);
    driver.args(arguments).stdin(stdin).output().unwrap()
}

pub(crate) fn is_free(host: &Host) {
    assert_eq!((host.leased("ib0"), host.leased("eth1")), (vec![], vec![]));
    assert_eq!(host.changed_vfs(), [""; 0]);
}

#[test]
fn a_saved_vm_gives_its_vfs_back_and_gets_others_with_the_same_identity() {
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
    is_free(&host);
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
    is_free(&host);
}

#[test]
fn a_stopped_vm_runs_on_another_host_which_lacks_the_dummy_bridge() {
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
fn a_nic_that_was_detached_meanwhile_does_not_come_back() {
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
fn before_5_0_the_file_alone_decides_and_stdin_is_not_read() {
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
fn a_save_that_fails_leaves_the_vm_with_its_vfs_at_their_places() {
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
    is_free(&host);
}

#[test]
fn a_guest_that_keeps_a_vf_is_not_saved() {
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
fn too_few_vfs_are_told_before_the_checkpoint_is_touched() {
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
fn a_restore_that_fails_gives_the_vfs_back_and_can_be_repeated() {
    let host = host();
    assert_eq!(save(&host).code, 0);
    host.stock("restore", "echo 'Could not restore' >&2; exit 1\n");
    assert_eq!(restore(&host, &BOTH).code, 1);
    is_free(&host);
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

/// A host with a VM that was restored without its InfiniBand VF.
pub(crate) fn lacking() -> (Host, Outcome) {
    let host = host();
    assert_eq!(save(&host).code, 0);
    host.switch(
        "attach-fails",
        "<hostdev\ninternal error: vfio 0000:81:00.1: no",
    );
    let restored = restore(&host, &BOTH);
    host.switch_off("attach-fails");
    (host, restored)
}

#[test]
fn a_vf_that_cannot_be_plugged_in_costs_no_vm_and_comes_with_the_next_look() {
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
    let looked = host.operator(&["reconcile"]);
    // The VF that failed is allocated last, so the VM gets another one.
    let expected = "VM 7 has VF '0000:81:00.2' (ib0/1) again\n";
    assert_eq!(
        (looked.code, looked.stdout.as_str()),
        (0, expected),
        "{}",
        looked.stderr
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
fn what_its_network_wants_of_a_vf_is_set_by_the_next_look_too() {
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
fn a_nic_without_vf_that_is_detached_does_not_come_back() {
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
fn a_nic_without_vf_is_saved_with_the_others() {
    let (host, _) = lacking();
    let saved = save(&host);
    assert_eq!(saved.code, 0, "{}", saved.stderr);
    is_free(&host);
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
fn the_file_of_an_earlier_attempt_does_not_outlive_the_nics() {
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

#[test]
fn a_domain_that_sleeps_is_woken_by_the_stock_action() {
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

/// Lists inconsistencies between domains, cards and leases. A running VM must have all its VFs at their addresses, with dummy
/// NICs and leases; a saved VM must have its files and no VFs.
pub(crate) fn audit(host: &Host, may_move: bool) -> Vec<String> {
    let mut problems = audit_vfs(host, may_move);
    let has_files = host.read(CHECKPOINT).is_some() && host.read(SAVED).is_some();
    if host.domain(7).is_none() && !has_files {
        problems.push("a saved VM without its files".to_owned());
    }
    problems
}

/// Like [`audit`], but ignores the files of a saved VM.
pub(crate) fn audit_vfs(host: &Host, may_move: bool) -> Vec<String> {
    let mut problems = Vec::new();
    // If libvirt refuses the device's previous address in the guest, the device gets another one.
    let elsewhere = "function='0x1'/></source></hostdev>";
    let is_in_place = !(may_move && host.domain(7).is_some_and(|text| text.contains(elsewhere)));
    let leased = (host.leased("ib0").len(), host.leased("eth1").len());
    if let Some(domain) = host.domain(7) {
        for (part, count) in [
            ("<hostdev ", 1),
            ("type='hostdev'", 1),
            ("aa:00:c0:a8:07:01", 1),
            (
                "slot='0x0a' function='0x0'/></hostdev>",
                usize::from(is_in_place),
            ),
        ] {
            let compact: String = domain.split_inclusive('>').map(str::trim_start).collect();
            if compact.matches(part).count() != count {
                problems.push(format!("not {count} times {part}: {domain}"));
            }
        }
        if leased != (1, 1) {
            problems.push(format!("leases {leased:?} of a running VM"));
        }
        if host.changed_vfs().len() != 2 {
            problems.push(format!("changed VFs: {:?}", host.changed_vfs()));
        }
    } else if leased != (0, 0) || !host.changed_vfs().is_empty() {
        problems.push(format!(
            "leases {leased:?}, changed {:?} of a VM that does not run",
            host.changed_vfs()
        ));
    }
    problems
}

/// Waits until the stock action of a killed driver has ended: until then the deployments' files stay locked.
pub(crate) fn wait_for_stock_actions(host: &Host) {
    let Ok(files) = std::fs::read_dir(host.path("/run/one-sriov/.deployments")) else {
        return;
    };
    for file in files {
        let deployment = File::open(file.unwrap().path()).unwrap();
        deployment.lock().unwrap();
        deployment.unlock().unwrap();
    }
}

/// A VM that is saved and restored with faults.
pub(crate) struct Scenario {
    /// The host that the VM runs on.
    pub(crate) host: fn() -> Host,
    /// The VM's document for a step.
    pub(crate) document: fn(&str) -> String,
    /// Lists inconsistencies after a step. `true` allows a VF another address in the guest.
    pub(crate) audit: fn(&Host, &str, bool) -> Vec<String>,
}

/// Saves and restores, with a fault at every call of a program in turn.
pub(crate) fn at_every_call(switch: &str, scenario: &Scenario) {
    for step in ["save", "restore"] {
        let mut reached = 0;
        for nth in 1.. {
            let host = (scenario.host)();
            let (saving, restoring) = (
                ["one-7", CHECKPOINT, "host", "7", "host"],
                [CHECKPOINT, "host", "one-7", "7", "host"],
            );
            if step == "restore" {
                let saved = raw(&host, "save", &saving, &(scenario.document)("save"));
                assert!(saved.status.success(), "{saved:?}");
            }
            host.switch(switch, &nth.to_string());
            let arguments = if step == "save" { saving } else { restoring };
            let outcome = raw(&host, step, &arguments, &(scenario.document)(step));
            let left = host.read(&format!("/state/{switch}")).unwrap();
            host.switch_off(switch);
            let what = format!("{step} {nth}: {}", String::from_utf8_lossy(&outcome.stderr));
            wait_for_stock_actions(&host);
            let looked = host.operator(&["reconcile"]);
            assert_eq!(looked.code, 0, "{what}{}{}", looked.stdout, looked.stderr);
            let may_move = step == "restore" && switch == "fails-at";
            assert_eq!(
                (scenario.audit)(&host, step, may_move),
                [""; 0],
                "{what}\n{}",
                looked.stdout
            );
            assert_eq!(host.read("/run/one-sriov/.unplugged/7"), None, "{what}");
            if left.trim() != "0" {
                assert!(outcome.status.success(), "{what}");
                break;
            }
            reached = nth;
        }
        assert!(reached >= 10, "{step}: only {reached} calls");
    }
}

const BOTH_NICS: Scenario = Scenario {
    host,
    document: |_| document(&BOTH),
    audit: |host, _, may_move| audit(host, may_move),
};

#[test]
fn a_call_that_fails_leaves_all_or_nothing() {
    at_every_call("fails-at", &BOTH_NICS);
}

#[test]
fn a_driver_that_is_killed_at_any_call_leaves_all_or_nothing_for_the_next_look() {
    at_every_call("dies-at", &BOTH_NICS);
}
