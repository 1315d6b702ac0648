//! Counts what uses the VFs of a pool.

use std::collections::BTreeMap;
use std::time::Duration;

use super::allocator::{AllocateError, Allocator};
use super::availability::Availability;
use super::record::DeploymentId;
use super::shortage::Shortage;
use super::sweep::Sweep;
use crate::opennebula::VmId;
use crate::pool_name::PoolName;

impl Allocator<'_> {
    /// Counts the VFs of an open pool by holder.
    pub(super) fn shortage(
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
            let availability = match pool.address(index) {
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
                Availability::BeingReleased(vm) => format!("VM {vm}, not released yet"),
                Availability::Corrupt => "corrupt lease".into(),
                Availability::Domain(domain) => format!("domain '{domain}'"),
                Availability::Host(_) => "this host".into(),
                Availability::NoNetdev(pf) => format!("PF '{pf}' has no network device"),
                Availability::Absent => "missing".into(),
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
