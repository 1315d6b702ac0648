//! A machine in a temporary directory, and helpers to set it up.
// Each test program uses only some of these.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use one_sriov_agent::install::{
    Changes, Current, Directories, FileReport, InstallError, OldFile, Record, Snapshot,
    WantedFiles, apply, decide,
};
use one_sriov_agent::plan::NicId;
use one_sriov_agent::render::{HEADER, RenderedFile};
use one_sriov_system::Root;
use tempfile::TempDir;

/// A file for another network stack.
pub(crate) const NETWORK: &str = "/etc/systemd/network/60-one-ib-ib1.network";
/// The start of the path of each `ifcfg` file.
pub(crate) const IFCFG: &str = "/etc/sysconfig/network-scripts/ifcfg-";

/// Returns the NIC with this number.
pub(crate) fn nic(number: u8) -> NicId {
    NicId::Eth(
        number.into(),
        format!("02:00:c0:a8:07:{number:02x}").parse().ok(),
    )
}

/// Returns a text with the agent's header.
pub(crate) fn text(body: &str) -> String {
    format!("{HEADER}\n{body}\n")
}

/// Returns a file of the agent, mode 0644.
pub(crate) fn file(path: &str, number: u8, body: &str) -> RenderedFile {
    RenderedFile {
        path: PathBuf::from(path),
        mode: 0o644,
        text: text(body),
        nic: nic(number),
        device: format!("ib{number}").parse().unwrap(),
    }
}

/// Wants these files, and keeps no others.
pub(crate) fn wanted(files: impl Into<Vec<RenderedFile>>) -> WantedFiles<'static> {
    WantedFiles {
        files: files.into().into(),
        ..WantedFiles::default()
    }
}

/// Everything on a disk: path to (mode, inode, modification time, content or link target).
pub(crate) type Disk = BTreeMap<PathBuf, (u32, u64, i64, Vec<u8>)>;

/// A machine whose files are in a temporary directory.
pub(crate) struct Machine {
    pub(crate) dir: TempDir,
    pub(crate) root: Root,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        Self { dir, root }
    }

    /// The host path of a file.
    pub(crate) fn host(&self, path: &str) -> PathBuf {
        self.dir.path().join(path.trim_start_matches('/'))
    }

    pub(crate) fn put(&self, path: &str, content: &str) {
        let host = self.host(path);
        fs::create_dir_all(host.parent().unwrap()).unwrap();
        fs::write(host, content).unwrap();
    }

    pub(crate) fn get(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.host(path)).ok()
    }

    pub(crate) fn mode(&self, path: &str) -> u32 {
        fs::metadata(self.host(path)).unwrap().permissions().mode() & 0o7777
    }

    pub(crate) fn record(&self) -> Record {
        Record::load(&mut self.directories()).unwrap()
    }

    /// Returns the directories for a run that begins now.
    pub(crate) fn directories(&self) -> Directories {
        Directories::new(&self.root)
    }

    pub(crate) fn decide(&self, wanted: &WantedFiles) -> Changes {
        let record = self.record();
        decide(
            wanted,
            &record,
            &Snapshot::take(&mut self.directories(), &wanted.files, &record).unwrap(),
        )
    }

    pub(crate) fn try_apply(&self, wanted: &WantedFiles) -> Result<FileReport, InstallError> {
        run(&self.root, wanted)
    }

    pub(crate) fn apply(&self, wanted: &WantedFiles) -> FileReport {
        self.try_apply(wanted).unwrap()
    }

    pub(crate) fn disk(&self) -> Disk {
        let mut disk = Disk::new();
        let mut ahead = vec![self.dir.path().to_path_buf()];
        while let Some(dir) = ahead.pop() {
            for entry in fs::read_dir(&dir).unwrap() {
                let path = entry.unwrap().path();
                let about = fs::symlink_metadata(&path).unwrap();
                let content = if about.is_dir() {
                    ahead.push(path.clone());
                    Vec::new()
                } else if about.is_symlink() {
                    fs::read_link(&path)
                        .unwrap()
                        .into_os_string()
                        .into_encoded_bytes()
                } else {
                    fs::read(&path).unwrap()
                };
                disk.insert(
                    path,
                    (about.mode(), about.ino(), about.mtime_nsec(), content),
                );
            }
        }
        disk
    }

    /// Returns the temporary files of killed runs, wherever they are.
    pub(crate) fn left_overs(&self) -> Vec<PathBuf> {
        let left = |path: &PathBuf| path.to_string_lossy().contains(".one-sriov-");
        self.disk().into_keys().filter(left).collect()
    }
}

/// Does a whole run, as the program does.
pub(crate) fn run(root: &Root, wanted: &WantedFiles) -> Result<FileReport, InstallError> {
    Begun::with(Directories::new(root), wanted)?.carry_out()
}

/// A run that has decided its changes.
pub(crate) struct Begun {
    directories: Directories,
    record: Record,
    changes: Changes,
}

impl Begun {
    pub(crate) fn with(
        mut directories: Directories,
        wanted: &WantedFiles,
    ) -> Result<Self, InstallError> {
        let record = Record::load(&mut directories)?;
        let found = Snapshot::take(&mut directories, &wanted.files, &record)?;
        Ok(Self {
            changes: decide(wanted, &record, &found),
            directories,
            record,
        })
    }

    pub(crate) fn carry_out(mut self) -> Result<FileReport, InstallError> {
        apply(&mut self.directories, &self.changes, &self.record)
    }
}

/// Returns the paths in a list of a report.
pub(crate) fn paths(notes: &[one_sriov_agent::install::FileNote]) -> Vec<&Path> {
    notes.iter().map(|note| note.path.as_path()).collect()
}

/// The path of an `ifcfg` file.
pub(crate) fn ifcfg() -> String {
    format!("{IFCFG}ib1")
}

/// A file on the disk, mode 0644, owned by root.
pub(crate) fn plain(content: &str) -> Current {
    Current::File(OldFile {
        content: content.into(),
        mode: 0o644,
        owner: (0, 0),
    })
}

/// Returns the record of files that were written with the body "old".
pub(crate) fn recorded(paths: &[(&str, u8)]) -> Record {
    let machine = Machine::new();
    let files: Vec<_> = paths
        .iter()
        .map(|(path, nic)| file(path, *nic, "old"))
        .collect();
    machine.apply(&wanted(files));
    machine.record()
}

/// Returns a disk with these files.
pub(crate) fn disk(paths: &[(&str, Current)]) -> Snapshot {
    paths
        .iter()
        .map(|(path, current)| (PathBuf::from(path), current.clone()))
        .collect()
}
