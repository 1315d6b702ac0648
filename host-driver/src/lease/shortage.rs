//! A pool with too few free VFs, and what uses them.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use super::allocate::{AllocateError, Allocator};
use super::availability::Availability;
use super::record::DeploymentId;
use super::sweep::Sweep;
use crate::opennebula::VmId;
use crate::pool_name::PoolName;

/// A pool with too few free VFs, and what uses them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// The pool.
    pub pool: PoolName,
    /// How many of its VFs the VM requests.
    pub wanted: usize,
    /// How many are free.
    pub free: usize,
    /// How many it has.
    pub total: usize,
    /// How many each holder has.
    pub holders: BTreeMap<String, usize>,
    /// Unfinished deployments: the VM, when they expire, and whether it is the requesting VM.
    pub pending: Vec<(VmId, Duration, bool)>,
    /// What could not be read.
    pub problems: Vec<String>,
}

impl Shortage {
    /// Marks the unfinished deployments of the requesting VM as its own.
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
        // OpenNebula shows only a hundred characters since 7.0, so the remedy comes before the holders, which may be many.
        let used = self.total - self.free;
        write!(f, ": {used} of {} in use; use another host", self.total)?;
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
            // In an error of VM 7, "VM 7" reads like another VM.
            let whose = if *is_own {
                format!("this VM ({vm}) itself")
            } else {
                format!("VM {vm}")
            };
            write!(
                f,
                "; the unfinished deployment of {whose} expires in {left} s"
            )?;
        }
        for problem in &self.problems {
            write!(f, "; {problem}")?;
        }
        Ok(())
    }
}

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
