//! Installs files, and leaves foreign files alone.
#![allow(clippy::unwrap_used)]

mod install_support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use install_support::{Begun, IFCFG, Machine, file, nic, paths, text, wanted};
use one_sriov_agent::install::{Cleaning, Digest, Lock, WantedFiles, clean};

const DRY: Cleaning = Cleaning {
    dry: true,
    restore: false,
};
const STATE: &str = "/var/lib/one-sriov/state.json";
const BACKUP: &str = "/var/lib/one-sriov/backup/etc/sysconfig/network-scripts/ifcfg-ib1";
const NETWORK: &str = "/etc/systemd/network/60-one-ib-ib1.network";

fn ifcfg(number: u8) -> String {
    format!("{IFCFG}ib{number}")
}

#[test]
fn writes_updates_and_removes() {
    let machine = Machine::new();
    let mut secret = file(&ifcfg(2), 2, "two");
    secret.mode = 0o600;
    let report = machine.apply(&wanted([file(&ifcfg(1), 1, "one"), secret.clone()]));
    assert_eq!(
        paths(&report.written),
        [Path::new(&ifcfg(1)), Path::new(&ifcfg(2))]
    );
    assert_eq!(machine.get(&ifcfg(1)), Some(text("one")));
    assert_eq!(
        (machine.mode(&ifcfg(1)), machine.mode(&ifcfg(2))),
        (0o644, 0o600)
    );
    assert_eq!(machine.mode("/etc/sysconfig/network-scripts"), 0o755);
    assert_eq!(machine.mode("/var/lib/one-sriov"), 0o700);
    assert_eq!(
        (machine.mode("/var/lib"), machine.mode(STATE)),
        (0o755, 0o600)
    );
    assert_eq!(machine.record().devices()[&nic(1)].as_str(), "ib1");

    let report = machine.apply(&wanted([file(&ifcfg(1), 1, "uno"), secret]));
    assert_eq!(paths(&report.updated), [Path::new(&ifcfg(1))]);
    assert_eq!(paths(&report.unchanged), [Path::new(&ifcfg(2))]);
    assert_eq!(machine.get(&ifcfg(1)), Some(text("uno")));

    let report = machine.apply(&WantedFiles::default());
    assert_eq!(
        paths(&report.removed),
        [Path::new(&ifcfg(1)), Path::new(&ifcfg(2))]
    );
    assert_eq!(machine.get(&ifcfg(1)), None);
    assert_eq!(
        machine.get(STATE).unwrap(),
        "{\"version\":1,\"files\":[]}\n"
    );
    assert!(machine.left_overs().is_empty());
}

#[test]
fn a_second_run_writes_nothing_at_all() {
    let machine = Machine::new();
    let want = wanted([file(&ifcfg(1), 1, "one"), file(NETWORK, 1, "one")]);
    machine.put(NETWORK, "somebody else's\n");
    let first = machine.apply(&want);
    assert_eq!(first.conflicts.len(), 1);
    let before = machine.disk();
    let second = machine.apply(&want);
    assert!(!second.changed());
    assert_eq!(second.conflicts, first.conflicts);
    assert_eq!(machine.disk(), before);
}

#[test]
fn a_machine_with_nothing_to_do_stays_untouched() {
    let machine = Machine::new();
    machine.apply(&WantedFiles::default());
    clean(&mut machine.directories(), Cleaning::default()).unwrap();
    assert!(machine.disk().is_empty());
}

#[test]
fn a_wrong_mode_is_corrected() {
    let machine = Machine::new();
    let want = wanted([file(&ifcfg(1), 1, "one")]);
    machine.apply(&want);
    fs::set_permissions(machine.host(&ifcfg(1)), Permissions::from_mode(0o666)).unwrap();
    let report = machine.apply(&want);
    assert_eq!(paths(&report.updated), [Path::new(&ifcfg(1))]);
    assert_eq!(machine.mode(&ifcfg(1)), 0o644);
}

#[test]
fn backups_get_numbers_and_are_never_overwritten() {
    let machine = Machine::new();
    let target = ifcfg(1);
    for (round, foreign) in ["first\n", "second\n", "first\n", "third\n"]
        .iter()
        .enumerate()
    {
        machine.put(&target, foreign);
        fs::set_permissions(machine.host(&target), Permissions::from_mode(0o640)).unwrap();
        let report = machine.apply(&wanted([file(&target, 1, "ours")]));
        assert_eq!(report.backed_up.len(), 1, "{round}");
        assert_eq!(machine.get(&target), Some(text("ours")));
    }
    symlink("/srv/x", machine.host("/link")).unwrap();
    fs::rename(machine.host("/link"), machine.host(&target)).unwrap();
    machine.apply(&wanted([file(&target, 1, "ours")]));

    let held = |suffix: &str| machine.get(&format!("{BACKUP}{suffix}"));
    assert_eq!(held("").as_deref(), Some("first\n"));
    assert_eq!(held(".~1~").as_deref(), Some("second\n"));
    assert_eq!(held(".~2~").as_deref(), Some("third\n"));
    let link = fs::read_link(machine.host(&format!("{BACKUP}.~3~"))).unwrap();
    assert_eq!(link, Path::new("/srv/x"));
    assert_eq!(
        (
            machine.mode(BACKUP),
            machine.mode("/var/lib/one-sriov/backup")
        ),
        (0o640, 0o700)
    );

    let report = clean(&mut machine.directories(), Cleaning::default()).unwrap();
    assert_eq!(report.backups.len(), 4);
    assert_eq!(held(".~1~").as_deref(), Some("second\n"));
}

#[test]
fn an_edited_file_is_kept_and_no_longer_recorded() {
    let machine = Machine::new();
    machine.apply(&wanted([file(NETWORK, 1, "one")]));
    machine.put(NETWORK, &(text("one") + "# by hand\n"));
    let report = machine.apply(&WantedFiles::default());
    assert_eq!(paths(&report.left), [Path::new(NETWORK)]);
    assert!(machine.get(NETWORK).unwrap().contains("by hand"));
    assert!(machine.record().devices().is_empty());
    assert_eq!(machine.apply(&WantedFiles::default()).left, []);
}

#[test]
fn a_corrupt_record_does_not_stop_the_boot() {
    let machine = Machine::new();
    let want = wanted([file(&ifcfg(1), 1, "one"), file(NETWORK, 1, "one")]);
    machine.apply(&want);
    machine.put(STATE, "{\"version\":1,\"fil");
    let report = machine.apply(&want);
    assert!(
        !report.changed(),
        "files that are up to date are adopted: {report:?}"
    );
    assert_eq!(report.backed_up, []);
    let aside = machine.get("/var/lib/one-sriov/state.json.corrupt");
    assert_eq!(aside.as_deref(), Some("{\"version\":1,\"fil"));
    assert_eq!(machine.record().files_of(&nic(1)).count(), 2);
    // From now on, they are the agent's again.
    assert_eq!(machine.apply(&WantedFiles::default()).removed.len(), 2);
}

#[test]
fn temporary_files_of_killed_runs_are_removed() {
    let machine = Machine::new();
    let left = "/etc/sysconfig/network-scripts/.ifcfg-ib1.one-sriov-4711";
    machine.put(left, "half a te");
    machine.put(
        "/etc/sysconfig/network-scripts/.ifcfg-ib1.swp",
        "an editor's",
    );
    machine.apply(&wanted([file(&ifcfg(1), 1, "one")]));
    assert_eq!(machine.get(left), None);
    assert!(
        machine
            .get("/etc/sysconfig/network-scripts/.ifcfg-ib1.swp")
            .is_some()
    );
}

#[test]
fn an_error_leaves_no_temporary_files() {
    let machine = Machine::new();
    machine.put("/etc/zz", "a file where a directory should be\n");
    let want = wanted([
        file(&ifcfg(1), 1, "one"),
        file("/etc/zz/60-one.network", 2, "two"),
    ]);
    let error = machine.try_apply(&want).unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to write '/etc/zz/60-one.network': not a directory"
    );
    assert!(machine.left_overs().is_empty());
    assert_eq!(machine.get(&ifcfg(1)), None);

    fs::remove_file(machine.host("/etc/zz")).unwrap();
    assert_eq!(machine.apply(&want).written.len(), 2);
    assert_eq!(machine.record().devices().len(), 2);
}

#[test]
fn nothing_is_written_outside_of_an_image() {
    let machine = Machine::new();
    let outside = tempfile::tempdir().unwrap();
    let etc = machine.host("/etc");
    fs::create_dir(&etc).unwrap();
    symlink(outside.path(), etc.join("sysconfig")).unwrap();
    machine.apply(&wanted([file(&ifcfg(1), 1, "one")]));
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    let inside = format!("{}/network-scripts/ifcfg-ib1", outside.path().display());
    assert_eq!(machine.get(&inside), Some(text("one")));
    assert_eq!(
        machine
            .apply(&wanted([file(&ifcfg(1), 1, "one")]))
            .unchanged
            .len(),
        1
    );
}

#[test]
fn a_whole_run_works_with_one_table_of_directories() {
    let machine = Machine::new();
    let want = wanted([file(&ifcfg(1), 1, "one"), file(NETWORK, 2, "two")]);
    let pid = std::process::id();
    let left_over = format!("/etc/systemd/network/.60-one-ib-ib1.network.one-sriov-{pid}");
    machine.put(&left_over, "half a file");
    // As in the program, from taking the lock to the last rename.
    let lock = Lock::take(&machine.root, Duration::ZERO).unwrap();
    let report = Begun::with(machine.directories(), &want)
        .unwrap()
        .carry_out()
        .unwrap();
    assert_eq!(report.written.len(), 2);
    assert!(machine.left_overs().is_empty());
    drop(lock);
    assert_eq!(machine.apply(&want).unchanged.len(), 2);
}

#[test]
fn a_directory_replaced_during_the_run_gets_the_files() {
    let machine = Machine::new();
    machine.put(&ifcfg(9), "somebody else's\n");
    let want = wanted([file(&ifcfg(1), 1, "one")]);
    let begun = Begun::with(machine.directories(), &want).unwrap();
    // A tool that takes an interface down may replace the directory.
    let scripts = machine.host("/etc/sysconfig/network-scripts");
    fs::rename(&scripts, scripts.with_extension("old")).unwrap();
    fs::create_dir(&scripts).unwrap();
    begun.carry_out().unwrap();
    assert_eq!(machine.get(&ifcfg(1)), Some(text("one")));
}

#[test]
fn clean_removes_only_unedited_files_of_the_agent() {
    let machine = Machine::new();
    machine.put(&ifcfg(9), "somebody else's\n");
    machine.apply(&wanted([
        file(&ifcfg(1), 1, "one"),
        file(NETWORK, 2, "two"),
    ]));
    machine.put(NETWORK, "edited\n");
    let before = machine.disk();
    let dry = clean(&mut machine.directories(), DRY).unwrap();
    assert_eq!(machine.disk(), before);

    let report = clean(&mut machine.directories(), Cleaning::default()).unwrap();
    assert_eq!(report, dry);
    assert_eq!(paths(&report.removed), [Path::new(&ifcfg(1))]);
    assert_eq!(paths(&report.left), [Path::new(NETWORK)]);
    assert_eq!(machine.get(STATE), None);
    assert_eq!(machine.get(NETWORK).as_deref(), Some("edited\n"));
    assert_eq!(machine.get(&ifcfg(9)).as_deref(), Some("somebody else's\n"));
}

/// Writes a foreign file at a path of the agent, and replaces it.
fn replaced(machine: &Machine, path: &str, foreign: &str) {
    machine.put(path, foreign);
    machine.apply(&wanted([file(path, 1, "ours")]));
}

#[test]
fn clean_restores_only_the_latest_backup() {
    let machine = Machine::new();
    let (target, vlan) = (ifcfg(1), format!("{}.5", ifcfg(1)));
    replaced(&machine, &target, "first\n");
    replaced(&machine, &target, "second\n");
    replaced(&machine, &vlan, "vlan\n");
    let held = machine.disk();
    let restore = Cleaning {
        restore: true,
        ..Cleaning::default()
    };
    let dry = Cleaning {
        restore: true,
        ..DRY
    };
    let dry = clean(&mut machine.directories(), dry).unwrap();
    assert_eq!(machine.disk(), held);
    let report = clean(&mut machine.directories(), restore).unwrap();
    assert_eq!(report, dry);
    assert_eq!(machine.get(&target).as_deref(), Some("second\n"));
    assert_eq!(machine.get(&vlan).as_deref(), Some("vlan\n"));
    assert_eq!(report.restored.len(), 2);
    assert_eq!(paths_of(&report.backups), [BACKUP], "the first stays");
    assert_eq!(machine.get(BACKUP).as_deref(), Some("first\n"));
    // Nothing is left to restore: the first backup is not the latest.
    let again = clean(&mut machine.directories(), restore).unwrap();
    assert_eq!(again.not_restored.len(), 1);
    assert_eq!(machine.get(&target).as_deref(), Some("second\n"));
}

#[test]
fn a_backup_is_not_restored_over_a_newer_file() {
    let machine = Machine::new();
    let target = ifcfg(1);
    replaced(&machine, &target, "first\n");
    machine.put(&target, "newer\n");
    let restore = Cleaning {
        restore: true,
        ..Cleaning::default()
    };
    let report = clean(&mut machine.directories(), restore).unwrap();
    assert_eq!(report.restored, []);
    assert_eq!(report.not_restored[0].path, Path::new(&target));
    assert_eq!(machine.get(&target).as_deref(), Some("newer\n"));
    assert_eq!(machine.get(BACKUP).as_deref(), Some("first\n"));
    // The state after a kill between the two steps.
    machine.put(&target, "first\n");
    let report = clean(&mut machine.directories(), restore).unwrap();
    assert_eq!(report.restored.len(), 1);
    assert_eq!(machine.get(BACKUP), None);
}

#[test]
fn clean_does_not_restore_an_edited_file_that_was_replaced() {
    let machine = Machine::new();
    let target = ifcfg(1);
    replaced(&machine, &target, "first\n");
    machine.put(&target, &(text("ours") + "# by hand\n"));
    let want = wanted([file(&target, 1, "ours")]);
    assert_eq!(machine.apply(&want).conflicts.len(), 1);
    let force = WantedFiles {
        takes_over: true,
        ..want
    };
    assert_eq!(machine.apply(&force).backed_up.len(), 1);
    let edited = format!("{BACKUP}.~1~");
    assert!(machine.get(&edited).unwrap().contains("by hand"));
    let restore = Cleaning {
        restore: true,
        ..Cleaning::default()
    };
    let report = clean(&mut machine.directories(), restore).unwrap();
    assert_eq!(machine.get(&target).as_deref(), Some("first\n"));
    assert_eq!(paths_of(&report.backups), [edited]);
}

fn paths_of(paths: &[std::path::PathBuf]) -> Vec<&str> {
    paths.iter().filter_map(|path| path.to_str()).collect()
}

#[test]
fn many_files_are_installed_in_one_run() {
    let machine = Machine::new();
    let files: Vec<_> = (0..=255).map(|n| file(&ifcfg(n), n, "x")).collect();
    assert_eq!(machine.apply(&wanted(files.clone())).written.len(), 256);
    assert_eq!(machine.apply(&wanted(files)).unchanged.len(), 256);
    assert_eq!(
        clean(&mut machine.directories(), Cleaning::default())
            .unwrap()
            .removed
            .len(),
        256
    );
}

#[test]
fn the_report_is_serialized_as_json() {
    let machine = Machine::new();
    machine.put(NETWORK, "somebody else's\n");
    let report = machine.apply(&wanted([file(NETWORK, 1, "one")]));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["conflicts"][0]["path"], NETWORK);
    assert_eq!(json["conflicts"][0]["device"], "ib1");
    assert_eq!(
        json["conflicts"][0]["reason"],
        "the file there was not written by the agent; 'apply --force' replaces it and keeps a backup"
    );
}

#[test]
fn a_recorded_file_without_the_header_is_foreign() {
    let machine = Machine::new();
    let foreign = "DEVICE=ib1\n";
    let state = format!(
        r#"{{"version":1,"files":[{{"path":"{NETWORK}","nic":"ETH1","device":"ib1","sha256":["{}"]}}]}}"#,
        Digest::of(foreign.as_bytes())
    );
    machine.put(STATE, &state);
    machine.put(NETWORK, foreign);
    let report = machine.apply(&WantedFiles::default());
    assert_eq!(paths(&report.left), [Path::new(NETWORK)]);
    assert_eq!(machine.get(NETWORK).as_deref(), Some(foreign));
}
