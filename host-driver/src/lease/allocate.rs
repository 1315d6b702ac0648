//! Which VF a NIC gets: the first free one of its pool.

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
use crate::opennebula::{NicAttributes, PciProbe};
use crate::pool::{HostSysfs, HostUseError, HostUses, Pool, PoolError, Vf};
use crate::pool_name::PoolName;

/// Which VF a NIC asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Any of a pool.
    AnyOf(PoolName),
    /// This one: OpenNebula has chosen it.
    Exactly(Vf),
}

/// A VF that a NIC asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VfRequest {
    /// Which.
    pub wanted: Wanted,
    /// The NIC's MAC in OpenNebula.
    pub mac: MacAddress,
    /// Position and key.
    pub dummy: DummyMac,
    /// The two octets in front of it in a GUID.
    pub guid_prefix: [u8; 2],
    /// The VLAN of its network; for InfiniBand the guest's concern.
    pub vlan: Option<u32>,
    /// What else its network wants of the VF.
    pub attributes: NicAttributes,
}

impl VfRequest {
    /// Whether its network has a VLAN: 0 is how OpenNebula writes "none".
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
    /// The lease that ended only now: what it saved is still to be put back.
    pub stale: Option<StaleLease>,
    /// If that is of an unfinished deployment of the same VM, which libvirtd may still bring to an end: when somebody was last
    /// seen to work on it.
    pub unfinished: Option<SystemTime>,
}

/// Why no VFs were chosen.
#[derive(Debug, thiserror::Error)]
pub enum AllocateError {
    /// There are too few.
    #[error(transparent)]
    Short(#[from] Shortage),
    /// The VF that OpenNebula has chosen is in use.
    #[error("failed to use VF '{vf}' of PCI NIC '{mac}': {holder}")]
    Taken {
        /// The VF.
        vf: PciAddress,
        /// The NIC.
        mac: MacAddress,
        /// Who has it.
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

/// What a choice is made from.
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
}

impl<'a> Allocator<'a> {
    /// An allocator of this host; its store should be locked.
    #[must_use]
    pub fn new(
        root: &'a Root,
        config: &'a Config,
        guard: &'a Guard<'_>,
        running: &'a RunningDomains,
    ) -> Self {
        Self::without_lock(root, config, guard, running)
    }

    /// One that only looks.
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
        }
    }

    /// A VF for each request, or none for any. No pool gives one that the VM has already, `own`.
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
                    allocations[nth] = Some(self.exactly(vf, request.mac, sweep)?);
                }
            }
        }
        for (name, nths) in by_pool {
            let wanted = nths.len();
            // What the VM has left is a NIC's again: the VF has its GUID already, and libvirtd may still start the VM with it.
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

    /// The VF that an unfinished deployment of the VM has for the same NIC.
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
        // A VF that nobody had before needs nothing to be put back, and one that failed may fail again.
        // One that libvirtd may still start the VM with, for another NIC, is the last choice.
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
        let mut found = Vec::new();
        for index in order.into_iter().chain(failed).chain(unfinished) {
            if found.len() == wanted {
                break;
            }
            found.extend(self.candidate(name, index, sweep, taken)?);
        }
        Ok(found)
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
            // Another VF of the map may be of a card that can be used.
            Ok(None) | Err(PoolError::NoNetdev { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let found = self.free(vf, sweep)?;
        taken.extend(found.is_some().then_some(address));
        Ok(found)
    }

    /// A VF that nobody has, with what its last lease has left; none if that is for another port to put back.
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

    /// The VFs of a pool.
    pub fn vfs_of(&mut self, name: &PoolName) -> Result<HashSet<PciAddress>, AllocateError> {
        let root = self.root;
        let pool = self.open(name)?;
        let mut vfs = HashSet::new();
        for index in pool.indexes() {
            vfs.extend(pool.address(root, index)?);
        }
        Ok(vfs)
    }

    /// The pool of that name, opened.
    pub fn open(&mut self, name: &PoolName) -> Result<&Pool, AllocateError> {
        if !self.pools.contains_key(name) {
            let pool = Pool::open(self.root, &self.config.maps_dir(self.root)?, name)?;
            self.pools.insert(name.clone(), pool);
        }
        Ok(&self.pools[name])
    }
}
