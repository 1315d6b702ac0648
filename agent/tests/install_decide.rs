//! Tables of the rules for who owns a file, without a disk.
#![allow(clippy::unwrap_used)]

mod install_support;

use std::collections::BTreeSet;

use install_support::{IFCFG, NETWORK, disk, file, ifcfg, nic, plain, recorded, text, wanted};
use one_sriov_agent::install::{
    ChangeKind, Changes, Current, Obstacle, OldFile, Record, Snapshot, WantedFiles, decide,
};
use one_sriov_agent::render::HEADER;

const ROUTE: &str = "/etc/sysconfig/network-scripts/route-ib1";

fn name(kind: &ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Create(_) => "create",
        ChangeKind::Update { .. } => "update",
        ChangeKind::ReplaceForeign { .. } => "replace",
        ChangeKind::FixMode { .. } => "mode",
        ChangeKind::Unchanged => "unchanged",
        ChangeKind::Remove(_) => "remove",
        ChangeKind::Conflict(Obstacle::File) => "conflict: file",
        ChangeKind::Conflict(Obstacle::Edited) => "conflict: edited",
        ChangeKind::Conflict(Obstacle::Symlink) => "conflict: symlink",
        ChangeKind::Conflict(Obstacle::Directory) => "conflict: directory",
        ChangeKind::Conflict(Obstacle::Special) => "conflict: special",
        ChangeKind::Conflict(Obstacle::Denied) => "conflict: denied",
        ChangeKind::Conflict(Obstacle::Twice) => "conflict: twice",
        ChangeKind::ForeignLeft => "left",
    }
}

fn list(changes: &Changes) -> Vec<(String, &'static str)> {
    let short = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    changes
        .iter()
        .map(|change| (short(&change.path), name(&change.kind)))
        .collect()
}

#[test]
fn a_wanted_file() {
    let old = text("old");
    let foreign = "DEVICE=ib1\n".to_owned();
    let mode = Current::File(OldFile {
        content: text("new").into(),
        mode: 0o600,
        owner: (0, 0),
    });
    let link = Current::Symlink("/srv/x".into());
    // what is at the path, whether it is recorded, the change for ifcfg-*, the change for any other name
    let cases = [
        (Current::Absent, false, "create", "create"),
        (Current::Absent, true, "create", "create"),
        (plain(&text("new")), false, "unchanged", "unchanged"),
        (plain(&text("new")), true, "unchanged", "unchanged"),
        (mode.clone(), false, "mode", "mode"),
        (mode, true, "mode", "mode"),
        (plain(&old), true, "update", "update"),
        (plain(&old), false, "replace", "conflict: file"),
        (
            plain(&(old.clone() + "# mine\n")),
            true,
            "conflict: edited",
            "conflict: edited",
        ),
        (
            plain(&old.replace(HEADER, "#")),
            true,
            "replace",
            "conflict: file",
        ),
        (plain(&foreign), false, "replace", "conflict: file"),
        (plain(&foreign), true, "replace", "conflict: file"),
        (plain(""), false, "replace", "conflict: file"),
        (link.clone(), false, "replace", "conflict: symlink"),
        (link, true, "replace", "conflict: symlink"),
        (
            Current::Directory,
            false,
            "conflict: directory",
            "conflict: directory",
        ),
        (
            Current::Special,
            true,
            "conflict: special",
            "conflict: special",
        ),
        (
            Current::Denied,
            true,
            "conflict: denied",
            "conflict: denied",
        ),
    ];
    for (current, known, for_ifcfg, for_other) in cases {
        for (path, expected) in [(ifcfg().as_str(), for_ifcfg), (NETWORK, for_other)] {
            let record = if known {
                recorded(&[(path, 1)])
            } else {
                Record::default()
            };
            let wanted = wanted([file(path, 1, "new")]);
            let changes = decide(&wanted, &record, &disk(&[(path, current.clone())]));
            let got: Vec<_> = changes.iter().map(|change| name(&change.kind)).collect();
            assert_eq!(
                got,
                [expected],
                "{path}, recorded: {known}, there: {current:?}"
            );
        }
    }
}

#[test]
fn force_replaces_foreign_and_edited_files() {
    let edited = plain(&(text("old") + "# mine\n"));
    let cases = [
        (edited, true, "replace"),
        (plain("DEVICE=ib1\n"), false, "replace"),
        (Current::Symlink("/srv/x".into()), false, "replace"),
        (plain(&text("old")), true, "update"),
        (plain(&text("new")), true, "unchanged"),
        (Current::Directory, true, "conflict: directory"),
        (Current::Special, true, "conflict: special"),
    ];
    for path in [ifcfg().as_str(), NETWORK] {
        for (current, known, expected) in &cases {
            let record = if *known {
                recorded(&[(path, 1)])
            } else {
                Record::default()
            };
            let wanted = WantedFiles {
                takes_over: true,
                ..wanted([file(path, 1, "new")])
            };
            let changes = decide(&wanted, &record, &disk(&[(path, current.clone())]));
            let got: Vec<_> = changes.iter().map(|change| name(&change.kind)).collect();
            assert_eq!(got, [*expected], "{path}, there: {current:?}");
        }
    }
}

#[test]
fn a_file_that_is_no_longer_wanted() {
    let ours = plain(&text("old"));
    let cases = [
        (Current::Absent, None),
        (ours, Some("remove")),
        (plain(&(text("old") + "# mine\n")), Some("left")),
        (plain("DEVICE=ib1\n"), Some("left")),
        (Current::Symlink("/srv/x".into()), Some("left")),
        (Current::Directory, Some("left")),
        (Current::Special, Some("left")),
        (Current::Denied, Some("conflict: denied")),
    ];
    for path in [ifcfg().as_str(), NETWORK] {
        for (current, expected) in &cases {
            let disk = disk(&[(path, current.clone())]);
            let record = recorded(&[(path, 1)]);
            let changes = decide(&WantedFiles::default(), &record, &disk);
            let got: Vec<_> = changes.iter().map(|change| name(&change.kind)).collect();
            assert_eq!(got, expected.as_slice(), "{path}, there: {current:?}");
            let keep = WantedFiles {
                keep: BTreeSet::from([nic(1)]),
                ..WantedFiles::default()
            };
            assert_eq!(
                decide(&keep, &record, &disk).iter().count(),
                0,
                "a kept NIC"
            );
        }
    }
}

#[test]
fn files_of_a_nic_are_written_and_removed_together() {
    let ifcfg = ifcfg();
    let ours = || plain(&text("old"));
    let record = recorded(&[(&ifcfg, 1), (ROUTE, 1), (NETWORK, 2)]);
    let disk = disk(&[(&ifcfg, ours()), (ROUTE, ours()), (NETWORK, ours())]);

    // The route is gone; the context still describes NIC 2, which could not be rendered.
    let mut want = wanted([file(&ifcfg, 1, "new")]);
    want.keep.insert(nic(2));
    assert_eq!(
        list(&decide(&want, &record, &disk)),
        [
            ("ifcfg-ib1".into(), "update"),
            ("route-ib1".into(), "remove")
        ]
    );
    // The device has been renamed, and the context describes no other NIC.
    let want = wanted([file(&format!("{IFCFG}ib9"), 1, "old")]);
    assert_eq!(
        list(&decide(&want, &record, &disk)),
        [
            ("ifcfg-ib9".into(), "create"),
            ("ifcfg-ib1".into(), "remove"),
            ("route-ib1".into(), "remove"),
            ("60-one-ib-ib1.network".into(), "remove"),
        ]
    );
    // Another NIC has the name now: the file belongs to it, and is not removed with the old NIC.
    let want = wanted([file(&ifcfg, 3, "old"), file(ROUTE, 3, "new")]);
    assert_eq!(
        list(&decide(&want, &record, &disk)),
        [
            ("ifcfg-ib1".into(), "unchanged"),
            ("route-ib1".into(), "update"),
            ("60-one-ib-ib1.network".into(), "remove"),
        ]
    );
}

#[test]
fn one_file_wanted_twice() {
    let same = wanted([file(NETWORK, 1, "a"), file(NETWORK, 2, "a")]);
    let other = wanted([file(NETWORK, 1, "a"), file(NETWORK, 2, "b")]);
    let network = || "60-one-ib-ib1.network".to_owned();
    let decide = |wanted| decide(wanted, &Record::default(), &Snapshot::default());
    assert_eq!(list(&decide(&same)), [(network(), "create")]);
    assert_eq!(
        list(&decide(&other)),
        [(network(), "create"), (network(), "conflict: twice")]
    );
}
