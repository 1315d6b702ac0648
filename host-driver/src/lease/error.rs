//! Errors of the lease directory.

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
        /// The user that must own it.
        user: String,
    },
    /// It is not a directory.
    #[error("failed to open lease directory '{}': it is not a directory", .0.display())]
    NoDirectory(PathBuf),
    /// It belongs to another user.
    #[error("failed to open lease directory '{}': it belongs to '{owner}', not to '{user}'", dir.display())]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// Its owner.
        owner: String,
        /// The user that runs the driver.
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
    /// It contains files other than leases.
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
    /// A system call failed.
    #[error("failed to {verb} '{}': {cause}", path.display())]
    Io {
        /// The operation.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The content of a file is not what the driver writes.
    #[error("failed to read lease '{}': {what}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Another process holds the lock.
    #[error("failed to lock '{}' within {} s: {holder}", path.display(), wait.as_secs())]
    Stuck {
        /// The lock file.
        path: PathBuf,
        /// How long the driver waited.
        wait: Duration,
        /// The process that holds it.
        holder: String,
    },
}

/// An operation and its file, for error messages.
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
