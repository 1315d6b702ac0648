//! Allocates VFs: each NIC gets the best free one of its pool.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::SystemTime;

use hwaddr::{DummyMac, MacAddress, PciAddress};
use one_sriov_system::Root;

use super::availability::Availability;
use super::error::StoreError;
use super::lock::Guard;
use super::shortage::Shortage;
use super::store::Store;
use super::sweep::{StaleLease, Sweep};
use crate::config::{Config, ConfigError};
use crate::libvirt::RunningDomains;
use crate::numa::NodeSet;
use crate::opennebula::{NicAttributes, PciProbe};
use crate::pool::{HostSysfs, HostUseError, HostUses, Pool, PoolError, Vf};
use crate::pool_name::PoolName;

/// Which VF a NIC requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Any VF of a pool.
    AnyOf(PoolName),
    /// This VF, which OpenNebula has chosen.
    Exactly(Vf),
}

/// A NIC's request for a VF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VfRequest {
    /// Which VF.
    pub wanted: Wanted,
    /// The NIC's MAC in OpenNebula.
    pub mac: MacAddress,
    /// The dummy MAC, which consists of position and key.
    pub dummy: DummyMac,
    /// The two octets that precede the dummy MAC in the port GUID.
    pub guid_prefix: [u8; 2],
    /// The VLAN of its network. On InfiniBand it is the P_Key, which the guest sets up.
    pub vlan: Option<u32>,
    /// Other attributes of its network that apply to the VF.
    pub attributes: NicAttributes,
}

impl VfRequest {
    /// Whether its network has a VLAN. OpenNebula writes 0 for none.
    #[must_use]
    pub fn has_vlan(&self) -> bool {
        self.vlan.is_some_and(|vlan| vlan != 0)
    }
}

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
    near: NodeSet,
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

    /// Allocates a VF for each request, or fails. VFs that the VM already has (`own`) or that OpenNebula has chosen for it are not
    /// allocated from a pool.
    pub fn allocate(
        &mut self,
        requests: &[VfRequest],
        own: &[PciAddress],
        sweep: &Sweep,
    ) -> Result<Vec<Allocation>, AllocateError> {
        let mut allocations: Vec<Option<Allocation>> = requests.iter().map(|_| None).collect();
        let mut taken: HashSet<PciAddress> = own.iter().copied().collect();
        let mut by_pool: BTreeMap<&PoolName, Vec<usize>> = BTreeMap::new();
        for (nth, request) in requests.iter().enumerate() {
            match &request.wanted {
                Wanted::AnyOf(pool) => by_pool.entry(pool).or_default().push(nth),
                Wanted::Exactly(vf) => {
                    taken.insert(vf.address);
                    allocations[nth] = Some(self.exactly(vf, request.mac, sweep)?);
                }
            }
        }
        for (name, nths) in by_pool {
            let wanted = nths.len();
            // A NIC keeps the VF of its unfinished deployment: it has the GUID, and libvirtd may still start the VM with it.
            let mut others = Vec::new();
            for nth in nths {
                allocations[nth] = self.left_for(name, &requests[nth], sweep, &mut taken)?;
                if allocations[nth].is_none() {
                    others.push(nth);
                }
            }
            let found = self.allocate_from(name, others.len(), sweep, &mut taken)?;
            if found.len() < others.len() {
                return Err(self.shortage(name, wanted, sweep)?.into());
            }
            for (nth, allocation) in others.into_iter().zip(found) {
                allocations[nth] = Some(allocation);
            }
        }
        Ok(allocations.into_iter().flatten().collect())
    }

    /// Returns the VF that an unfinished deployment of the VM leased for the same NIC.
    fn left_for(
        &mut self,
        pool: &PoolName,
        request: &VfRequest,
        sweep: &Sweep,
        taken: &mut HashSet<PciAddress>,
    ) -> Result<Option<Allocation>, AllocateError> {
        self.open(pool)?;
        for index in self.store.leased(pool)? {
            let Some(address) = self.pools[pool].address(self.root, index)? else {
                continue;
            };
            let left = sweep.find_unfinished(address);
            if left.is_some_and(|(left, _)| left.is_of(request))
                && let Some(found) = self.candidate(pool, index, sweep, taken)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn allocate_from(
        &mut self,
        name: &PoolName,
        wanted: usize,
        sweep: &Sweep,
        taken: &mut HashSet<PciAddress>,
    ) -> Result<Vec<Allocation>, AllocateError> {
        self.open(name)?;
        let leased: HashSet<u32> = self.store.leased(name)?.into_iter().collect();
        let (given, fresh): (Vec<u32>, Vec<u32>) = self.pools[name]
            .indexes()
            .into_iter()
            .partition(|index| leased.contains(index));
        // In order of preference: VFs that have not failed lately, VFs that have, and VFs of an unfinished deployment, with which
        // libvirtd may still start the VM. Among the first two, those near the VM's memory come first, then unleased ones.
        let (mut order, mut failed, mut unfinished) = (Vec::new(), Vec::new(), Vec::new());
        for index in fresh.into_iter().chain(given) {
            let address = self.pools[name].address(self.root, index)?;
            let has_failed = match address {
                Some(address) => self.failures()?.contains_key(&address),
                None => false,
            };
            let is_unfinished =
                address.is_some_and(|address| sweep.find_unfinished(address).is_some());
            match (is_unfinished, has_failed) {
                (true, _) => unfinished.push(index),
                (false, true) => failed.push(index),
                (false, false) => order.push(index),
            }
        }
        for indexes in [&mut order, &mut failed] {
            self.sort_by_node(name, indexes)?;
        }
        let mut found = Vec::new();
        for index in order.into_iter().chain(failed).chain(unfinished) {
            if found.len() == wanted {
                break;
            }
            found.extend(self.candidate(name, index, sweep, taken)?);
        }
        Ok(found)
    }

    /// Sorts VFs by the distance of their NUMA nodes from the VM's memory.
    fn sort_by_node(&self, name: &PoolName, indexes: &mut [u32]) -> Result<(), AllocateError> {
        if self.near.is_empty() {
            return Ok(());
        }
        let mut nodes = HashMap::new();
        for index in indexes.iter() {
            let Some(address) = self.pools[name].address(self.root, *index)? else {
                continue;
            };
            let node = HostSysfs::new(self.root).numa_node(address);
            let node = node.map_err(|cause| AllocateError::Sysfs(address, cause))?;
            nodes.insert(*index, node);
        }
        let node = |index: &u32| nodes.get(index).copied().flatten();
        self.near.nearest_first(indexes, node);
        Ok(())
    }

    fn candidate(
        &self,
        name: &PoolName,
        index: u32,
        sweep: &Sweep,
        taken: &mut HashSet<PciAddress>,
    ) -> Result<Option<Allocation>, AllocateError> {
        let pool = &self.pools[name];
        let Some(address) = pool.address(self.root, index)? else {
            return Ok(None);
        };
        if taken.contains(&address) {
            return Ok(None);
        }
        match self.availability(address, sweep)? {
            Availability::Free | Availability::Stale(_) => {}
            _ => return Ok(None),
        }
        if self.filter_of_probe(address)?.is_some() {
            return Ok(None);
        }
        let vf = match pool.vf(self.root, index) {
            Ok(Some(vf)) => vf,
            // Other VFs of the map may belong to a usable card.
            Ok(None) | Err(PoolError::NoNetdev { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let found = self.free(vf, sweep)?;
        taken.extend(found.is_some().then_some(address));
        Ok(found)
    }

    /// Returns a free VF with its stale lease, if any, or `None` if only another port of the card can restore it.
    pub(super) fn free(&self, vf: Vf, sweep: &Sweep) -> Result<Option<Allocation>, AllocateError> {
        let (stale, unfinished) = match sweep.find_unfinished(vf.address) {
            Some((left, seen)) => (Some(left.clone()), Some(seen)),
            None => (sweep.find(vf.address).cloned(), None),
        };
        if stale.as_ref().is_some_and(|stale| !stale.can_go_on_to(&vf)) {
            return Ok(None);
        }
        let driver = self.driver(vf.address)?;
        Ok(Some(Allocation {
            vf,
            driver,
            stale,
            unfinished,
        }))
    }

    fn driver(&self, address: PciAddress) -> Result<Option<String>, AllocateError> {
        let driver = HostSysfs::new(self.root).driver(address);
        driver.map_err(|cause| AllocateError::Sysfs(address, cause))
    }

    /// Returns the VFs of a pool.
    pub fn vfs_of(&mut self, name: &PoolName) -> Result<HashSet<PciAddress>, AllocateError> {
        let root = self.root;
        let pool = self.open(name)?;
        let mut vfs = HashSet::new();
        for index in pool.indexes() {
            vfs.extend(pool.address(root, index)?);
        }
        Ok(vfs)
    }

    /// Opens a pool.
    pub fn open(&mut self, name: &PoolName) -> Result<&Pool, AllocateError> {
        if !self.pools.contains_key(name) {
            let pool = Pool::open(self.root, &self.config.maps_dir(self.root)?, name)?;
            self.pools.insert(name.clone(), pool);
        }
        Ok(&self.pools[name])
    }
}
