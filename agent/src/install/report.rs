//! The report of a run, for people and for `--json`.

use std::fmt::Display;
use std::path::PathBuf;

use hwaddr::InterfaceName;
use serde::{Serialize, Serializer};

use super::changes::{Change, ChangeKind, Changes};
use crate::plan::NicId;

/// What happened to each file in a run; each file is in one of the lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// New files, including those that replaced foreign ones.
    pub written: Vec<FileNote>,
    /// Files of the agent with a new text or a corrected mode.
    pub updated: Vec<FileNote>,
    /// Files of the agent that were removed.
    pub removed: Vec<FileNote>,
    /// Files that were already up to date.
    pub unchanged: Vec<FileNote>,
    /// Foreign files that were replaced, and their backups.
    pub backed_up: Vec<BackedUp>,
    /// Files that were not written, because something else conflicts with them.
    pub conflicts: Vec<FileConflict>,
    /// Files of the agent that were edited, and stay.
    pub left: Vec<FileNote>,
    /// Those among `left` that contain an IP address, which every clone of an image would get.
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
    /// Whether the state record could not be read, so that files of the agent may remain.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_incomplete: bool,
}

/// A file of a NIC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileNote {
    /// The path of the file on the machine.
    pub path: PathBuf,
    /// The NIC that the file configures, or did.
    pub nic: NicId,
    /// The device of that NIC.
    #[serde(serialize_with = "as_text")]
    pub device: InterfaceName,
}

/// A foreign file and its backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// The path of the file.
    pub path: PathBuf,
    /// The path of its backup.
    pub backup: PathBuf,
}

/// A file that was not restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileLeft {
    /// The path of the file on the machine.
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
    /// What conflicts with the file, as a stable code.
    pub code: &'static str,
    /// The reason, without a full stop.
    pub reason: String,
}

impl FileReport {
    /// Whether any file changed.
    #[must_use]
    pub fn changed(&self) -> bool {
        !(self.written.is_empty() && self.updated.is_empty() && self.removed.is_empty())
    }

    /// Predicts the report of [`apply`](super::apply), without the names of backups.
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
