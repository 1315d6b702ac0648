//! VMs that move, and what is refused before anything is touched.

use std::io::Write as _;

use one_sriov_tests::host::Host;
use one_sriov_tests::{Outcome, driver_path, write_program};

use super::{ARGUMENTS, assert_stays, audit, connect, hosts, migrate, next_to, stock};
use crate::suspend::{
    BOTH, CHECKPOINT, SAVED, assert_free, cards, deploy, document, empty, host,
    install_stock_actions, raw, restore, save,
};

#[test]
fn a_vm_gets_vfs_of_the_other_host_with_the_same_identity() {
    let (first, second) = hosts();
    let guid = first.lease("ib0/0").unwrap()["guid"].clone();
    // On the second host, another VM has the VFs with the same numbers, and the bridge of the dummy NICs is missing.
    assert_eq!(second.deploy(8, &["sriov_ib0", "sriov_eth1"]).code, 0);
    std::fs::remove_dir(second.path("/sys/class/net/sriov_br")).unwrap();
    let seconds = second.root().display();
    stock(
        &first,
        &format!(
            "cp $DIR/state/vfs/ib0 $DIR/state/here-then; cp {seconds}/state/vfs/ib0 $DIR/state/there-then"
        ),
    );
    let moved = migrate(&first);
    assert_eq!(
        (moved.code, moved.stdout.as_str()),
        (0, ""),
        "{}",
        moved.stderr
    );
    let note = "INFO: migrate: host 'node2': NIC '02:00:c0:a8:07:01' is VF 'ib0/1' (0000:81:00.2), position 0\n";
    assert!(moved.stderr.contains(note), "{}", moved.stderr);
    assert_eq!(
        first.read("/state/stock-stdin").unwrap().trim(),
        document(&BOTH).trim()
    );
    assert_free(&first);
    // The GUID was never on two VFs at once.
    let guid_text = guid.as_str().unwrap();
    let has_guid = |file| first.read(file).unwrap().contains(guid_text);
    assert!(!has_guid("/state/here-then") && has_guid("/state/there-then"));

    let lease = second.lease("ib0/1").unwrap();
    assert_eq!(
        (
            &lease["vm"],
            &lease["position"],
            &lease["guid"],
            &lease["state"]
        ),
        (&7.into(), &0.into(), &guid, &"active".into())
    );
    let vf = second.vf("eth1", 1);
    assert!(
        vf.contains("mac 02:00:c0:a8:07:02") && vf.contains("vlan 42"),
        "{vf}"
    );
    let domain = second.domain(7).unwrap();
    assert!(
        domain.contains("slot='0x0a' function='0x0'/></hostdev>"),
        "{domain}"
    );
    assert!(second.path("/sys/class/net/sriov_br").exists());
    assert_eq!(second.read("/run/one-sriov/.migrating/7/vm.xml"), None);
    assert_eq!((second.cancel(7).code, second.cancel(8).code), (0, 0));
    assert_free(&second);
}

#[test]
fn a_migration_that_the_other_host_cannot_accept_is_refused_before_any_change() {
    let refused = |spoil: &dyn Fn(&Host, &Host), said: &str| {
        let (first, second) = hosts();
        spoil(&first, &second);
        let before = first.domain(7);
        let refused = migrate(&first);
        let start = "failed to migrate VM 7 to 'node2': ";
        assert_eq!(refused.code, 1);
        assert!(
            refused.stderr.starts_with(start) && refused.stderr.contains(said),
            "{}",
            refused.stderr
        );
        assert_eq!(first.domain(7), before);
        assert_eq!(first.read("/run/one-sriov/.unplugged/7"), None);
        assert_eq!(
            (first.leased("ib0").len(), first.leased("eth1").len()),
            (1, 1)
        );
        assert!(
            second
                .leased("ib0")
                .iter()
                .all(|place| second.lease(&format!("ib0/{place}")).unwrap()["vm"] != 7)
        );
    };
    refused(
        &|_, second| assert_eq!(second.deploy(8, &["sriov_eth1"; 4]).code, 0),
        "pool 'eth1'",
    );
    refused(
        &|first, _| {
            first.switch(
                "ssh-fails",
                "ssh: connect to host node2 port 22: No route to host",
            );
        },
        "No route to host",
    );
    refused(
        &|_, second| std::fs::remove_file(second.home().join("receive")).unwrap(),
        "not found; 'onehost sync --force' on the front-end gives all hosts the same driver",
    );
    refused(
        &|_, second| write_program(&second.home().join("receive"), "#!/bin/sh\nread -r offer\n"),
        "without an answer",
    );
    refused(
        &|first, second| second.write("/state/domains/one-7.xml", first.domain(7).unwrap()),
        "it already runs here",
    );
}

#[test]
fn an_invalid_offer_is_refused() {
    let later = r#"{"step":"lease","protocol":2,"deploy_id":"one-7","nics":{"new":1},"new":1}"#;
    let unfinished = r#"{"step":"lease","protocol":1,"deploy_id":"one-7"}"#;
    let table = [
        (
            later,
            "its driver uses protocol 2, this one 1; 'onehost sync --force' gives",
        ),
        (unfinished, "missing field"),
        (
            r#"{"step":"set-up","protocol":1}"#,
            "its first step is SetUp",
        ),
        ("nonsense", "expected ident"),
        ("", "the connection has ended"),
    ];
    let second = empty();
    for (offer, why) in table {
        let arguments = ["one-7", "node2", "7", "node2"];
        let received = second.action("receive", &arguments, &format!("{offer}\n"));
        let start = r#"{"answer":"failed","why":"failed to read the request of the other host: "#;
        let answer = received.stdout.trim();
        assert!(
            answer.starts_with(start) && answer.contains(why),
            "{answer}"
        );
    }
}

#[test]
fn hostile_names_and_documents_are_passed_on_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let blank = directory.path().join("a b");
    std::fs::create_dir(&blank).unwrap();
    let first = Host::new_in(&blank, &cards());
    install_stock_actions(&first);
    deploy(&first);
    let second = next_to(&first);
    let destination = "-oProxyCommand='x";
    let arguments = ["one-7", destination, "node1", "7", "node1"];
    let answer = "{\"answer\":\"plugged-in\"}\n".repeat(100_000);
    let name = format!(
        "<NAME><![CDATA[\n{answer}\n{{\"step\":\"end\"}}\u{202e}\u{85}]]></NAME><TEMPLATE>"
    );
    let document = document(&BOTH).replacen("<TEMPLATE>", &name, 1);
    let moved: Outcome = raw(&first, "migrate", &arguments, &document).into();
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    assert_eq!(first.read("/state/stock-stdin").unwrap(), document);
    assert_eq!(audit(&first, &second, false), [""; 0]);
    let calls = first.calls();
    let ssh = calls.iter().find(|call| call.starts_with("ssh ")).unwrap();
    assert!(ssh.contains(" -o ControlPath=none "), "{ssh}");
    let home = first.home().display().to_string();
    let quoted = r"'-oProxyCommand='\''x'";
    let end = format!(" -- {destination} '{home}/receive' 'one-7' {quoted} '7' {quoted}");
    assert!(ssh.ends_with(&end), "{ssh}");
}

#[test]
fn a_migration_does_not_wait_for_a_front_end_that_sends_no_document() {
    let (first, second) = hosts();
    first.write("/var/tmp/one/VERSION", "4.14.2\n");
    let body =
        "virsh -c qemu:///system migrate --live \"$1\" && head -c 4 >$DIR/state/stock-stdin\n";
    first.stock("migrate", body);
    // Standard input is the stream of commands, which never ends.
    let (commands, mut front_end) = std::io::pipe().unwrap();
    front_end.write_all(b"next").unwrap();
    let mut driver = first.driver(&["action", "--", "migrate"]);
    let moved = driver.args(ARGUMENTS).stdin(commands).output().unwrap();
    let moved: Outcome = moved.into();
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    assert_eq!(first.read("/state/stock-stdin").as_deref(), Some("next"));
    assert_free(&first);
    assert_eq!(audit(&first, &second, false), [""; 0]);
}

#[test]
fn a_vm_with_a_missing_pci_nic_is_not_migrated() {
    let (first, second) = hosts();
    let nic = r#"{"pool":"ib0","position":2,"mac":"02:00:c0:a8:07:03","vlan":null,"has_dummy":false,"guid":null,"guest":null,
        "native":{"address":"0000:81:00.3","is_interface":false}}"#;
    first.write(SAVED, format!(r#"{{"format":1,"nics":[{nic}]}}"#));
    first.write("/run/one-sriov/.unplugged/7", CHECKPOINT);
    let refused = migrate(&first);
    let said =
        "failed to migrate VM 7: it holds PCI NIC '02:00:c0:a8:07:03', which cannot be moved.\n";
    assert_eq!((refused.code, refused.stderr.as_str()), (1, said));
    assert!(!first.calls().iter().any(|call| call.starts_with("ssh")));
    assert!(first.domain(7).is_some() && second.domain(7).is_none());
}

#[test]
fn a_vm_with_an_attached_vf_migrates_there_and_back() {
    let (first, second) = hosts();
    let attached = first.attach(7, "02:00:c0:a8:07:03", "sriov_ib0");
    assert_eq!(attached.code, 0, "{}", attached.stderr);
    let positions = |host: &Host| {
        let leases = ["ib0", "eth1"].into_iter().flat_map(|pool| {
            let indexes = host.leased(pool).into_iter();
            indexes.map(move |index| host.lease(&format!("{pool}/{index}")).unwrap())
        });
        let name = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let mut nics: Vec<_> = leases
            .map(|lease| {
                let position = lease["position"].as_u64();
                (position, name(&lease["mac"]), name(&lease["guid"]))
            })
            .collect();
        nics.sort();
        nics
    };
    let before = positions(&first);
    assert_eq!(before.len(), 3);
    let nics = [BOTH[0], BOTH[1], ("sriov_ib0", 3)];
    let moved: Outcome = raw(&first, "migrate", &ARGUMENTS, &document(&nics)).into();
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    assert_free(&first);
    assert_eq!(positions(&second), before);

    connect(&second, &first);
    let back = ["one-7", "node1", "node2", "7", "node2"];
    let moved: Outcome = raw(&second, "migrate", &back, &document(&nics)).into();
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    assert_free(&second);
    assert_eq!(positions(&first), before);
    for host in [&first, &second] {
        assert_eq!(host.read("/run/one-sriov/.unplugged/7"), None);
        assert!(!host.path("/run/one-sriov/.migrating/7").exists());
    }
    assert_eq!(first.cancel(7).code, 0);
    assert_free(&first);
}

/// A shell command that calls the driver on a host.
fn call(host: &Host, arguments: &str) -> String {
    let (driver, home) = (driver_path().display(), host.home());
    let (root, home) = (host.root().display(), home.display());
    format!(
        "env ONE_SRIOV_ROOT={root} PATH={root}/bin:/usr/bin:/bin {driver} --home {home} {arguments} 2>&1"
    )
}

#[test]
fn other_drivers_do_not_touch_a_vm_while_it_migrates() {
    let (whole, lacks_all) = (host(), host());
    assert_eq!(save(&lacks_all).code, 0);
    lacks_all.switch("attach-fails", "address\ninternal error: no");
    assert_eq!(restore(&lacks_all, &BOTH).code, 0);
    lacks_all.switch_off("attach-fails");
    for first in [whole, lacks_all] {
        let second = next_to(&first);
        let offer = r#"{"step":"lease","protocol":1,"deploy_id":"one-7","nics":[],"document":""}"#;
        second.write("/state/offer", format!("{offer}\n"));
        let migrate_again = call(&first, "action -- migrate one-7 node2 node1 7 node1");
        let receive_again = call(&second, "action -- receive one-7 node2 7 node2");
        let calls = [
            call(&first, "reconcile"),
            call(&second, "reconcile"),
            call(&first, "repair 7"),
            format!("{migrate_again} <$DIR/state/stdin"),
            format!("{receive_again} <{}/state/offer", second.root().display()),
        ];
        stock(
            &first,
            &format!("(\n{}\n) >$DIR/state/meanwhile", calls.join("\n")),
        );
        let moved = migrate(&first);
        let meanwhile = first.read("/state/meanwhile").unwrap();
        assert_eq!(moved.code, 0, "{}{meanwhile}", moved.stderr);
        assert_eq!(audit(&first, &second, false), [""; 0], "{meanwhile}");
        let why = "another driver process on this host is migrating it; try again in a few minutes";
        let answer = format!(r#"{{"answer":"failed","why":"failed to receive VM 7: {why}"}}"#);
        let lines: Vec<&str> = meanwhile.lines().filter(|line| !line.is_empty()).collect();
        let [here, there, _, refused, answered] = lines[..] else {
            panic!("{meanwhile}");
        };
        assert_eq!((here, there), ("no stale lease", "no stale lease"));
        assert_eq!(refused, format!("failed to migrate VM 7: {why}."));
        assert_eq!(answered, answer);
    }
}

#[test]
fn moving_disks_on_the_same_host_does_not_affect_vfs() {
    let (first, second) = hosts();
    first.stock("migrate", "echo \"$@\"\n");
    let arguments = ["one-7", "node1", "node1", "7", "node1"];
    let moved: Outcome = raw(&first, "migrate", &arguments, &document(&BOTH)).into();
    assert_eq!(moved.stdout, "one-7 node1 node1 7 node1\n");
    assert!(!first.calls().iter().any(|call| call.starts_with("ssh")));
    assert_stays(&first, &second);
}
