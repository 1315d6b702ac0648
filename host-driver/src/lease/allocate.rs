//! Which VF a NIC gets: the first of its pool that nobody has.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime};

use hwaddr::{DummyMac, MacAddress, PciAddress};
use one_sriov_system::Root;

use super::error::StoreError;
use super::lock::Guard;
use super::record::DeploymentId;
use super::returned::is_back;
use super::store::Store;
use super::sweep::{StaleLease, Sweep};
use crate::config::{Config, ConfigError};
use crate::libvirt::RunningDomains;
use crate::opennebula::{NicAttributes, PciProbe, VmId};
use crate::pool::{HostUse, HostUseError, HostUses, Pool, PoolError, Sysfs, Vf};
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

/// What is the matter with a VF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Availability {
    /// Nobody has it.
    Free,
    /// Its VM has gone; it will be put back, or handed on.
    Stale(VmId),
    /// Libvirt has not given it back to the host yet.
    Returning(VmId),
    /// A VM has it.
    Leased(VmId),
    /// It has a lease that names nobody.
    Corrupt,
    /// A running domain has it, without a lease.
    Domain(String),
    /// The host uses it.
    Host(HostUse),
    /// Its PF has no network device, so that it cannot be set up.
    NoNetdev(PciAddress),
    /// Nobody has it, but it could not be used of late: why.
    Failed(String),
    /// The map names it, but it is not there.
    Absent,
    /// Nobody has it, but OpenNebula's own PCI probe offers it, by this filter: a PCI NIC may get it.
    PciProbe(String),
}

/// Why no VFs were chosen.
#[derive(Debug, thiserror::Error)]
pub enum AllocateError {
    /// There are too few.
    #[error(transparent)]
    Short(#[from] Shortage),
    /// The VF that OpenNebula has chosen is somebody else's.
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
    /// The host does not tell what it uses.
    #[error(transparent)]
    HostUse(#[from] HostUseError),
    /// sysfs cannot be read.
    #[error("failed to look at VF '{0}': {1}")]
    Sysfs(PciAddress, std::io::Error),
}

/// A pool with too few free VFs, and who has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// The pool.
    pub pool: PoolName,
    /// How many VFs of it the VM wants.
    pub wanted: usize,
    /// How many could be had.
    pub free: usize,
    /// How many there are.
    pub total: usize,
    /// Who has how many.
    pub holders: BTreeMap<String, usize>,
    /// Unfinished deployments, when they are given up, and whether they are of the VM that asks.
    pub pending: Vec<(VmId, Duration, bool)>,
    /// What could not be read.
    pub problems: Vec<String>,
}

impl Shortage {
    /// Names the unfinished deployments of the VM that asks as its own.
    pub fn name_own(&mut self, vm: VmId) {
        for (of, _, is_own) in &mut self.pending {
            *is_own = *of == vm;
        }
    }
}

impl std::error::Error for Shortage {}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.wanted {
            1 => write!(f, "failed to find a free VF in pool '{}'", self.pool)?,
            n => write!(f, "failed to find {n} free VFs in pool '{}'", self.pool)?,
        }
        write!(f, ": {} of {} in use", self.total - self.free, self.total)?;
        let mut holders = String::new();
        for (holder, count) in &self.holders {
            let comma = if holders.is_empty() { "" } else { ", " };
            let _ = write!(holders, "{comma}{holder}: {count}");
        }
        if !holders.is_empty() {
            write!(f, " ({holders})")?;
        }
        for (vm, left, is_own) in &self.pending {
            let left = left.as_secs_f64().ceil();
            // "VM 7" would look like another VM to who reads the error of VM 7.
            let whose = if *is_own {
                format!("this VM ({vm}) itself")
            } else {
                format!("VM {vm}")
            };
            write!(
                f,
                "; the unfinished deployment of {whose} is given up in {left} s"
            )?;
        }
        for problem in &self.problems {
            write!(f, "; {problem}")?;
        }
        Ok(())
    }
}

/// What a choice is made from.
#[derive(Debug)]
pub struct Allocator<'a> {
    root: &'a Root,
    config: &'a Config,
    store: &'a Store,
    running: &'a RunningDomains,
    uses: HostUses<'a>,
    failures: OnceCell<HashMap<PciAddress, String>>,
    pci_probe: OnceCell<Option<PciProbe>>,
    pools: HashMap<PoolName, Pool>,
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

    /// What is the matter with a VF.
    pub fn availability(
        &self,
        address: PciAddress,
        sweep: &Sweep,
    ) -> Result<Availability, AllocateError> {
        if let Some((
            StaleLease {
                lease: Some(lease), ..
            },
            _,
        )) = sweep.find_unfinished(address)
        {
            return Ok(Availability::Stale(lease.vm));
        }
        if let Some(stale) = sweep.find(address) {
            let reclaim = sweep.reclaims.iter();
            let owner = reclaim
                .filter(|reclaim| reclaim.stale.iter().any(|other| other.address == address))
                .map(|reclaim| reclaim.id.vm())
                .next();
            if let (Some(vm), true) = (owner, stale.restore) {
                return Ok(
                    if is_back(Sysfs::new(self.root), self.config, stale)
                        .map_err(|cause| AllocateError::Sysfs(address, cause))?
                    {
                        Availability::Stale(vm)
                    } else {
                        Availability::Returning(vm)
                    },
                );
            }
        }
        match self.store.claim(address) {
            Ok(Some((_, deployment))) if sweep.find(address).is_none() => {
                return Ok(Availability::Leased(deployment.vm()));
            }
            Ok(_) => {}
            Err(StoreError::Corrupt { .. }) => return Ok(Availability::Corrupt),
            Err(error) => return Err(error.into()),
        }
        if let Some(domain) = self.running.holder(address) {
            return Ok(Availability::Domain(domain.name.clone()));
        }
        let is_there = Sysfs::new(self.root).has_device(address);
        if !is_there.map_err(|cause| AllocateError::Sysfs(address, cause))? {
            return Ok(Availability::Absent);
        }
        Ok(match self.uses.of(address)? {
            Some(host) => Availability::Host(host),
            None => Availability::Free,
        })
    }

    fn failures(&self) -> Result<&HashMap<PciAddress, String>, StoreError> {
        if let Some(failures) = self.failures.get() {
            return Ok(failures);
        }
        let failures = self.store.failures()?;
        Ok(self.failures.get_or_init(|| failures))
    }

    /// What is the matter with the VF at an index of a pool that was opened.
    pub fn availability_in(
        &self,
        name: &PoolName,
        index: u32,
        sweep: &Sweep,
    ) -> Result<Availability, AllocateError> {
        let pool = &self.pools[name];
        let Some(address) = pool.address(self.root, index)? else {
            return Ok(Availability::Absent);
        };
        let availability = self.availability(address, sweep)?;
        if matches!(availability, Availability::Free | Availability::Stale(_))
            && let Some(filter) = self.filter_of_probe(address)?
        {
            return Ok(Availability::PciProbe(filter));
        }
        Ok(match (availability, pool.vf(self.root, index)) {
            (Availability::Free, Err(PoolError::NoNetdev { pf, .. })) => Availability::NoNetdev(pf),
            (Availability::Free, _) => match self.failures()?.get(&address) {
                Some(why) => Availability::Failed(why.clone()),
                None => Availability::Free,
            },
            (availability, _) => availability,
        })
    }

    /// The filter by which OpenNebula's own PCI probe offers a VF, unless pools may have such VFs.
    fn filter_of_probe(&self, address: PciAddress) -> Result<Option<String>, AllocateError> {
        let read = || {
            let probe = (!self.config.pool_shares_pci).then(|| PciProbe::read(self.config))?;
            // A probe that fails offers nothing, and has the host's state be ERROR.
            probe.inspect_err(|error| log::warn!("{error}")).ok()
        };
        let Some(probe) = self.pci_probe.get_or_init(read) else {
            return Ok(None);
        };
        let offer = probe.offers(self.root, address);
        let offer = offer.map_err(|cause| AllocateError::Sysfs(address, cause))?;
        Ok(offer.and_then(|offer| offer.is_certain.then_some(offer.filter)))
    }

    fn driver(&self, address: PciAddress) -> Result<Option<String>, AllocateError> {
        let driver = Sysfs::new(self.root).driver(address);
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

    fn shortage(
        &self,
        name: &PoolName,
        wanted: usize,
        sweep: &Sweep,
    ) -> Result<Shortage, AllocateError> {
        let pool = &self.pools[name];
        let indexes = pool.indexes();
        let mut shortage = Shortage {
            pool: name.clone(),
            wanted,
            free: 0,
            total: indexes.len(),
            holders: BTreeMap::new(),
            pending: Vec::new(),
            problems: sweep.problems.clone(),
        };
        for index in indexes {
            let availability = match pool.address(self.root, index)? {
                Some(_) => self.availability_in(name, index, sweep)?,
                None => Availability::Absent,
            };
            let holder = match availability {
                Availability::Free | Availability::Stale(_) | Availability::Failed(_) => {
                    shortage.free += 1;
                    continue;
                }
                Availability::Leased(vm) => {
                    let left = pending(sweep, vm);
                    let known = |(other, ..): &(VmId, Duration, bool)| *other == vm;
                    if let (Some(left), false) = (left, shortage.pending.iter().any(known)) {
                        shortage.pending.push((vm, left, false));
                    }
                    format!("VM {vm}")
                }
                Availability::Returning(vm) => format!("VM {vm}, not given back yet"),
                Availability::Corrupt => "a corrupt lease".into(),
                Availability::Domain(domain) => format!("domain '{domain}'"),
                Availability::Host(_) => "this host".into(),
                Availability::NoNetdev(pf) => format!("no network device of PF '{pf}'"),
                Availability::Absent => "not there".into(),
                Availability::PciProbe(_) => "offered by OpenNebula's PCI probe".into(),
            };
            *shortage.holders.entry(holder).or_default() += 1;
        }
        Ok(shortage)
    }
}

fn pending(sweep: &Sweep, vm: VmId) -> Option<Duration> {
    let of_vm = |(id, _): &(&DeploymentId, &Duration)| id.vm() == vm;
    sweep.pending.iter().find(of_vm).map(|(_, left)| *left)
}
