//! What has the name that is looked for, and why it may not be readable.

use super::directory::Extent;

/// What has the name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FoundFile {
    pub(super) extent: Extent,
    /// Why it cannot be read.
    pub(super) obstacle: Option<EntryObstacle>,
}

/// Why something that has the name cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryObstacle {
    /// It is this instead of a regular file.
    NotRegular(&'static str),
    /// It is stored this way.
    Unsupported(&'static str),
}
