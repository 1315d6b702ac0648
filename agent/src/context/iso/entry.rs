//! The directory entry with the wanted name.

use super::directory::Extent;

/// The entry with the wanted name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FoundFile {
    pub(super) extent: Extent,
    /// Why it cannot be read, if so.
    pub(super) obstacle: Option<EntryObstacle>,
}

/// Why an entry cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryObstacle {
    /// It is not a regular file, but this.
    NotRegular(&'static str),
    /// It is stored in this way, which is not supported.
    Unsupported(&'static str),
}
