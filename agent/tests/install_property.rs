//! Whatever users and runs do, in any order: a run ends with its files in place, a second run changes nothing, and foreign texts
//! are never lost.
#![allow(clippy::unwrap_used)]

mod install_support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use install_support::{IFCFG, Machine, nic, text};
use one_sriov_agent::install::{Cleaning, WantedFiles, clean};
use one_sriov_agent::render::RenderedFile;
use proptest::prelude::*;

const OTHERS: [&str; 2] = [
    "/etc/systemd/network/60-a.network",
    "/etc/systemd/network/60-b.network",
];

fn path(number: usize) -> String {
    match number {
        0..3 => format!("{IFCFG}ib{number}"),
        other => OTHERS[other - 3].to_owned(),
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// A run that wants these files (path, NIC, text, mode 0600) and keeps these NICs.
    Apply(BTreeMap<usize, (u8, u8, bool)>, BTreeSet<u8>, bool),
    /// A user writes a file, with or without the agent's header.
    Write(usize, bool),
    /// A user appends to a file.
    Append(usize),
    Delete(usize),
    Chmod(usize),
    /// The record gets corrupted.
    Corrupt,
    /// `clean`, with or without restoring backups.
    Clean(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let file = (1..=3_u8, 0..=2_u8, any::<bool>());
    let files = prop::collection::btree_map(0..5_usize, file, 0..5);
    let keep = prop::collection::btree_set(1..=3_u8, 0..3);
    prop_oneof![
        6 => (files, keep, any::<bool>()).prop_map(|(files, keep, force)| Step::Apply(files, keep, force)),
        2 => (0..5_usize, any::<bool>()).prop_map(|(at, header)| Step::Write(at, header)),
        2 => (0..5_usize).prop_map(Step::Append),
        2 => (0..5_usize).prop_map(Step::Delete),
        1 => (0..5_usize).prop_map(Step::Chmod),
        1 => Just(Step::Corrupt),
        1 => any::<bool>().prop_map(Step::Clean),
    ]
}

fn wanted(files: &BTreeMap<usize, (u8, u8, bool)>, keep: &BTreeSet<u8>) -> WantedFiles<'static> {
    let files = files
        .iter()
        .map(|(at, (number, body, secret))| RenderedFile {
            path: path(*at).into(),
            mode: if *secret { 0o600 } else { 0o644 },
            text: text(&format!("body {body}")),
            nic: nic(*number),
            device: format!("ib{number}").parse().unwrap(),
        });
    WantedFiles {
        files: files.collect(),
        keep: keep.iter().map(|number| nic(*number)).collect(),
        ..WantedFiles::default()
    }
}

/// A machine, and the users' texts, which must not be lost.
struct World {
    machine: Machine,
    foreign: BTreeMap<usize, String>,
    /// Foreign texts that were replaced, which must stay in the backup.
    replaced: Vec<String>,
    serial: u32,
}

impl World {
    fn take(&mut self, step: &Step) {
        self.serial += 1;
        match step {
            Step::Apply(files, keep, takes_over) => self.apply(&WantedFiles {
                takes_over: *takes_over,
                ..wanted(files, keep)
            }),
            Step::Write(at, header) => {
                let body = format!("by hand {}", self.serial);
                self.write(*at, if *header { text(&body) } else { body });
            }
            Step::Append(at) => {
                let old = self.machine.get(&path(*at)).unwrap_or_default();
                self.write(*at, format!("{old}# by hand {}\n", self.serial));
            }
            Step::Delete(at) => {
                let _ = fs::remove_file(self.machine.host(&path(*at)));
                self.foreign.remove(at);
            }
            Step::Chmod(at) => {
                use std::os::unix::fs::PermissionsExt;
                let mode = fs::Permissions::from_mode(0o640);
                let _ = fs::set_permissions(self.machine.host(&path(*at)), mode);
            }
            Step::Corrupt => self.machine.put("/var/lib/one-sriov/state.json", "{"),
            Step::Clean(restore) => {
                self.clean(*restore);
                assert!(self.machine.record().devices().is_empty());
            }
        }
        self.check();
    }

    fn clean(&mut self, restore: bool) {
        let cleaning = Cleaning {
            restore,
            ..Cleaning::default()
        };
        let report = clean(&mut self.machine.directories(), cleaning).unwrap();
        assert!(restore || report.restored.is_empty());
        for file in &report.restored {
            let path = file.path.to_str().unwrap();
            let content = self.machine.get(path).unwrap();
            self.replaced.retain(|replaced| *replaced != content);
            let at = (0..5).find(|at| path == self::path(*at)).unwrap();
            self.foreign.insert(at, content);
        }
    }

    fn write(&mut self, at: usize, content: String) {
        self.machine.put(&path(at), &content);
        self.foreign.insert(at, content);
    }

    fn apply(&mut self, wanted: &WantedFiles) {
        // Without the record, files of earlier runs are foreign.
        let report = self.machine.apply(wanted);
        for saved in &report.backed_up {
            let at = (0..5)
                .find(|at| saved.path.to_str() == Some(&path(*at)))
                .unwrap();
            self.replaced.extend(self.foreign.remove(&at));
        }
        for file in &*wanted.files {
            let at = file.path.to_str().unwrap();
            if !report
                .conflicts
                .iter()
                .any(|conflict| conflict.file.path == file.path)
            {
                assert_eq!(self.machine.get(at).as_ref(), Some(&file.text));
                assert_eq!(self.machine.mode(at), file.mode);
            }
        }
        let before = self.machine.disk();
        let again = self.machine.apply(wanted);
        assert!(!again.changed() && again.backed_up.is_empty(), "{again:?}");
        assert_eq!(self.machine.disk(), before);
    }

    fn check(&self) {
        for (at, content) in &self.foreign {
            assert_eq!(self.machine.get(&path(*at)).as_ref(), Some(content));
        }
        let disk = self.machine.disk();
        let backups = self.machine.host("/var/lib/one-sriov/backup");
        let held: BTreeSet<&[u8]> = disk
            .iter()
            .filter(|(path, _)| path.starts_with(&backups))
            .map(|(_, (.., content))| content.as_slice())
            .collect();
        for content in &self.replaced {
            assert!(held.contains(content.as_bytes()), "lost: {content:?}");
        }
        assert!(self.machine.left_overs().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn no_foreign_text_is_lost_and_a_second_run_changes_nothing(
        steps in prop::collection::vec(step(), 1..14),
    ) {
        let machine = Machine::new();
        let mut world = World { machine, foreign: BTreeMap::new(), replaced: Vec::new(), serial: 0 };
        for step in &steps {
            world.take(step);
        }
    }
}
