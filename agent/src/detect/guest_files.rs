//! Gives backends access to the files of a guest.

use std::ffi::OsString;
use std::path::Path;

use one_sriov_system::Probe;

use crate::render::GuestFiles;

impl GuestFiles for Probe<'_> {
    fn text(&self, path: &Path) -> Option<String> {
        self.read_to_string(path).ok()
    }

    fn names(&self, directory: &Path) -> Vec<OsString> {
        self.list(directory).unwrap_or_default()
    }

    fn has_directory(&self, path: &Path) -> bool {
        self.is_dir(path)
    }
}
