//! What a renderer may ask of the guest's files.

use std::ffi::OsString;
use std::path::Path;

/// The files of the guest that is written for.
pub trait GuestFiles {
    /// The text of a file, if it has one.
    fn text(&self, path: &Path) -> Option<String>;

    /// The names in a directory, sorted; none where there is no such directory.
    fn names(&self, directory: &Path) -> Vec<OsString>;

    /// Whether there is such a directory.
    fn has_directory(&self, path: &Path) -> bool;
}
