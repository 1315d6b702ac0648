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
    /// The file, as the machine sees it.
    pub path: PathBuf,
    /// The NIC that it configures, or configured.
    pub nic: NicId,
    /// The device of that NIC.
    pub device: InterfaceName,
    /// What happens.
    pub kind: ChangeKind,
}

/// The kinds of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// There is no file yet.
    Create(NewFile),
    /// Ours, with a new text (and perhaps mode).
    Update {
        /// The current file.
        old: OldFile,
        /// The new file.
        new: NewFile,
    },
    /// A foreign `ifcfg-*`, or any file that is to be replaced: it is backed up first.
    ReplaceForeign {
        /// The current file.
        old: Foreign,
        /// The new file.
        new: NewFile,
    },
    /// The text is right, the permission bits are not.
    FixMode {
        /// The bits that it has.
        old: u32,
        /// The bits that it gets.
        new: u32,
    },
    /// Already as wanted.
    Unchanged,
    /// Ours, and no longer wanted.
    Remove(OldFile),
    /// A conflict: something else is in its place, so this file is not written.
    Conflict(Obstacle),
    /// An earlier run wrote it, it was edited since, and is no longer wanted: it stays, and the record forgets it.
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

/// What is in the place of a file of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// A file that we did not write.
    File,
    /// A file that we wrote and that was edited since.
    Edited,
    /// A symbolic link.
    Symlink,
    /// A directory.
    Directory,
    /// A device, socket or pipe.
    Special,
    /// Something that this user may not read.
    Denied,
    /// Another file of this very run, with another text.
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

/// All changes of a run: writes in the order of paths, then removals in the order of paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    pub(super) list: Vec<Change>,
    /// The record once all is done.
    pub(super) next: Record,
}

impl Changes {
    /// All paths of this run, with their changes.
    pub fn iter(&self) -> std::slice::Iter<'_, Change> {
        self.list.iter()
    }

    /// The files that get a new text.
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
