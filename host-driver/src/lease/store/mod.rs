//! The lease directory.
//!
//! ```text
//! /run/one-sriov/                       oneadmin, 0700
//!   lock                                flock(2): one driver at a time allocates VFs
//!   boot-id                             the boot that all of this belongs to
//!   ib0/3                               a lease
//!   .devices/0000:81:00.4               "ib0/3 7.18b2f0c4": the claim of the VF, whichever pool it is in
//!   .deployments/7.18b2f0c4             a line "ib0/3 0000:81:00.4" for each lease of one deployment
//!   .guids/00:04:aa:00:c0:a8:32:11      "ib0/3": the lease that last had this GUID
//!   .failures/0000:81:00.4              "1795446991 why": when and why the VF could not be used
//!   .unplugged/7                        the path of a checkpoint: the VM may lack VFs that it should have
//!   .migrating/7/                       the NICs and document of a VM that is being migrated to or from another host
//! ```
//!
//! The file of a deployment is created first and removed last, so every lease and claim belongs to a deployment. It is never
//! replaced, because a process that works on the deployment holds a `flock` on it, which its children inherit. Leases are
//! replaced by a rename, so a reader sees the old one or the new one. Nothing is flushed to disk: a lease ends with the boot.

mod claims;
mod deployments;
mod failures;
mod files;
mod migration_lock;
mod unplugged;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use hwaddr::PciAddress;
use nix::unistd::{Uid, User, geteuid};
use one_sriov_system::{Root, is_absent, unless_absent};

pub(super) use self::deployments::show_life;
use self::files::{names, remove_file, replace, replace_in};
pub use self::migration_lock::MigrationLock;
use super::error::{StoreError, StoreIo};
use super::record::{DeploymentId, FORMAT, Lease, Place};
use crate::opennebula::VmId;
use crate::pool_name::PoolName;

const DEPLOYMENTS: &str = ".deployments";
pub(super) const DEVICES: &str = ".devices";
const FAILURES: &str = ".failures";
const GUIDS: &str = ".guids";
const UNPLUGGED: &str = ".unplugged";
const MIGRATING: &str = ".migrating";
/// The file with the lock on all leases.
pub(super) const LOCK: &str = "lock";
/// The file with the ID of the boot that everything here belongs to. It marks a lease directory.
pub(super) const BOOT_ID_FILE: &str = "boot-id";
/// The temporary name of [`BOOT_ID_FILE`].
const NEW_BOOT_ID: &str = ".boot-id.new";
/// The file with the ID of this machine's current boot.
pub(super) const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The leases of this host. Reading them needs no lock, but allocating VFs does: [`Store::lock`].
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    boot_id: String,
}

impl Store {
    /// Opens the lease directory, which must belong to this user and must not be writable by others.
    pub fn open(root: &Root, dir: &Path) -> Result<Self, StoreError> {
        Self::find(root, dir)?.ok_or_else(|| StoreError::Missing {
            dir: dir.to_owned(),
            user: user_name(geteuid()),
        })
    }

    /// Like [`Store::open`], but returns `None` if there is no directory, and so no lease.
    pub fn find(root: &Root, dir: &Path) -> Result<Option<Self>, StoreError> {
        let io = StoreIo("check lease directory", dir);
        let host = io.check(root.path(dir))?;
        let metadata = match fs::symlink_metadata(&host) {
            Err(error) if is_absent(&error) => return Ok(None),
            read => io.check(read)?,
        };
        if !metadata.is_dir() {
            return Err(StoreError::NoDirectory(dir.to_owned()));
        }
        let (owner, us) = (Uid::from_raw(metadata.uid()), geteuid());
        if owner != us {
            return Err(StoreError::Foreign {
                dir: dir.to_owned(),
                owner: user_name(owner),
                user: user_name(us),
            });
        }
        if metadata.mode() & 0o022 != 0 {
            return Err(StoreError::Open {
                dir: dir.to_owned(),
                mode: metadata.mode() & 0o7777,
            });
        }
        let path = Path::new(BOOT_ID);
        let boot_id = StoreIo("read", path).check(root.read_to_string(path))?;
        Ok(Some(Self {
            dir: host,
            boot_id: boot_id.trim().to_owned(),
        }))
    }

    /// The ID of the host's current boot.
    #[must_use]
    pub fn boot_id(&self) -> &str {
        &self.boot_id
    }

    /// The lease directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the leases of a VM, except corrupt ones.
    pub fn leases_of(&self, vm: VmId) -> Result<Vec<Lease>, StoreError> {
        let mut leases = Vec::new();
        for id in self.deployments(Some(vm))? {
            for (place, _) in self.listing(&id)? {
                match self.read(&place) {
                    Ok(lease) => leases.extend(lease.filter(|lease| lease.deployment == id)),
                    Err(StoreError::Corrupt { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(leases)
    }

    /// Returns the indexes of a pool that have a lease.
    pub fn leased(&self, pool: &PoolName) -> Result<Vec<u32>, StoreError> {
        let names = names(&self.dir.join(pool.as_str()))?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Returns all pools that have or had leases, or were [remembered](Self::remember).
    pub fn pools(&self) -> Result<Vec<PoolName>, StoreError> {
        let mut pools: Vec<PoolName> = Vec::new();
        for name in names(&self.dir)? {
            let path = self.dir.join(&name);
            let is_dir = unless_absent(fs::metadata(&path).map(|found| found.is_dir()), false);
            if StoreIo("check", &path).check(is_dir)? {
                pools.extend(name.parse::<PoolName>());
            }
        }
        pools.sort();
        Ok(pools)
    }

    /// Creates a directory for each of these pools, so that [`pools`](Self::pools) lists them.
    pub fn remember(&self, pools: &[PoolName]) -> Result<(), StoreError> {
        for pool in pools {
            let dir = self.dir.join(pool.as_str());
            match fs::create_dir(&dir) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                made => StoreIo("make", &dir).check(made)?,
            }
        }
        Ok(())
    }

    /// Reads a lease, if there is one.
    pub fn read(&self, place: &Place) -> Result<Option<Lease>, StoreError> {
        let path = self.lease(place);
        let text = match fs::read(&path) {
            Err(error) if is_absent(&error) => return Ok(None),
            read => StoreIo("read lease", &path).check(read)?,
        };
        let corrupt = |what: String| StoreError::Corrupt {
            path: path.clone(),
            what,
        };
        let lease: Lease =
            serde_json::from_slice(&text).map_err(|error| corrupt(error.to_string()))?;
        if lease.format != FORMAT {
            return Err(corrupt(format!(
                "its format is {}, which this driver does not support",
                lease.format
            )));
        }
        if lease.place() != *place {
            return Err(corrupt(format!("it is the lease of '{}'", lease.place())));
        }
        Ok(Some(lease))
    }

    /// Writes a lease, replacing any at its place.
    pub(in crate::lease) fn write(&self, lease: &Lease) -> Result<(), StoreError> {
        let path = self.lease(&lease.place());
        let pool = self.dir.join(lease.pool.as_str());
        let io = StoreIo("write lease", &path);
        let mut line = serde_json::to_vec(lease).map_err(|error| StoreError::Corrupt {
            path: path.clone(),
            what: error.to_string(),
        })?;
        line.push(b'\n');
        let new = pool.join(format!(".{}.new", lease.index));
        io.check(replace_in(&pool, &new, &path, &line))
    }

    /// Removes a lease and its claim, each only if it belongs to this deployment.
    pub(in crate::lease) fn remove(
        &self,
        place: &Place,
        device: PciAddress,
        deployment: &DeploymentId,
    ) -> Result<(), StoreError> {
        let is_ours = match self.read(place) {
            Ok(Some(lease)) => {
                let is_ours = lease.deployment == *deployment;
                // A later lease may have the GUID now.
                if let Some(guid) = lease.guid.filter(|_| is_ours)
                    && self.place_with(guid)? == Some(lease.place())
                {
                    let path = self.guid(guid);
                    StoreIo("remove", &path).check(remove_file(&path))?;
                }
                is_ours
            }
            Ok(None) => false,
            // It is not known to belong to another deployment.
            Err(StoreError::Corrupt { .. }) => true,
            Err(error) => return Err(error),
        };
        if is_ours {
            let path = self.lease(place);
            StoreIo("remove lease", &path).check(remove_file(&path))?;
        }
        let is_ours = match self.claim(device) {
            Ok(claim) => claim.is_some_and(|(_, owner)| owner == *deployment),
            Err(StoreError::Corrupt { .. }) => true,
            Err(error) => return Err(error),
        };
        if is_ours {
            let path = self.device(device);
            StoreIo("remove", &path).check(remove_file(&path))?;
        }
        Ok(())
    }

    /// Refuses a directory with other files: `LEASE_DIR` may be wrong, and files from another boot are going to be removed.
    ///
    /// A lease directory is empty until its first lock, which writes the boot ID. Another process may be doing so now.
    pub(in crate::lease) fn refuse_other_files(&self) -> Result<(), StoreError> {
        let look = || {
            if self.dir.join(BOOT_ID_FILE).try_exists()? {
                return Ok(None);
            }
            for entry in fs::read_dir(&self.dir)? {
                let name = entry?.file_name();
                if name != LOCK && name != NEW_BOOT_ID && name != BOOT_ID_FILE {
                    return Ok(Some(name));
                }
            }
            Ok(None)
        };
        match StoreIo("list", &self.dir).check(look())? {
            None => Ok(()),
            Some(found) => Err(StoreError::Occupied {
                dir: self.dir.clone(),
                found: found.to_string_lossy().into_owned(),
            }),
        }
    }

    /// Removes everything that belongs to another boot of this host.
    pub(in crate::lease) fn void_other_boots(&self) -> Result<(), StoreError> {
        let path = self.dir.join(BOOT_ID_FILE);
        let written = match fs::read_to_string(&path) {
            Err(error) if is_absent(&error) => String::new(),
            read => StoreIo("read", &path).check(read)?,
        };
        if written.trim_end() == self.boot_id {
            return Ok(());
        }
        if !written.is_empty() {
            let mut stale: Vec<PathBuf> = Vec::new();
            stale.extend(
                self.pools()?
                    .iter()
                    .map(|pool| self.dir.join(pool.as_str())),
            );
            stale.extend(
                [DEVICES, GUIDS, FAILURES, UNPLUGGED, MIGRATING, DEPLOYMENTS]
                    .map(|name| self.dir.join(name)),
            );
            for dir in stale {
                match fs::remove_dir_all(&dir) {
                    Err(error) if !is_absent(&error) => {
                        StoreIo("remove", &dir).check(Err(error))?;
                    }
                    _ => {}
                }
            }
        }
        let new = self.dir.join(NEW_BOOT_ID);
        let line = format!("{}\n", self.boot_id);
        StoreIo("write", &path).check(replace(&new, &path, line.as_bytes()))
    }

    /// The lock file's path.
    pub(in crate::lease) fn lock_path(&self) -> PathBuf {
        self.dir.join(LOCK)
    }

    fn lease(&self, place: &Place) -> PathBuf {
        self.dir.join(place.to_string())
    }
}

/// Returns the current time in seconds since 1970, as leases record it.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// Returns a number that identifies a deployment of a VM.
pub(super) fn token() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    // Two processes may read the same time, so the PID is mixed in. One process never does: the clock is fine enough.
    now.as_secs() << 40 ^ u64::from(now.subsec_nanos()) << 8 ^ u64::from(std::process::id())
}

/// Returns the name of a user, or the UID if it has none.
#[must_use]
pub fn user_name(uid: Uid) -> String {
    let user = User::from_uid(uid).ok().flatten();
    user.map_or_else(|| uid.to_string(), |user| user.name)
}
