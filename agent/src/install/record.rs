//! The state record: which files earlier runs wrote, for which NIC.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use hwaddr::InterfaceName;

use super::digest::Digest;
use crate::plan::NicId;
use crate::render::HEADER;

/// What earlier runs wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// By path, byte by byte: paths are compared component by component, which takes longer.
    pub(super) files: BTreeMap<OsString, Entry>,
    pub(super) state: RecordState,
}

/// How the record was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum RecordState {
    /// As a finished run left it, or not there.
    #[default]
    Finished,
    /// As a run left it that was killed or failed in the middle.
    Unfinished,
    /// Unreadable; taken as empty.
    Corrupt,
}

/// One file of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The NIC that it configures.
    pub nic: NicId,
    /// The device that it was written for.
    pub device: InterfaceName,
    /// The texts that it may hold: one, or the old and the new one of a run that did not finish.
    pub sha256: BTreeSet<Digest>,
}

impl Entry {
    /// Is a file at the recorded path still the one that we wrote?
    ///
    /// Three things must agree, for the price of a mistake is somebody's configuration: the header
    /// says that we wrote it once, the record that it was on this machine, and the hash that nobody
    /// edited it since.
    pub(super) fn owns(&self, content: &[u8]) -> bool {
        content.starts_with(HEADER.as_bytes()) && self.sha256.contains(&Digest::of(content))
    }
}

impl Record {
    /// The files of a NIC.
    pub fn files_of<'a>(&'a self, nic: &'a NicId) -> impl Iterator<Item = &'a Path> + 'a {
        self.files
            .iter()
            .filter(move |(_, entry)| entry.nic == *nic)
            .map(|(path, _)| Path::new(path))
    }

    /// The NICs that have files, each with the device that they were written for.
    #[must_use]
    pub fn devices(&self) -> BTreeMap<&NicId, &InterfaceName> {
        let mut devices = BTreeMap::new();
        for entry in self.files.values() {
            devices.entry(&entry.nic).or_insert(&entry.device);
        }
        devices
    }

    /// All files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.keys().map(Path::new)
    }

    /// The entry of a file.
    #[must_use]
    pub fn get(&self, path: &Path) -> Option<&Entry> {
        self.files.get(path.as_os_str())
    }

    /// The same with something left to do.
    pub(super) fn unfinished(self) -> Self {
        Self {
            state: RecordState::Unfinished,
            ..self
        }
    }

    /// What to write down before the first file is touched: whatever is on the disk until `next`
    /// holds, it is known to be ours.
    pub(super) fn ahead_of(&self, next: &Self) -> Self {
        let mut files = next.files.clone();
        for (path, old) in &self.files {
            match files.get_mut(path) {
                Some(entry) => entry.sha256.extend(old.sha256.iter().copied()),
                None => {
                    files.insert(path.clone(), old.clone());
                }
            }
        }
        Self {
            files,
            state: RecordState::Unfinished,
        }
    }
}
