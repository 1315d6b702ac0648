//! The files of deployments, `.deployments/7.18b2f0c4`: one line for each lease.
//!
//! ```text
//! ib0/3 0000:81:00.4
//! ```
//!
//! A file is never replaced, because a process that works on the deployment holds a `flock` on it, which its children inherit.
//! Its modification time is when a process last worked on the deployment, counted from the boot of the host: with the time of
//! day, a deployment would not expire if the clock was set back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hwaddr::PciAddress;
use nix::time::{ClockId, clock_gettime};
use one_sriov_system::{Locked, is_absent, lock_within};

use super::files::{make_dir, names, remove_file};
use super::{DEPLOYMENTS, Store};
use crate::lease::error::{StoreError, StoreIo};
use crate::lease::record::{DeploymentId, Place};
use crate::opennebula::VmId;

/// The content of a deployment's file.
pub(in crate::lease) type Listing = Vec<(Place, PciAddress)>;

impl Store {
    /// Returns all deployments of one VM, or of all VMs.
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

    /// Creates and locks the file of a deployment.
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
            show_life(&file)?;
            Ok(file)
        };
        let made = begin();
        if made.is_err() {
            let _ = fs::remove_file(&path);
        }
        StoreIo("write", &path).check(made)
    }

    /// Locks the file of a deployment. Returns `None` if another process has locked it or the file is gone.
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

    /// Waits at most `wait` until no process has locked a deployment. Returns whether it is unlocked.
    pub(in crate::lease) fn await_unlocked(
        &self,
        id: &DeploymentId,
        wait: Duration,
    ) -> Result<bool, StoreError> {
        let path = self.deployment(id);
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if is_absent(&error) => return Ok(true),
            opened => StoreIo("lock", &path).check(opened)?,
        };
        let locked = StoreIo("lock", &path).check(lock_within(file, wait))?;
        Ok(!matches!(locked, Locked::Not))
    }

    /// Returns the leases of a deployment.
    pub(in crate::lease) fn listing(&self, id: &DeploymentId) -> Result<Listing, StoreError> {
        let path = self.deployment(id);
        let text = match fs::read_to_string(&path) {
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            read => StoreIo("read", &path).check(read)?,
        };
        // If a full disk cut off a line, its lease was not written.
        let entry = |line: &str| {
            let (place, device) = line.split_once(' ')?;
            Some((place.parse().ok()?, device.parse().ok()?))
        };
        Ok(text.lines().filter_map(entry).collect())
    }

    /// Returns how long ago a process last worked on a deployment, whose file the caller has locked.
    pub(in crate::lease) fn idle(
        &self,
        id: &DeploymentId,
        file: &File,
    ) -> Result<Duration, StoreError> {
        let idle = || {
            let seen = file.metadata()?.modified()?;
            if let Ok(idle) = since_boot()?.duration_since(seen) {
                return Ok(idle);
            }
            // A time of day: the driver was killed before it set the time since the boot, or the file was changed by hand. Start
            // counting now.
            show_life(file)?;
            Ok(Duration::ZERO)
        };
        StoreIo("check", &self.deployment(id)).check(idle())
    }

    /// Returns when a process last worked on a deployment, as a modification time.
    pub(in crate::lease) fn seen(
        &self,
        id: &DeploymentId,
        file: &File,
    ) -> Result<SystemTime, StoreError> {
        let seen = file.metadata().and_then(|metadata| metadata.modified());
        StoreIo("check", &self.deployment(id)).check(seen)
    }

    /// Removes the file of a deployment without leases.
    pub(in crate::lease) fn end(&self, id: &DeploymentId) -> Result<(), StoreError> {
        let path = self.deployment(id);
        StoreIo("remove", &path).check(remove_file(&path))
    }

    fn deployment(&self, id: &DeploymentId) -> PathBuf {
        self.dir.join(DEPLOYMENTS).join(id.to_string())
    }
}

/// Shows that a deployment is in progress.
pub(in crate::lease) fn show_life(file: &File) -> io::Result<()> {
    file.set_modified(since_boot()?)
}

/// Returns the time since the boot, as a modification time.
fn since_boot() -> io::Result<SystemTime> {
    let since_boot = clock_gettime(ClockId::CLOCK_BOOTTIME)?;
    Ok(UNIX_EPOCH + Duration::from(since_boot))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::lease::tests::store;

    #[test]
    fn the_idle_time_of_a_deployment_does_not_depend_on_the_system_clock() {
        const HOUR: Duration = Duration::from_secs(3600);
        const MINUTE: Duration = Duration::from_secs(60);
        let (_dir, store) = store();
        let id: DeploymentId = "7.18b2f0c4".parse().unwrap();
        let file = store.begin(&id, &Vec::new()).unwrap();
        let idle = || store.idle(&id, &file).unwrap();
        let seen = || file.metadata().unwrap().modified().unwrap();
        assert!(idle() < MINUTE && seen() <= since_boot().unwrap());

        file.set_modified(since_boot().unwrap() - MINUTE).unwrap();
        assert!((MINUTE..2 * MINUTE).contains(&idle()));

        // The clock has been set back: the idle time starts now, not in an hour.
        file.set_modified(SystemTime::now() + HOUR).unwrap();
        assert_eq!(idle(), Duration::ZERO);
        assert!(seen() <= since_boot().unwrap());
        assert!((Duration::from_nanos(1)..MINUTE).contains(&idle()));
    }
}
