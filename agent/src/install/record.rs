//! The state record: which files earlier runs wrote, and for which NICs.

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
    /// By path as bytes, because comparing paths component by component is slower.
    pub(super) files: BTreeMap<OsString, Entry>,
    pub(super) state: RecordState,
}

/// The state of the record file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum RecordState {
    /// Written by a finished run, or missing.
    #[default]
    Finished,
    /// Written by a run that was killed or failed.
    Unfinished,
    /// Unreadable; treated as empty.
    Corrupt,
}

/// One file of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The NIC that the file configures.
    pub nic: NicId,
    /// The device that the file was written for.
    pub device: InterfaceName,
    /// The hashes of the text: one, or the old and the new one during a batch.
    pub sha256: BTreeSet<Digest>,
}

impl Entry {
    /// Whether the file at the recorded path is still as the agent wrote it.
    ///
    /// Three things must agree, because a mistake would destroy a user's configuration: the header (the agent wrote the file),
    /// the record (on this machine), and the hash (it has not been edited since).
    pub(super) fn owns(&self, content: &[u8]) -> bool {
        content.starts_with(HEADER.as_bytes()) && self.sha256.contains(&Digest::of(content))
    }
}

impl Record {
    /// Returns the files of a NIC.
    pub fn files_of<'a>(&'a self, nic: &'a NicId) -> impl Iterator<Item = &'a Path> + 'a {
        self.files
            .iter()
            .filter(move |(_, entry)| entry.nic == *nic)
            .map(|(path, _)| Path::new(path))
    }

    /// Returns the NICs that have files, each with the device that these were written for.
    #[must_use]
    pub fn devices(&self) -> BTreeMap<&NicId, &InterfaceName> {
        let mut devices = BTreeMap::new();
        for entry in self.files.values() {
            devices.entry(&entry.nic).or_insert(&entry.device);
        }
        devices
    }

    /// Returns the paths of all files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.keys().map(Path::new)
    }

    /// Returns the entry of a file.
    #[must_use]
    pub fn get(&self, path: &Path) -> Option<&Entry> {
        self.files.get(path.as_os_str())
    }

    pub(super) fn unfinished(self) -> Self {
        Self {
            state: RecordState::Unfinished,
            ..self
        }
    }

    /// Returns the record to write before the first file is changed: until `next` is written, both old and new files count as the
    /// agent's.
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
