//! Errors of installing files.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use one_sriov_system::plain;

/// Why an operation on a file failed.
///
/// ```text
/// failed to write '/etc/sysconfig/network-scripts/ifcfg-ib0': read-only file system
/// ```
/// The path is the one on the machine, without `--root`.
#[derive(Debug, thiserror::Error)]
#[error("failed to {verb} '{path}': {cause}", path = path.display(), cause = plain(cause))]
pub struct InstallError {
    verb: &'static str,
    path: PathBuf,
    cause: io::Error,
}

impl InstallError {
    pub(super) fn new(verb: &'static str, path: &Path, cause: io::Error) -> Self {
        Self {
            verb,
            path: path.to_path_buf(),
            cause,
        }
    }

    /// Returns a closure for `map_err`.
    pub(super) fn while_trying(
        verb: &'static str,
        path: &Path,
    ) -> impl Fn(io::Error) -> Self + Copy {
        move |cause| Self::new(verb, path, cause)
    }

    /// The path of the file on the machine.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The kind of the underlying error.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.cause.kind()
    }
}

/// Whether the file, or a directory on its path, does not exist.
pub(super) fn nothing_there(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_a_sentence() {
        let error = |code| {
            let cause = io::Error::from_raw_os_error(code);
            InstallError::new("write", Path::new("/etc/x"), cause).to_string()
        };
        assert_eq!(error(30), "failed to write '/etc/x': read-only file system");
        assert_eq!(
            error(28),
            "failed to write '/etc/x': no space left on device"
        );
    }
}
