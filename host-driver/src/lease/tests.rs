//! Helpers for tests of the leases.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use one_sriov_system::Root;
use tempfile::TempDir;

use super::Store;

/// A host with an empty lease directory.
pub(crate) fn store() -> (TempDir, Store) {
    let dir = TempDir::new().unwrap();
    let boot = dir.path().join("proc/sys/kernel/random");
    let leases = dir.path().join("run/one-sriov");
    fs::create_dir_all(&boot).unwrap();
    fs::create_dir_all(&leases).unwrap();
    fs::set_permissions(&leases, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(boot.join("boot_id"), "boot-1\n").unwrap();
    let root = Root::new(dir.path());
    let store = Store::open(&root, Path::new("/run/one-sriov")).unwrap();
    (dir, store)
}
