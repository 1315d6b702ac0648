//! What a run will do to each file, as data.

use std::fmt;
use std::path::{Path, PathBuf};

use hwaddr::InterfaceName;

use super::record::Record;
use super::snapshot::OldFile;
use crate::plan::NicId;

/// What happens to one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path of the file on the machine.
    pub path: PathBuf,
    /// The NIC that the file configures, or did.
    pub nic: NicId,
    /// The device of that NIC.
    pub device: InterfaceName,
    /// What happens.
    pub kind: ChangeKind,
}

/// The kinds of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// No file exists yet.
    Create(NewFile),
    /// The agent's file gets a new text, and perhaps a new mode.
    Update {
        /// The current file.
        old: OldFile,
        /// The new file.
        new: NewFile,
    },
    /// A foreign `ifcfg-*` or `resolv.conf`, or any file if the user asks for it, is backed up and replaced.
    ReplaceForeign {
        /// The current file.
        old: Foreign,
        /// The new file.
        new: NewFile,
    },
    /// The text is right, but the permission bits are not.
    FixMode {
        /// The current bits.
        old: u32,
        /// The new bits.
        new: u32,
    },
    /// The file is already up to date.
    Unchanged,
    /// The agent's file is no longer wanted.
    Remove(OldFile),
    /// Something conflicts with the file, so it is not written.
    Conflict(Obstacle),
    /// The file was edited after an earlier run wrote it, and is no longer wanted: it stays, and its entry is dropped from the
    /// record.
    ForeignLeft,
}

/// A text to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// The whole text.
    pub text: String,
    /// Permission bits.
    pub mode: u32,
}

/// A foreign file or link that can be backed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// A file.
    File(OldFile),
    /// A symbolic link, with its target.
    Symlink(PathBuf),
}

/// What conflicts with a file of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// A file that the agent did not write.
    File,
    /// A file that was edited after the agent wrote it.
    Edited,
    /// A symbolic link.
    Symlink,
    /// A directory.
    Directory,
    /// A device, socket or pipe.
    Special,
    /// Something that this user may not read.
    Denied,
    /// Another file of the same run, with another text.
    Twice,
}

impl Obstacle {
    /// A stable code, for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Edited => "edited",
            Self::Symlink => "symlink",
            Self::Directory => "directory",
            Self::Special => "special",
            Self::Denied => "denied",
            Self::Twice => "twice",
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => {
                "the file there was not written by the agent; 'apply --force' replaces it and keeps a backup"
            }
            Self::Edited => {
                "it was edited since the agent wrote it; 'apply --force' replaces it and keeps a backup"
            }
            Self::Symlink => {
                "a symbolic link is there; 'apply --force' replaces it and keeps a backup"
            }
            Self::Directory => "a directory is there",
            Self::Special => "a device, socket or pipe is there",
            Self::Denied => "this user may not read it; run as root",
            Self::Twice => "two NICs need this file with different contents",
        })
    }
}

/// All changes of a run: first writes, then removals, both sorted by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    pub(super) list: Vec<Change>,
    /// The record after all changes are made.
    pub(super) next: Record,
}

impl Changes {
    /// All paths of the run, with their changes.
    pub fn iter(&self) -> std::slice::Iter<'_, Change> {
        self.list.iter()
    }

    pub(super) fn writes(&self) -> impl Iterator<Item = (&Path, &NewFile)> {
        self.list.iter().filter_map(|change| match &change.kind {
            ChangeKind::Create(new)
            | ChangeKind::Update { new, .. }
            | ChangeKind::ReplaceForeign { new, .. } => Some((change.path.as_path(), new)),
            _ => None,
        })
    }

    /// Whether any file changes.
    #[must_use]
    pub fn touch_files(&self) -> bool {
        self.list.iter().any(|change| {
            !matches!(
                change.kind,
                ChangeKind::Unchanged | ChangeKind::Conflict(_) | ChangeKind::ForeignLeft
            )
        })
    }
}

impl<'a> IntoIterator for &'a Changes {
    type Item = &'a Change;
    type IntoIter = std::slice::Iter<'a, Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
