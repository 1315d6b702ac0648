//! The state record: the files that earlier runs wrote, with their NICs.

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
    /// By path as bytes, because comparing paths by component is slower.
    pub(super) files: BTreeMap<OsString, Entry>,
    pub(super) state: RecordState,
}

/// The state of the record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum RecordState {
    /// That of a finished run, or missing.
    #[default]
    Finished,
    /// That of a run that was killed or failed.
    Unfinished,
    /// Unreadable; treated as empty.
    Corrupt,
}

/// One file of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The NIC that it configures.
    pub nic: NicId,
    /// The device that it was written for.
    pub device: InterfaceName,
    /// The hashes of its text: one, or the old and the new one of an unfinished run.
    pub sha256: BTreeSet<Digest>,
}

impl Entry {
    /// Whether the file at the recorded path is still the one that we wrote.
    ///
    /// Three things must agree, because a mistake would destroy a user's configuration: the header (we wrote it), the record (on
    /// this machine), and the hash (it was not edited since).
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

    /// The same, marked as unfinished.
    pub(super) fn unfinished(self) -> Self {
        Self {
            state: RecordState::Unfinished,
            ..self
        }
    }

    /// The record to write before the first file is changed: until `next` is written, it recognizes old and new files as ours.
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
