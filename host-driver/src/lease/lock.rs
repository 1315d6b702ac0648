//! The lock on all leases, so that one driver at a time decides.
//!
//! `/run/one-sriov/lock` names the process that holds the lock:
//!
//! ```text
//! 4711 deploy of VM 7
//! ```
//!
//! It is a `flock`, which the kernel releases if the driver is killed. Children don't inherit it.

use std::fs::{File, OpenOptions};
use std::io::{Seek, Write};
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use one_sriov_system::{Locked, lock_within};

use super::error::{StoreError, StoreIo};
use super::store::Store;

/// The lock on all leases, until it is dropped.
#[derive(Debug)]
pub struct Guard<'s> {
    store: &'s Store,
    _file: File,
}

impl Store {
    /// Waits for the lock, at most `wait`. Other processes report `purpose` as what it is held for.
    pub fn lock(&self, wait: Duration, purpose: &str) -> Result<Guard<'_>, StoreError> {
        self.refuse_other_files()?;
        let path = self.lock_path();
        let io = StoreIo("lock", &path);
        let file = io.check(
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path),
        )?;
        let (Locked::AtOnce(mut file) | Locked::AfterWaiting(mut file)) =
            io.check(lock_within(file, wait))?
        else {
            return Err(StoreError::Stuck {
                holder: self.holder(),
                path,
                wait,
            });
        };
        // Other processes only print this line, so a full disk is not an error.
        let line = format!("{} {purpose}\n", std::process::id());
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(line.as_bytes()));
        let guard = Guard {
            store: self,
            _file: file,
        };
        self.void_other_boots()?;
        Ok(guard)
    }

    fn holder(&self) -> String {
        let text = std::fs::read_to_string(self.lock_path()).unwrap_or_default();
        match text.trim_end().split_once(' ') {
            Some((pid, purpose)) => format!("process {pid} holds it ({purpose})"),
            None => "another process holds it".into(),
        }
    }
}

impl Deref for Guard<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        self.store
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::store;
    use super::*;

    #[test]
    fn a_stuck_holder_is_named_after_a_bounded_wait() {
        let (_dir, store) = store();
        let held = store.lock(Duration::ZERO, "deploy of VM 7").unwrap();
        let error = store.lock(Duration::from_millis(50), "probe").unwrap_err();
        let expected = format!("process {} holds it (deploy of VM 7)", std::process::id());
        assert!(error.to_string().ends_with(&expected), "{error}");
        drop(held);
        // The attempt that timed out may hold it for a moment.
        store.lock(Duration::from_secs(30), "probe").unwrap();
    }
}
