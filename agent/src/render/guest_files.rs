//! The guest's files, for renderers.

use std::ffi::OsString;
use std::path::Path;

/// The files of the guest.
pub trait GuestFiles {
    /// Returns the text of a file, if the file exists.
    fn text(&self, path: &Path) -> Option<String>;

    /// Returns the sorted names in a directory; none if it does not exist.
    fn names(&self, directory: &Path) -> Vec<OsString>;

    /// Whether the directory exists.
    fn has_directory(&self, path: &Path) -> bool;
}
