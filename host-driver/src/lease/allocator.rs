//! The allocator of VFs, its results and its errors.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::time::SystemTime;

use hwaddr::{MacAddress, PciAddress};
use one_sriov_system::Root;

use super::error::StoreError;
use super::lock::Guard;
use super::shortage::Shortage;
use super::store::Store;
use super::sweep::StaleLease;
use crate::config::{Config, ConfigError};
use crate::libvirt::RunningDomains;
use crate::numa::NodeSet;
use crate::opennebula::PciProbe;
use crate::pool::{HostUseError, HostUses, Pool, PoolError, Vf};
use crate::pool_name::PoolName;

/// A VF that a NIC will get.
#[derive(Debug, Clone)]
pub struct Allocation {
    /// The VF.
    pub vf: Vf,
    /// The driver it is bound to.
    pub driver: Option<String>,
    /// The stale lease of the VF, if its original state is not restored yet.
    pub stale: Option<StaleLease>,
    /// When a driver last worked on that lease's deployment, if it is an unfinished one of the same VM, which libvirtd may still
    /// complete.
    pub unfinished: Option<SystemTime>,
}

/// Why no VFs were allocated.
#[derive(Debug, thiserror::Error)]
pub enum AllocateError {
    /// The pool has too few free VFs.
    #[error(transparent)]
    Short(#[from] Shortage),
    /// The VF that OpenNebula has chosen is in use.
    #[error("failed to use VF '{vf}' of PCI NIC '{mac}': {holder}")]
    Taken {
        /// The VF.
        vf: PciAddress,
        /// The NIC.
        mac: MacAddress,
        /// What is using it.
        holder: String,
    },
    /// The VF maps cannot be found.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The pool cannot be used.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The leases cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is unknown which VFs the host uses.
    #[error(transparent)]
    HostUse(#[from] HostUseError),
    /// sysfs cannot be read.
    #[error("failed to read VF '{0}': {1}")]
    Sysfs(PciAddress, std::io::Error),
}

/// Allocates VFs of this host.
#[derive(Debug)]
pub struct Allocator<'a> {
    pub(super) root: &'a Root,
    pub(super) config: &'a Config,
    pub(super) store: &'a Store,
    pub(super) running: &'a RunningDomains,
    pub(super) uses: HostUses<'a>,
    pub(super) failures: OnceCell<HashMap<PciAddress, String>>,
    pub(super) pci_probe: OnceCell<Option<PciProbe>>,
    pub(super) pools: HashMap<PoolName, Pool>,
    /// The NUMA nodes of the VM's memory.
    pub(super) near: NodeSet,
}

impl<'a> Allocator<'a> {
    /// Creates an allocator for this host. The caller holds the lock.
    #[must_use]
    pub fn new(
        root: &'a Root,
        config: &'a Config,
        guard: &'a Guard<'_>,
        running: &'a RunningDomains,
    ) -> Self {
        Self::without_lock(root, config, guard, running)
    }

    /// Creates an allocator that only reads.
    #[must_use]
    pub fn without_lock(
        root: &'a Root,
        config: &'a Config,
        store: &'a Store,
        running: &'a RunningDomains,
    ) -> Self {
        Self {
            root,
            config,
            store,
            running,
            uses: HostUses::new(root),
            failures: OnceCell::new(),
            pci_probe: OnceCell::new(),
            pools: HashMap::new(),
            near: NodeSet::default(),
        }
    }

    /// Makes the allocator prefer VFs on these NUMA nodes.
    #[must_use]
    pub fn near(mut self, nodes: &NodeSet) -> Self {
        self.near = nodes.clone();
        self
    }
}
