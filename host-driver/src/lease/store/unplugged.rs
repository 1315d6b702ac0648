//! VMs that run, or may run soon, without VFs that they should have: their driver is at work, or was killed.
//!
//! ```text
//! .unplugged/7      /var/lib/one/datastores/0/7/checkpoint
//! ```
//!
//! The file beside that checkpoint lists their NICs.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use one_sriov_system::is_absent;

use super::files::{names, remove_file, replace_in};
use super::{Store, UNPLUGGED};
use crate::lease::error::{StoreError, StoreIo};
use crate::opennebula::VmId;

impl Store {
    /// Records that a VM may run without VFs that it should have.
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

    /// Forgets a VM that has its VFs, or does not run.
    ///
    /// # Errors
    /// The lease directory cannot be written to.
    pub fn forget_unplugged(&self, vm: VmId) -> Result<(), StoreError> {
        let path = self.unplugged_file(vm);
        StoreIo("remove", &path).check(remove_file(&path))
    }

    /// The checkpoint of such a VM.
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

    /// All such VMs.
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
