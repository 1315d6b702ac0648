//! VMs that lack, or may soon lack, VFs that they should have, because a driver is working on them or was killed.
//!
//! ```text
//! .unplugged/7      /var/lib/one/datastores/0/7/checkpoint
//! ```
//!
//! The file beside that checkpoint lists the VM's NICs. A VM that is being migrated has no checkpoint; its files are here:
//!
//! ```text
//! .unplugged/7      /run/one-sriov/.migrating/7/vm.xml
//! ```

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use one_sriov_system::{is_absent, unless_absent};

use super::files::{make_dir, names, remove_file, replace, replace_in};
use super::{MIGRATING, Store, UNPLUGGED};
use crate::lease::error::{StoreError, StoreIo};
use crate::opennebula::VmId;

/// The name of the VM document. Since 6.0, OpenNebula uses the same name beside a deployment file.
const DOCUMENT: &str = "vm.xml";
/// The longest time that a migration takes, including the VM's disks.
const MIGRATION: Duration = Duration::from_secs(24 * 3600);

impl Store {
    /// Records that a VM may lack VFs that it should have.
    ///
    /// # Errors
    /// The lease directory cannot be written to.
    pub fn note_unplugged(&self, vm: VmId, checkpoint: &Path) -> Result<(), StoreError> {
        let path = self.unplugged_file(vm);
        let dir = self.dir.join(UNPLUGGED);
        let new = dir.join(format!(".{vm}.new"));
        let text = checkpoint.as_os_str().as_bytes();
        StoreIo("write", &path).check(replace_in(&dir, &new, &path, text))
    }

    /// Removes the record of a VM that has its VFs, or does not run.
    ///
    /// # Errors
    /// The lease directory cannot be written to.
    pub fn forget_unplugged(&self, vm: VmId) -> Result<(), StoreError> {
        let path = self.unplugged_file(vm);
        StoreIo("remove", &path).check(remove_file(&path))?;
        let dir = self.migration_dir(vm);
        let removed = unless_absent(fs::remove_dir_all(&dir), ());
        StoreIo("remove", &dir).check(removed)
    }

    /// Creates a directory for the NICs of a VM that is being migrated, and writes the VM's document into it, unless that is empty.
    /// Returns the path of the document, below `lease_dir`.
    ///
    /// # Errors
    /// The lease directory cannot be written to.
    pub fn make_migration(
        &self,
        vm: VmId,
        lease_dir: &Path,
        document: &str,
    ) -> Result<PathBuf, StoreError> {
        let dir = self.migration_dir(vm);
        let make = || {
            make_dir(&self.dir.join(MIGRATING))?;
            make_dir(&dir)?;
            if document.is_empty() {
                return Ok(());
            }
            replace(&dir.join(".new"), &dir.join(DOCUMENT), document.as_bytes())
        };
        StoreIo("write", &dir).check(make())?;
        let dir = lease_dir.join(MIGRATING).join(vm.to_string());
        Ok(dir.join(DOCUMENT))
    }

    /// Whether a VM may still arrive from another host after the connection was lost.
    ///
    /// # Errors
    /// The lease directory cannot be read.
    pub fn may_still_come(&self, vm: VmId) -> Result<bool, StoreError> {
        let dir = self.migration_dir(vm);
        match fs::metadata(&dir).and_then(|metadata| metadata.modified()) {
            Err(error) if is_absent(&error) => Ok(false),
            read => {
                let since = StoreIo("check", &dir).check(read)?;
                Ok(since.elapsed().is_ok_and(|elapsed| elapsed < MIGRATION))
            }
        }
    }

    pub(super) fn migration_dir(&self, vm: VmId) -> PathBuf {
        self.dir.join(MIGRATING).join(vm.to_string())
    }

    /// Returns the checkpoint of a VM that may lack VFs.
    ///
    /// # Errors
    /// The lease directory cannot be read.
    pub fn unplugged(&self, vm: VmId) -> Result<Option<PathBuf>, StoreError> {
        let path = self.unplugged_file(vm);
        match fs::read(&path) {
            Err(error) if is_absent(&error) => Ok(None),
            read => {
                let text = StoreIo("read", &path).check(read)?;
                Ok(Some(PathBuf::from(std::ffi::OsStr::from_bytes(&text))))
            }
        }
    }

    /// Returns all VMs that may lack VFs.
    ///
    /// # Errors
    /// The lease directory cannot be read.
    pub fn all_unplugged(&self) -> Result<Vec<VmId>, StoreError> {
        let names = names(&self.dir.join(UNPLUGGED))?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    fn unplugged_file(&self, vm: VmId) -> PathBuf {
        self.dir.join(UNPLUGGED).join(vm.to_string())
    }
}
