//! The files of deployments, `.deployments/7.18b2f0c4`: what one deployment has, a lease a line.
//!
//! ```text
//! ib0/3 0000:81:00.4
//! ```
//!
//! Such a file is never replaced: whoever works on the deployment, and every child that inherited the open file, holds a
//! `flock` on it.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use hwaddr::PciAddress;
use one_sriov_system::lock_within;

use super::files::{is_absent, make_dir, names, remove_file};
use super::{DEPLOYMENTS, Store};
use crate::lease::error::{StoreError, StoreIo};
use crate::lease::record::{DeploymentId, Place, VmId};

/// What stands in a deployment's file.
pub(in crate::lease) type Listing = Vec<(Place, PciAddress)>;

impl Store {
    /// All deployments, of one VM or of all.
    pub fn deployments(&self, vm: Option<VmId>) -> Result<Vec<DeploymentId>, StoreError> {
        let names = names(&self.dir.join(DEPLOYMENTS))?;
        let mut ids: Vec<DeploymentId> = names
            .iter()
            .filter_map(|name| name.parse().ok())
            .filter(|id: &DeploymentId| vm.is_none_or(|vm| vm == id.vm()))
            .collect();
        ids.sort();
        Ok(ids)
    }

    /// Makes the file of a deployment and locks it.
    pub(in crate::lease) fn begin(
        &self,
        id: &DeploymentId,
        listing: &Listing,
    ) -> Result<File, StoreError> {
        let dir = self.dir.join(DEPLOYMENTS);
        let path = dir.join(id.to_string());
        let begin = || {
            make_dir(&dir)?;
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            file.try_lock()?;
            let lines = listing
                .iter()
                .map(|(place, device)| format!("{place} {device}\n"));
            file.write_all(lines.collect::<String>().as_bytes())?;
            Ok(file)
        };
        let made = begin();
        if made.is_err() {
            let _ = fs::remove_file(&path);
        }
        StoreIo("write", &path).check(made)
    }

    /// Locks the file of a deployment; none if somebody works on it or it has gone.
    pub(in crate::lease) fn hold(&self, id: &DeploymentId) -> Result<Option<File>, StoreError> {
        let path = self.deployment(id);
        let hold = || {
            let file = match OpenOptions::new().read(true).write(true).open(&path) {
                Err(error) if is_absent(&error) => return Ok(None),
                opened => opened?,
            };
            match file.try_lock() {
                Ok(()) => Ok(Some(file)),
                Err(fs::TryLockError::WouldBlock) => Ok(None),
                Err(fs::TryLockError::Error(error)) => Err(error),
            }
        };
        StoreIo("lock", &path).check(hold())
    }

    /// Waits for whoever works on a deployment.
    pub(in crate::lease) fn await_unlocked(
        &self,
        id: &DeploymentId,
        wait: Duration,
    ) -> Result<(), StoreError> {
        let path = self.deployment(id);
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if is_absent(&error) => return Ok(()),
            opened => StoreIo("lock", &path).check(opened)?,
        };
        StoreIo("lock", &path).check(lock_within(file, wait))?;
        Ok(())
    }

    /// What a deployment has.
    pub(in crate::lease) fn listing(&self, id: &DeploymentId) -> Result<Listing, StoreError> {
        let path = self.deployment(id);
        let text = match fs::read_to_string(&path) {
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            read => StoreIo("read", &path).check(read)?,
        };
        // A line that a full disk cut off names nothing that was made.
        let entry = |line: &str| {
            let (place, device) = line.split_once(' ')?;
            Some((place.parse().ok()?, device.parse().ok()?))
        };
        Ok(text.lines().filter_map(entry).collect())
    }

    /// How long ago somebody was last seen to work on a deployment.
    pub(in crate::lease) fn idle(&self, id: &DeploymentId) -> Result<Duration, StoreError> {
        let path = self.deployment(id);
        let modified = fs::metadata(&path).and_then(|metadata| metadata.modified());
        match modified {
            Err(error) if is_absent(&error) => Ok(Duration::MAX),
            modified => {
                let modified = StoreIo("look at", &path).check(modified)?;
                // A clock that was set back makes it look young, and so it is kept.
                Ok(SystemTime::now()
                    .duration_since(modified)
                    .unwrap_or_default())
            }
        }
    }

    /// Removes the file of a deployment that has nothing any more.
    pub(in crate::lease) fn end(&self, id: &DeploymentId) -> Result<(), StoreError> {
        let path = self.deployment(id);
        StoreIo("remove", &path).check(remove_file(&path))
    }

    fn deployment(&self, id: &DeploymentId) -> PathBuf {
        self.dir.join(DEPLOYMENTS).join(id.to_string())
    }
}
