//! The report of a run, for text and `--json`.

use std::fmt::Display;
use std::path::PathBuf;

use hwaddr::InterfaceName;
use serde::{Serialize, Serializer};

use super::changes::{Change, ChangeKind, Changes};
use crate::plan::NicId;

/// What happened to every file of a run, each in one of the lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// New files, also those that replaced foreign ones.
    pub written: Vec<FileNote>,
    /// Files of ours with a new text or a corrected mode.
    pub updated: Vec<FileNote>,
    /// Files of ours that were removed.
    pub removed: Vec<FileNote>,
    /// Files that were already up to date.
    pub unchanged: Vec<FileNote>,
    /// Foreign files that were replaced, and their backups.
    pub backed_up: Vec<BackedUp>,
    /// Files that were not written, because something else is in their place.
    pub conflicts: Vec<FileConflict>,
    /// Files of ours that were edited since, and stay.
    pub left: Vec<FileNote>,
    /// Those of them that contain an IP address, which every clone of an image would get.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_with_address: Vec<PathBuf>,
    /// Restored backups; only by `clean --restore`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restored: Vec<BackedUp>,
    /// Files whose backup could not be restored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_restored: Vec<FileLeft>,
    /// All remaining backups; only by `clean`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backups: Vec<PathBuf>,
    /// Whether the state record could not be read, so that files of ours may remain.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_incomplete: bool,
}

/// A file of a NIC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileNote {
    /// The file, as the machine sees it.
    pub path: PathBuf,
    /// The NIC that it configures, or configured.
    pub nic: NicId,
    /// The device of that NIC.
    #[serde(serialize_with = "as_text")]
    pub device: InterfaceName,
}

/// A foreign file and its backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// Its path.
    pub path: PathBuf,
    /// Its backup.
    pub backup: PathBuf,
}

/// A file that was not restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileLeft {
    /// The file, as the machine sees it.
    pub path: PathBuf,
    /// Why, without a full stop.
    pub reason: String,
}

/// A file that was not written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileConflict {
    /// The file, its NIC and device.
    #[serde(flatten)]
    pub file: FileNote,
    /// What is there, as a stable code.
    pub code: &'static str,
    /// Why, without a full stop.
    pub reason: String,
}

impl FileReport {
    /// Whether any file changed.
    #[must_use]
    pub fn changed(&self) -> bool {
        !(self.written.is_empty() && self.updated.is_empty() && self.removed.is_empty())
    }

    /// What [`apply`](super::apply) will report, without the names of backups.
    #[must_use]
    pub fn of(changes: &Changes) -> Self {
        let mut report = Self::default();
        for change in changes {
            let note = FileNote::of(change);
            match &change.kind {
                ChangeKind::Create(_) | ChangeKind::ReplaceForeign { .. } => {
                    report.written.push(note);
                }
                ChangeKind::Update { .. } | ChangeKind::FixMode { .. } => report.updated.push(note),
                ChangeKind::Remove(_) => report.removed.push(note),
                ChangeKind::Unchanged => report.unchanged.push(note),
                ChangeKind::ForeignLeft => report.left.push(note),
                ChangeKind::Conflict(why) => {
                    report.conflicts.push(FileConflict {
                        file: note,
                        code: why.code(),
                        reason: why.to_string(),
                    });
                }
            }
        }
        report
    }
}

impl FileNote {
    fn of(change: &Change) -> Self {
        Self {
            path: change.path.clone(),
            nic: change.nic,
            device: change.device.clone(),
        }
    }
}

fn as_text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
