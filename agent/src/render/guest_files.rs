//! The guest's files, for renderers.

use std::ffi::OsString;
use std::path::Path;

/// The files of the guest.
pub trait GuestFiles {
    /// The text of a file, if it has one.
    fn text(&self, path: &Path) -> Option<String>;

    /// The names in a directory, sorted; none if it does not exist.
    fn names(&self, directory: &Path) -> Vec<OsString>;

    /// Whether the directory exists.
    fn has_directory(&self, path: &Path) -> bool;
}
