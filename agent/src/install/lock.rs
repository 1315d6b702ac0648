//! Allows one run at a time: a boot, a hot-plug event and a user may start runs simultaneously.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use one_sriov_system::{Locked, Root, lock_within, plain};

use super::STATE_DIR;
use super::error::InstallError;
use super::open_directories::make_all;

/// The lock on all files, held from [`Lock::take`] until it is dropped or the process exits.
#[derive(Debug)]
pub struct Lock {
    /// The kernel keeps the lock while this is open.
    _file: File,
    contended: bool,
}

/// Why the lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run has held the lock for longer than the limit.
    #[error("another one-sriov-agent has held '{path}' for more than {secs} s", path = path.display(), secs = wait.as_secs_f64())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// How long this run has waited.
        wait: Duration,
    },
    /// The lock file cannot be opened or locked.
    #[error("failed to lock '{path}': {cause}", path = path.display(), cause = plain(cause))]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The directory of the lock file cannot be created.
    #[error(transparent)]
    Directory(#[from] InstallError),
}

impl Lock {
    /// Takes `/var/lib/one-sriov/lock`, waiting at most this long for another run.
    pub fn take(root: &Root, wait: Duration) -> Result<Self, LockError> {
        let path = Path::new(STATE_DIR).join("lock");
        let fail = |cause| LockError::Io {
            path: path.clone(),
            cause,
        };
        let file = open(root, &path)?;
        let (file, contended) = match lock_within(file, wait).map_err(fail)? {
            Locked::AtOnce(file) => (file, false),
            Locked::AfterWaiting(file) => (file, true),
            Locked::Not => return Err(LockError::Held { path, wait }),
        };
        Ok(Self {
            _file: file,
            contended,
        })
    }

    /// Whether this run waited for another one: everything read before may be stale.
    #[must_use]
    pub fn was_contended(&self) -> bool {
        self.contended
    }
}

fn open(root: &Root, path: &Path) -> Result<File, LockError> {
    let fail = |cause| LockError::Io {
        path: path.to_path_buf(),
        cause,
    };
    let host = root.path(path).map_err(fail)?;
    let open = || {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&host)
    };
    match open() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let dir = Path::new(STATE_DIR);
            root.path(dir)
                .and_then(|host| make_all(dir, &host))
                .map_err(InstallError::while_trying("create", dir))?;
            open().map_err(fail)
        }
        opened => opened.map_err(fail),
    }
}
