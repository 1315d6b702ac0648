//! Why a pool cannot be used, or pools not be listed.

use std::io;
use std::path::PathBuf;

use hwaddr::PciAddress;

use super::MapError;
use crate::pool_name::PoolName;

/// Why a pool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// There is no PF and no map of that name.
    #[error(
        "failed to find pool '{name}': no such network device or VF map; correct the network's BRIDGE, or add map '{}'",
        map.display()
    )]
    Unknown {
        /// The name.
        name: PoolName,
        /// Where its map would be.
        map: PathBuf,
    },
    /// A network device without VFs.
    #[error("failed to find a VF of '{0}': it has none; check its sriov_numvfs")]
    NoVfs(PoolName),
    /// A network device that is not a PCI device.
    #[error("failed to find a VF of '{0}': it is not a PCI device")]
    NotPci(PoolName),
    /// A representor of a VF or subfunction.
    #[error(
        "failed to find a VF of '{0}': it is a switch representor; use the network device of the PF"
    )]
    Representor(PoolName),
    /// A map that cannot be read.
    #[error("failed to read VF map '{}': {cause}", path.display())]
    ReadMap {
        /// The map.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// A map with a wrong line.
    #[error("failed to read VF map '{}': {cause}", path.display())]
    Map {
        /// The map.
        path: PathBuf,
        /// The line.
        cause: MapError,
    },
    /// A PF without a network device, or with one of another kind.
    #[error(
        "failed to set up VF '{vf}': its PF '{pf}' has no Ethernet or InfiniBand network device"
    )]
    NoNetdev {
        /// The VF.
        vf: PciAddress,
        /// The PF.
        pf: PciAddress,
    },
    /// sysfs cannot be read.
    #[error("failed to read pool '{name}': {cause}")]
    Sysfs {
        /// The pool.
        name: PoolName,
        /// The system's error.
        cause: io::Error,
    },
}

impl PoolError {
    /// Whether there is no such pool, or it has no VFs. With any other error, this is unknown.
    #[must_use]
    pub fn is_no_pool(&self) -> bool {
        matches!(
            self,
            Self::Unknown { .. } | Self::NoVfs(_) | Self::NotPci(_) | Self::Representor(_)
        )
    }
}

/// Why the pools of a host cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The directory of the maps cannot be listed.
    #[error("failed to list the VF maps in '{}': {cause}", path.display())]
    Maps {
        /// The directory.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// sysfs cannot be read.
    #[error("failed to list the network devices and their VFs: {0}")]
    Pfs(io::Error),
}
