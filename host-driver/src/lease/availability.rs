//! Whether a VF is available, and if not, why.

use std::collections::HashMap;

use hwaddr::PciAddress;

use super::allocator::{AllocateError, Allocator};
use super::error::StoreError;
use super::released::is_released;
use super::sweep::{StaleLease, Sweep};
use crate::opennebula::{PciProbe, VmId};
use crate::pool::{HostSysfs, HostUse, PoolError};
use crate::pool_name::PoolName;

/// The state of a VF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Availability {
    /// It can be allocated.
    Free,
    /// Its VM has stopped: it will be released, or allocated to another VM.
    Stale(VmId),
    /// Its VM has stopped, but libvirt has not released it yet.
    BeingReleased(VmId),
    /// A VM has a lease on it.
    Leased(VmId),
    /// Its claim cannot be read.
    Corrupt,
    /// A running domain uses it without a lease.
    Domain(String),
    /// The host uses it.
    Host(HostUse),
    /// Its PF has no network device, so that it cannot be set up.
    NoNetdev(PciAddress),
    /// It is free, but could not be used lately, for this reason.
    Failed(String),
    /// The map lists it, but the host doesn't have it.
    Absent,
    /// It is free, but a PCI NIC may get it: OpenNebula's own PCI probe offers it because of this filter.
    PciProbe(String),
}

impl Allocator<'_> {
    /// The state of a VF.
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
                    if is_released(HostSysfs::new(self.root), self.config, stale)
                        .map_err(|cause| AllocateError::Sysfs(address, cause))?
                    {
                        Availability::Stale(vm)
                    } else {
                        Availability::BeingReleased(vm)
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
        let is_there = HostSysfs::new(self.root).has_device(address);
        if !is_there.map_err(|cause| AllocateError::Sysfs(address, cause))? {
            return Ok(Availability::Absent);
        }
        Ok(match self.uses.of(address)? {
            Some(host) => Availability::Host(host),
            None => Availability::Free,
        })
    }

    /// The state of the VF at an index of an open pool.
    pub fn availability_in(
        &self,
        name: &PoolName,
        index: u32,
        sweep: &Sweep,
    ) -> Result<Availability, AllocateError> {
        let pool = &self.pools[name];
        let Some(address) = pool.address(index) else {
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

    /// The VFs that could not be used lately, and why.
    pub(super) fn failures(&self) -> Result<&HashMap<PciAddress, String>, StoreError> {
        if let Some(failures) = self.failures.get() {
            return Ok(failures);
        }
        let failures = self.store.failures()?;
        Ok(self.failures.get_or_init(|| failures))
    }

    /// Returns the filter that makes OpenNebula's own PCI probe offer a VF, or `None` with `POOL_SHARES_PCI`.
    pub(super) fn filter_of_probe(
        &self,
        address: PciAddress,
    ) -> Result<Option<String>, AllocateError> {
        let read = || {
            let probe = (!self.config.pool_shares_pci).then(|| PciProbe::read(self.config))?;
            // A failing probe offers nothing, and OpenNebula shows the host in state ERROR.
            probe.inspect_err(|error| log::warn!("{error}")).ok()
        };
        let Some(probe) = self.pci_probe.get_or_init(read) else {
            return Ok(None);
        };
        let offer = probe.offers(self.root, address);
        let offer = offer.map_err(|cause| AllocateError::Sysfs(address, cause))?;
        Ok(offer.and_then(|offer| offer.is_certain.then_some(offer.filter)))
    }
}
