//! What a run did, for people and for `--json`.

use std::fmt::Display;
use std::path::PathBuf;

use hwaddr::InterfaceName;
use serde::{Serialize, Serializer};

use super::changes::{Change, ChangeKind, Changes};
use crate::plan::NicId;

/// What happened to every file that a run looked at, each in one of the lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// New files, also those that replaced foreign ones.
    pub written: Vec<FileNote>,
    /// Files of ours with a new text, or with their mode put right.
    pub updated: Vec<FileNote>,
    /// Files of ours that are gone.
    pub removed: Vec<FileNote>,
    /// Files that already were as wanted.
    pub unchanged: Vec<FileNote>,
    /// Where the files went whose place ours took.
    pub backed_up: Vec<BackedUp>,
    /// Files that were not written, since something else is in the way.
    pub conflicts: Vec<FileConflict>,
    /// Files of ours that were edited since, and stay.
    pub left: Vec<FileNote>,
    /// Those of them that still hold an IP address: an image with such a file gives it to every clone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_with_address: Vec<PathBuf>,
    /// Backups that went back; by `clean --restore` only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restored: Vec<BackedUp>,
    /// Files whose backup could not go back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_restored: Vec<FileLeft>,
    /// All backups that stay on this machine; named by `clean` only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backups: Vec<PathBuf>,
    /// The state record could not be read, so that files of ours may have been missed.
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

/// Somebody else's file and its copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// Where it was.
    pub path: PathBuf,
    /// Where it is now.
    pub backup: PathBuf,
}

/// A file that stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileLeft {
    /// The file, as the machine sees it.
    pub path: PathBuf,
    /// Why, as a sentence without its full stop.
    pub reason: String,
}

/// A file that was not written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileConflict {
    /// The file, its NIC and device.
    #[serde(flatten)]
    pub file: FileNote,
    /// What is there, as a code that stays.
    pub code: &'static str,
    /// Why, as a sentence without its full stop.
    pub reason: String,
}

impl FileReport {
    /// Did any file change?
    #[must_use]
    pub fn changed(&self) -> bool {
        !(self.written.is_empty() && self.updated.is_empty() && self.removed.is_empty())
    }

    /// What [`apply`](super::apply) will report, but for the names of backups.
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
