//! Takes over a host from the driver of 2013 while its VMs run.
//!
//! That driver kept a file for each VF in use. The file does not name the VM, but libvirt does: a VF that the running domain
//! `one-<id>` holds gets a lease of VM `<id>`, with the NIC's dummy MAC from the file or from the domain itself. No VM is
//! stopped, and no VF is changed. The original state of the VFs is unknown.

mod settings;
mod take_over;
mod tracking;

use std::io;
use std::path::{Path, PathBuf};

use self::settings::LegacySettings;
use self::take_over::{TakeOver, dummies};
use self::tracking::TrackedVf;
use crate::config::ConfigError;
use crate::domain::Domain;
use crate::host::Host;
use crate::lease::{Adopted, Place, StoreError};
use crate::libvirt::LibvirtError;
use crate::opennebula::VmId;
use crate::pool::{ListError, MapError};
use crate::shared_guids::shared_guids;

/// The directories in which that driver tracked the VFs, the newer one first.
const TRACKING: [&str; 2] = ["/dev/shm/vf_interfaces", "/tmp/vf_interfaces"];

/// Directories to use instead of the old driver's defaults.
#[derive(Debug, Clone, Default)]
pub struct LegacySources {
    /// The directory with an entry for each VF in use.
    pub tracking: Option<PathBuf>,
    /// The directory of the old driver's actions.
    pub old_home: Option<PathBuf>,
}

/// The result of an import.
#[derive(Debug, Default)]
pub struct Import {
    /// VFs that got a lease.
    pub imported: Vec<Imported>,
    /// VFs that already have a lease.
    pub leased: Vec<String>,
    /// VFs of running VMs that did not get a lease, and why.
    pub failed: Vec<String>,
    /// Entries of VFs that no VM uses.
    pub stale: Vec<String>,
    /// GUIDs that several running VMs have.
    pub shared_guids: Vec<String>,
    /// Settings of the old driver that this one does not support.
    pub not_imported: Vec<String>,
}

/// A VF that got a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Its VM.
    pub vm: VmId,
    /// The VF and what is known about its NIC.
    pub adopted: Adopted,
}

impl Imported {
    /// The place of the lease.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            pool: self.adopted.vf.pool.clone(),
            index: self.adopted.vf.index,
        }
    }
}

/// Why the import failed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The VF maps cannot be found.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The leases cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// libvirt does not answer.
    #[error(transparent)]
    Libvirt(#[from] LibvirtError),
    /// A file of the old driver cannot be read.
    #[error("failed to read '{}': {cause}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// A map of the old driver has a wrong line.
    #[error("failed to read VF map '{}': {cause}", path.display())]
    Map {
        /// The map.
        path: PathBuf,
        /// The line.
        cause: MapError,
    },
    /// The pools cannot be listed.
    #[error(transparent)]
    Pools(#[from] ListError),
}

/// Imports the VFs of running VMs; with `dry_run` only reports which would be imported.
pub fn import(host: &Host, sources: &LegacySources, dry_run: bool) -> Result<Import, ImportError> {
    let home = sources.old_home.as_ref().unwrap_or(&host.home);
    let settings = LegacySettings::read(&host.root, home)?;
    let entries = entries(host, sources)?;
    let store = host.leases()?;
    let guard = store.lock(host.config.lock_wait, "import-legacy")?;
    let libvirt = host.libvirt();
    let running = libvirt.running()?;
    let prefix = settings.prefix().unwrap_or(host.config.dummy_prefix);
    let document = |uuid: &str| {
        let document = libvirt.document(uuid).map_err(|error| error.to_string())?;
        let domain = Domain::read(&document).map_err(|error| error.to_string())?;
        let macs = domain.interfaces().iter().filter_map(|nic| nic.mac().ok());
        Ok(dummies(macs, prefix))
    };
    let work = TakeOver {
        host,
        guard: &guard,
        running: &running,
        dry_run,
        dummies: &document,
    };
    let mut import = work.run(&settings, entries)?;
    import.shared_guids = shared_guids(host, &running);
    Ok(import)
}

/// Reads the entries of all tracking directories.
fn entries(host: &Host, sources: &LegacySources) -> Result<Vec<TrackedVf>, ImportError> {
    let mut dirs = Vec::new();
    match &sources.tracking {
        Some(dir) => dirs.push(dir.clone()),
        None => {
            for dir in TRACKING.map(Path::new) {
                let path = host.root.path(dir);
                dirs.push(path.map_err(|cause| ImportError::Read {
                    path: dir.to_owned(),
                    cause,
                })?);
            }
        }
    }
    let mut entries = Vec::new();
    for dir in dirs {
        let read = tracking::read(&dir);
        entries.extend(read.map_err(|cause| ImportError::Read { path: dir, cause })?);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests;
