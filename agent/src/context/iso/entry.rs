//! The directory entry with the wanted name.

use super::directory::Extent;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct FoundFile {
    pub(super) extent: Extent,
    /// Why the file cannot be read, if so.
    pub(super) obstacle: Option<EntryObstacle>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryObstacle {
    /// The entry is not a regular file, but this.
    NotRegular(&'static str),
    /// The file is stored in this way, which is not supported.
    Unsupported(&'static str),
}
