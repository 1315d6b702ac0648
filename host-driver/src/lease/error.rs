//! What can be wrong with the lease directory.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why leases cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no lease directory.
    #[error(
        "failed to open lease directory '{}': it is missing; run as root: install -d -m 0700 -o {user} '{}'",
        dir.display(), dir.display()
    )]
    Missing {
        /// The directory.
        dir: PathBuf,
        /// Whose it should be.
        user: String,
    },
    /// It is something else.
    #[error("failed to open lease directory '{}': it is not a directory", .0.display())]
    NoDirectory(PathBuf),
    /// It belongs to another user.
    #[error("failed to open lease directory '{}': it belongs to '{owner}', not to '{user}'", dir.display())]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// Whose it is.
        owner: String,
        /// Who we are.
        user: String,
    },
    /// Others may write to it.
    #[error("failed to open lease directory '{}': its mode is {mode:04o}, expected 0700", dir.display())]
    Open {
        /// The directory.
        dir: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It holds something else than leases.
    #[error(
        "failed to open lease directory '{}': it holds other files ('{}'); set LEASE_DIR to an empty directory",
        dir.display(), found.escape_debug()
    )]
    Occupied {
        /// The directory.
        dir: PathBuf,
        /// One of the files.
        found: String,
    },
    /// The system said no.
    #[error("failed to {verb} '{}': {cause}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file holds something else than we write.
    #[error("failed to read lease '{}': {what}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Another driver decides, and does not come to an end.
    #[error("failed to lock '{}' within {} s: {holder}", path.display(), wait.as_secs())]
    Stuck {
        /// The lock file.
        path: PathBuf,
        /// How long was waited.
        wait: Duration,
        /// Who holds it.
        holder: String,
    },
}

/// What is being tried, on which file.
pub(super) struct StoreIo<'a>(pub(super) &'static str, pub(super) &'a Path);

impl StoreIo<'_> {
    pub(super) fn check<T>(&self, result: io::Result<T>) -> Result<T, StoreError> {
        result.map_err(|cause| StoreError::Io {
            verb: self.0,
            path: self.1.to_owned(),
            cause,
        })
    }
}
