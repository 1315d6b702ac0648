//! Decides which VFs the VM gets, and how they are set up.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use hwaddr::{Guid, PciAddress};

use super::guids::guids_in_use;
use super::links::Links;
use super::work::Work;
use crate::actions::ActionError;
use crate::domain::Domain;
use crate::host::Host;
use crate::lease::{
    AllocateError, Allocation, Allocator, BeingReleased, Deployment, Guard, ReclaimGuard, Store,
    Sweep, SweepScope, VfRequest, VfSetup,
};
use crate::libvirt::RunningDomains;
use crate::opennebula::{MonitoringClient, VmId};
use crate::prepare::{self, VfHolder};
use crate::release::{ReleaseReport, release, unplug_left_dummy};

impl Work<'_> {
    /// Leases the requested VFs, and releases those of stale leases.
    pub(in crate::actions) fn grant(
        &mut self,
        vm: VmId,
        domain: &Domain<'_>,
    ) -> Result<Deployment, ActionError> {
        let leased = self.lease(vm, domain).map(|(deployment, reclaims)| {
            self.known = release_vfs(self.host, self.store, reclaims).known;
            deployment
        });
        // Also after a refusal: the scheduler chose this host based on outdated numbers.
        MonitoringClient::refresh(self.monitoring.as_ref());
        leased
    }

    /// If the only obstacle is a VF (or GUID) that another process is releasing, waits for that release and retries once.
    fn lease(
        &self,
        vm: VmId,
        domain: &Domain<'_>,
    ) -> Result<(Deployment, Vec<ReclaimGuard>), ActionError> {
        let (refusal, is_released, being_released) = match self.decide(vm, domain)? {
            Decision::Leased(deployment, reclaims) => return Ok((deployment, reclaims)),
            Decision::Refused {
                refusal,
                is_released,
                being_released,
            } => (refusal, is_released, being_released),
        };
        let deadline = Instant::now() + self.host.config.release_wait;
        let mut can_retry = is_released;
        for BeingReleased { id, vfs } in being_released {
            let left = deadline.saturating_duration_since(Instant::now());
            can_retry |= vfs.is_empty() || self.store.wait_for(&id, left)?;
        }
        if !can_retry {
            return Err(refusal);
        }
        match self.decide(vm, domain)? {
            Decision::Leased(deployment, reclaims) => Ok((deployment, reclaims)),
            Decision::Refused { refusal, .. } => Err(refusal),
        }
    }

    fn decide(&self, vm: VmId, domain: &Domain<'_>) -> Result<Decision, ActionError> {
        let purpose = self.call.purpose(vm);
        decide(self.host, self.store, &purpose, vm, domain, self.requests)
    }
}

/// The result of a decision.
enum Decision {
    /// The new leases, and the stale ones to release.
    Leased(Deployment, Vec<ReclaimGuard>),
    /// The VM gets no VFs.
    Refused {
        refusal: ActionError,
        /// Whether this process has released a VF since.
        is_released: bool,
        /// Deployments whose release could change the decision.
        being_released: Vec<BeingReleased>,
    },
}

/// Decides while holding the lock. Stale leases whose VFs are not allocated again are released, even after a refusal.
fn decide(
    host: &Host,
    store: &Store,
    purpose: &str,
    vm: VmId,
    domain: &Domain<'_>,
    requests: &[VfRequest],
) -> Result<Decision, ActionError> {
    let config = &host.config;
    let guard = store.lock(config.lock_wait, purpose)?;
    let running = host.libvirt().running()?;
    let mut sweep = guard.sweep_for(vm, &running, SweepScope::StoppedVms, config.lease_grace)?;
    sweep.confirm(|| host.libvirt().running())?;
    let allocator = Allocator::new(&host.root, config, &guard, &running);
    let mut allocator = allocator.near(domain.memory_nodes());
    let mut allocations = allocator.allocate(requests, domain.hostdevs(), &sweep);
    if matches!(
        allocations,
        Err(AllocateError::Short(_) | AllocateError::Taken { .. })
    ) {
        // Only a sweep of all leases finds a VF that was detached from a running VM.
        sweep.let_go();
        let held = sweep.held;
        sweep = guard.sweep_for(vm, &running, SweepScope::All, config.lease_grace)?;
        sweep.held.extend(held);
        sweep.confirm(|| host.libvirt().running())?;
        allocations = allocator.allocate(requests, domain.hostdevs(), &sweep);
    }
    let own: Vec<_> = sweep
        .held
        .iter()
        .filter(|id| id.vm() == vm)
        .cloned()
        .collect();
    if let Err(AllocateError::Short(shortage)) = &mut allocations {
        shortage.name_own(vm);
    }
    let granted = match allocations {
        // The VM's previous VFs still have its GUIDs or MACs.
        Ok(_) if !guard.being_released(&own)?.is_empty() => Err(ActionError::OwnVfs { vm }),
        Err(error) => Err(error.into()),
        Ok(allocations) => {
            let taken: Vec<_> = allocations
                .iter()
                .map(|allocation| (allocation.vf.address, allocation.stale.clone()))
                .collect();
            Links::read(host, &allocations)
                .and_then(|links| {
                    agree(
                        host,
                        &guard,
                        &running,
                        &sweep,
                        requests,
                        allocations,
                        &links,
                    )
                })
                .and_then(|granted| Ok((guard.grant(vm, domain.uuid(), granted)?, taken)))
        }
    };
    let (deployment, taken) = match granted {
        Ok(granted) => granted,
        Err(error) => {
            let being_released = being_released(&guard, &mut allocator, &sweep, &error);
            drop(guard);
            let is_released = !release_vfs(host, store, sweep.reclaims).released.is_empty();
            return Ok(Decision::Refused {
                refusal: error,
                is_released,
                being_released: being_released?,
            });
        }
    };
    drop(guard);
    for (device, stale) in taken {
        sweep.take(device);
        // The VM that released the VF may still be running. The VF now belongs to another VM, even if libvirt fails to remove the
        // dummy NIC.
        if let Some(stale) = stale
            && let Err(why) = unplug_left_dummy(config, store, &stale)
        {
            log::warn!("VF '{device}' has gone to VM {vm}, but of the VM that had it: {why}");
        }
    }
    Ok(Decision::Leased(deployment, sweep.reclaims))
}

/// Returns the deployments whose release would remove the obstacle: they have a VF of the pool, or the VF that conflicts.
fn being_released(
    guard: &Guard<'_>,
    allocator: &mut Allocator<'_>,
    sweep: &Sweep,
    refusal: &ActionError,
) -> Result<Vec<BeingReleased>, ActionError> {
    if sweep.held.is_empty() {
        return Ok(Vec::new());
    }
    let lacking: HashSet<PciAddress> = match refusal {
        ActionError::Choose(AllocateError::Short(shortage)) => allocator.vfs_of(&shortage.pool)?,
        ActionError::Choose(AllocateError::Taken { vf, .. }) => HashSet::from([*vf]),
        ActionError::Conflict(conflict) => conflict.vf().into_iter().collect(),
        ActionError::OwnVfs { vm } => {
            let own: Vec<_> = sweep
                .held
                .iter()
                .filter(|id| id.vm() == *vm)
                .cloned()
                .collect();
            return Ok(guard.being_released(&own)?);
        }
        _ => return Ok(Vec::new()),
    };
    let mut being_released = guard.being_released(&sweep.held)?;
    being_released.retain(|BeingReleased { vfs, .. }| {
        vfs.is_empty() || vfs.iter().any(|device| lacking.contains(device))
    });
    Ok(being_released)
}

/// Determines how each VF is set up, and refuses GUIDs that are in use.
fn agree<'w>(
    host: &Host,
    guard: &Guard<'_>,
    running: &RunningDomains,
    sweep: &Sweep,
    requests: &'w [VfRequest],
    allocations: Vec<Allocation>,
    links: &Links,
) -> Result<Vec<(&'w VfRequest, Allocation, VfSetup)>, ActionError> {
    let mut granted = Vec::new();
    for (request, allocation) in requests.iter().zip(allocations) {
        let asked = host.config.identity(&allocation.vf.pool);
        let known = links.vfs(&allocation.vf.pf.netdev);
        let setup = prepare::setup(request, &allocation, asked, known)?;
        granted.push((request, allocation, setup));
    }
    let wanted: HashSet<Guid> = granted
        .iter()
        .filter_map(|(.., setup)| setup.guid)
        .collect();
    if wanted.is_empty() {
        return Ok(granted);
    }
    let mut in_use = guids_in_use(host, guard, running, sweep, links, &wanted)?;
    for (_, allocation, setup) in &granted {
        if let Some(guid) = setup.guid {
            in_use.check(guid, allocation.vf.address)?;
            let vf = &allocation.vf;
            in_use.add_vf(&vf.pf.netdev, vf.number, None, guid, VfHolder::SameVm);
        }
    }
    Ok(granted)
}

/// Releases the VFs of stale leases. Errors are only logged: they matter to this VM only if a VF still has its GUID or MAC.
fn release_vfs(host: &Host, store: &Store, reclaims: Vec<ReclaimGuard>) -> ReleaseReport {
    match release(&host.root, &host.config, store, reclaims, Duration::ZERO) {
        Ok(report) => {
            report.log();
            report
        }
        Err(error) => {
            log::error!("{error}");
            ReleaseReport::default()
        }
    }
}
