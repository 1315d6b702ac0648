//! Allocates VFs: each NIC gets the best free one of its pool.

use std::collections::{BTreeMap, HashMap, HashSet};

use hwaddr::PciAddress;

use super::allocator::{AllocateError, Allocation, Allocator};
use super::availability::Availability;
use super::request::{VfRequest, Wanted};
use super::sweep::Sweep;
use crate::pool::{HostSysfs, Pool, PoolError, Vf};
use crate::pool_name::PoolName;

impl Allocator<'_> {
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
            let Some(address) = self.pools[pool].address(index) else {
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
            let address = self.pools[name].address(index);
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
            let Some(address) = self.pools[name].address(*index) else {
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
        let Some(address) = pool.address(index) else {
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
        let pool = self.open(name)?;
        let addresses = pool.indexes().into_iter();
        Ok(addresses.filter_map(|index| pool.address(index)).collect())
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
