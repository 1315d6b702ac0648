//! The lock on the migration of one VM: a `flock` on `.migrating/7`.
//!
//! The driver holds it on both hosts during the migration, and the stock action inherits it. While it is held, a second migration
//! of the same VM is refused, and repairs do not plug anything in.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use one_sriov_system::is_absent;

use super::files::make_dir;
use super::{MIGRATING, Store};
use crate::lease::error::{StoreError, StoreIo};
use crate::opennebula::VmId;

/// A locked migration. The lock lasts until all copies of its file descriptor are closed.
#[derive(Debug)]
pub struct MigrationLock {
    dir: PathBuf,
    file: File,
}

impl MigrationLock {
    /// Returns the file that a child has to inherit to keep the lock.
    #[must_use]
    pub fn token(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for MigrationLock {
    fn drop(&mut self) {
        let is_it = |found: fs::Metadata| {
            let locked = self.file.metadata();
            locked.is_ok_and(|locked| locked.ino() == found.ino())
        };
        if fs::metadata(&self.dir).is_ok_and(is_it) {
            // Fails if the directory is not empty: NICs are still recorded.
            let _ = fs::remove_dir(&self.dir);
        }
    }
}

impl Store {
    /// Locks the migration of a VM. Returns `None` if another process has locked it. The caller holds the lock on all leases.
    ///
    /// # Errors
    /// The lease directory cannot be written to.
    pub fn lock_migration(&self, vm: VmId) -> Result<Option<MigrationLock>, StoreError> {
        let dir = self.migration_dir(vm);
        let lock = || {
            loop {
                make_dir(&self.dir.join(MIGRATING))?;
                make_dir(&dir)?;
                let file = match File::open(&dir) {
                    Err(error) if is_absent(&error) => continue,
                    opened => opened?,
                };
                match file.try_lock() {
                    Ok(()) => {}
                    Err(fs::TryLockError::WouldBlock) => return Ok(None),
                    Err(fs::TryLockError::Error(error)) => return Err(error),
                }
                // The previous holder may have removed the directory before it released the lock.
                match fs::metadata(&dir) {
                    Ok(found) if found.ino() == file.metadata()?.ino() => return Ok(Some(file)),
                    Err(error) if !is_absent(&error) => return Err(error),
                    _ => {}
                }
            }
        };
        let file = StoreIo("lock", &dir).check(lock())?;
        Ok(file.map(|file| MigrationLock { dir, file }))
    }

    /// Whether a process has locked the migration of a VM.
    ///
    /// # Errors
    /// The lease directory cannot be read.
    pub fn is_migrating(&self, vm: VmId) -> Result<bool, StoreError> {
        let dir = self.migration_dir(vm);
        let look = || -> io::Result<bool> {
            let file = match File::open(&dir) {
                Err(error) if is_absent(&error) => return Ok(false),
                opened => opened?,
            };
            match file.try_lock_shared() {
                Ok(()) => Ok(false),
                Err(fs::TryLockError::WouldBlock) => Ok(true),
                Err(fs::TryLockError::Error(error)) => Err(error),
            }
        };
        StoreIo("check", &dir).check(look())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::lease::tests::store;

    #[test]
    fn only_one_process_locks_a_migration_and_no_empty_directory_remains() {
        let (_dir, store) = store();
        let (vm, other) = ("7".parse().unwrap(), "8".parse().unwrap());
        assert!(!store.is_migrating(vm).unwrap());
        let lock = store.lock_migration(vm).unwrap().unwrap();
        assert!(store.lock_migration(vm).unwrap().is_none());
        assert!(store.is_migrating(vm).unwrap() && !store.is_migrating(other).unwrap());
        assert!(store.lock_migration(other).unwrap().is_some());
        // A child keeps the lock.
        let child = lock.token().try_clone_to_owned().unwrap();
        fs::write(store.migration_dir(vm).join("vm.xml"), "").unwrap();
        drop(lock);
        assert!(store.is_migrating(vm).unwrap());
        drop(child);
        assert!(!store.is_migrating(vm).unwrap());
        fs::remove_file(store.migration_dir(vm).join("vm.xml")).unwrap();
        drop(store.lock_migration(vm).unwrap().unwrap());
        assert!(!store.migration_dir(vm).exists());
    }
}
