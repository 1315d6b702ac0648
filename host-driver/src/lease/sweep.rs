//! Finds stale leases.
//!
//! A driver that finds one locks its deployment ([`ReclaimGuard`], a `flock` on its file), and releases the VF after the
//! decision, once the lock on all leases is free again. If the driver is killed, the next one finds the lease again.
//!
//! The snapshot of the running domains may be older than the end of a deployment, and so lack its domain. So each lease that
//! looks stale is checked against a second snapshot, taken while its deployment is locked ([`Sweep::confirm`]).

use std::collections::HashMap;
use std::fs::File;
use std::time::{Duration, SystemTime};

use hwaddr::PciAddress;

use super::error::StoreError;
use super::judge::{Signs, Verdict, judge};
use super::lock::Guard;
use super::record::{DeploymentId, Lease, OriginalState, Place, State};
use super::request::VfRequest;
use super::store::Store;
use crate::libvirt::RunningDomains;
use crate::opennebula::VmId;
use crate::pool::Vf;

/// Which leases a sweep checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepScope {
    /// Leases of VMs that do not run. The cost does not depend on how many VMs run.
    StoppedVms,
    /// Every lease.
    All,
}

/// A locked deployment with stale leases.
#[derive(Debug)]
pub struct ReclaimGuard {
    /// The deployment.
    pub id: DeploymentId,
    /// Its locked file.
    pub(super) _file: File,
    /// Its stale leases, in order.
    pub stale: Vec<StaleLease>,
    /// Its other leases, if it is an unfinished deployment that the requesting VM may resume.
    unfinished: Vec<StaleLease>,
    /// When a driver last worked on it.
    seen: SystemTime,
    /// The number of its leases that are not stale.
    pub(super) others: usize,
}

/// A lease whose VM has stopped, or runs without the VF.
#[derive(Debug, Clone)]
pub struct StaleLease {
    /// Its place.
    pub place: Place,
    /// The VF.
    pub address: PciAddress,
    /// The lease itself; `None` if it is missing or corrupt.
    pub lease: Option<Lease>,
    /// Whether to restore the VF. False if another domain has it now.
    pub restore: bool,
    /// The UUID of its VM's domain, if that is running without the VF.
    pub domain: Option<String>,
}

impl StaleLease {
    /// Whether the next lease can restore the VF's original state: it was changed through the same port of the PF, or not at all.
    #[must_use]
    pub fn can_go_on_to(&self, vf: &Vf) -> bool {
        self.lease.as_ref().is_none_or(|lease| {
            lease.original == OriginalState::Untouched || lease.pf == vf.pf.netdev
        })
    }

    /// Whether it was made for the same NIC, in any pool.
    #[must_use]
    pub fn is_of(&self, request: &VfRequest) -> bool {
        self.lease.as_ref().is_some_and(|lease| {
            lease.mac == request.mac && lease.position == request.dummy.position()
        })
    }
}

/// The result of a sweep.
#[derive(Debug, Default)]
pub struct Sweep {
    /// Deployments with stale leases.
    pub reclaims: Vec<ReclaimGuard>,
    /// Unfinished deployments that no process works on, and what remains of their grace periods.
    pub pending: HashMap<DeploymentId, Duration>,
    /// Deployments of stopped VMs that another process has locked, to resume them or to release their VFs.
    pub held: Vec<DeploymentId>,
    /// What could not be read, as messages.
    pub problems: Vec<String>,
    /// The requesting VM, if it may resume its unfinished deployments.
    asking: Option<VmId>,
    /// The unfinished deployments of that VM without stale leases.
    own: Vec<ReclaimGuard>,
}

/// A deployment whose VFs another process is releasing.
#[derive(Debug)]
pub struct BeingReleased {
    /// The deployment.
    pub id: DeploymentId,
    /// Its VFs; none if they have been released since the sweep.
    pub vfs: Vec<PciAddress>,
}

impl Sweep {
    /// Returns the stale lease of a VF.
    #[must_use]
    pub fn find(&self, device: PciAddress) -> Option<&StaleLease> {
        let mut stale = self.reclaims.iter().flat_map(|reclaim| &reclaim.stale);
        stale.find(|stale| stale.address == device)
    }

    /// Returns the lease of a VF in an unfinished deployment of the requesting VM, and when a driver last worked on that.
    #[must_use]
    pub fn find_unfinished(&self, device: PciAddress) -> Option<(&StaleLease, SystemTime)> {
        let guards = self.own.iter().chain(&self.reclaims);
        let mut left =
            guards.flat_map(|guard| guard.unfinished.iter().map(|left| (left, guard.seen)));
        left.find(|(left, _)| left.address == device)
    }

    /// Unlocks all deployments, so that another sweep can lock them.
    pub fn let_go(&mut self) {
        self.reclaims.clear();
        self.own.clear();
    }

    /// Checks all stale leases against a second snapshot, and drops those whose VM runs with the VF.
    pub fn confirm<E>(
        &mut self,
        running: impl FnOnce() -> Result<RunningDomains, E>,
    ) -> Result<(), E> {
        if self.own.is_empty() && self.reclaims.iter().all(|reclaim| reclaim.stale.is_empty()) {
            return Ok(());
        }
        let running = running()?;
        for own in &mut self.own {
            own.confirm(&running);
        }
        self.reclaims.retain_mut(|reclaim| {
            reclaim.confirm(&running);
            !reclaim.stale.is_empty() || reclaim.others == 0
        });
        Ok(())
    }

    /// Drops the stale or unfinished lease of a VF that has a new one.
    pub fn take(&mut self, device: PciAddress) {
        for guard in self.reclaims.iter_mut().chain(&mut self.own) {
            guard.stale.retain(|stale| stale.address != device);
            let before = guard.unfinished.len();
            guard.unfinished.retain(|left| left.address != device);
            guard.others -= before - guard.unfinished.len();
        }
        // Deployments without leases are to be removed.
        let over = self.own.extract_if(.., |own| own.others == 0);
        self.reclaims.extend(over);
    }
}

impl ReclaimGuard {
    fn confirm(&mut self, running: &RunningDomains) {
        // Drop those that libvirtd has completed meanwhile.
        self.unfinished
            .retain(|left| running.holder(left.address).is_none());
        let (vm, others) = (self.id.vm(), &mut self.others);
        self.stale.retain_mut(|stale| {
            let holder = running.holder(stale.address).filter(|_| stale.restore);
            let deploy_id = stale
                .lease
                .as_ref()
                .and_then(|lease| lease.deploy_id.as_deref());
            let is_alive = holder.is_some_and(|domain| domain.is(vm, deploy_id));
            stale.restore &= holder.is_none();
            *others += usize::from(is_alive);
            !is_alive
        });
    }
}

impl Guard<'_> {
    /// Finds stale leases. Call [`Sweep::confirm`] before releasing any.
    pub fn sweep(
        &self,
        running: &RunningDomains,
        depth: SweepScope,
        grace: Duration,
    ) -> Result<Sweep, StoreError> {
        self.sweep_into(Sweep::default(), running, depth, grace)
    }

    /// Like [`Self::sweep`], for a VM that is being deployed, which may resume its unfinished deployments.
    pub fn sweep_for(
        &self,
        vm: VmId,
        running: &RunningDomains,
        depth: SweepScope,
        grace: Duration,
    ) -> Result<Sweep, StoreError> {
        let asking = Sweep {
            asking: Some(vm),
            ..Sweep::default()
        };
        self.sweep_into(asking, running, depth, grace)
    }

    fn sweep_into(
        &self,
        mut sweep: Sweep,
        running: &RunningDomains,
        depth: SweepScope,
        grace: Duration,
    ) -> Result<Sweep, StoreError> {
        for id in self.deployments(None)? {
            let is_asking = sweep.asking == Some(id.vm());
            if depth == SweepScope::All || is_asking || !running.runs(id.vm()) {
                self.sweep_one(&id, running, grace, &mut sweep)?;
            }
        }
        Ok(sweep)
    }

    /// Like [`Self::sweep`], for the leases of one VM.
    pub fn sweep_vm(
        &self,
        vm: VmId,
        running: &RunningDomains,
        grace: Duration,
    ) -> Result<Sweep, StoreError> {
        let mut sweep = Sweep::default();
        for id in self.deployments(Some(vm))? {
            self.sweep_one(&id, running, grace, &mut sweep)?;
        }
        Ok(sweep)
    }

    /// Like [`Self::sweep`], for the leases of one deployment.
    pub fn sweep_deployment(
        &self,
        id: &DeploymentId,
        running: &RunningDomains,
        grace: Duration,
    ) -> Result<Sweep, StoreError> {
        let mut sweep = Sweep::default();
        self.sweep_one(id, running, grace, &mut sweep)?;
        Ok(sweep)
    }

    /// Returns which deployments of [`Sweep::held`] are being released. The others are being resumed: all of their leases are in
    /// state `deploying`.
    pub fn being_released(&self, held: &[DeploymentId]) -> Result<Vec<BeingReleased>, StoreError> {
        let mut being_released = Vec::new();
        for id in held {
            let mut leases = self.leases_of(id.vm())?;
            leases.retain(|lease| lease.deployment == *id);
            if leases.iter().all(|lease| lease.state == State::Deploying) && !leases.is_empty() {
                continue;
            }
            being_released.push(BeingReleased {
                id: id.clone(),
                vfs: leases.iter().map(|lease| lease.address).collect(),
            });
        }
        Ok(being_released)
    }

    fn sweep_one(
        &self,
        id: &DeploymentId,
        running: &RunningDomains,
        grace: Duration,
        sweep: &mut Sweep,
    ) -> Result<(), StoreError> {
        let Some(file) = self.hold(id)? else {
            if !running.runs(id.vm()) {
                sweep.held.push(id.clone());
            }
            return Ok(());
        };
        let signs = Signs {
            held: false,
            idle: self.idle(id, &file)?,
        };
        let seen = self.seen(id, &file)?;
        let mut reclaim = ReclaimGuard {
            id: id.clone(),
            _file: file,
            stale: Vec::new(),
            unfinished: Vec::new(),
            seen,
            others: 0,
        };
        for (place, address) in self.listing(id)? {
            let lease = match self.read(&place) {
                Ok(lease) => lease.filter(|lease| lease.deployment == *id),
                Err(StoreError::Corrupt { path, what }) => {
                    let problem = format!("failed to read lease '{}': {what}", path.display());
                    sweep.problems.push(problem);
                    None
                }
                Err(error) => return Err(error),
            };
            let verdict = match &lease {
                Some(lease) => judge(lease, signs, running, grace),
                None => match self.judge_without(id, address, signs, running, grace)? {
                    Some(verdict) => verdict,
                    // The VF no longer belongs to this deployment.
                    None => continue,
                },
            };
            match verdict {
                Verdict::Alive => reclaim.others += 1,
                Verdict::Pending => {
                    reclaim.others += 1;
                    let left = grace.saturating_sub(signs.idle);
                    sweep.pending.insert(id.clone(), left);
                    if lease.is_some() && sweep.asking == Some(id.vm()) {
                        reclaim.unfinished.push(StaleLease {
                            place,
                            address,
                            lease,
                            restore: true,
                            domain: None,
                        });
                    }
                }
                Verdict::Dead | Verdict::TakenOver => {
                    let deploy_id = lease.as_ref().and_then(|lease| lease.deploy_id.as_deref());
                    let domain = running.domain_of(id.vm(), deploy_id);
                    reclaim.stale.push(StaleLease {
                        domain: domain.map(|domain| domain.uuid.clone()),
                        place,
                        address,
                        lease,
                        restore: verdict == Verdict::Dead,
                    });
                }
            }
        }
        if !reclaim.stale.is_empty() || reclaim.others == 0 {
            sweep.reclaims.push(reclaim);
        } else if !reclaim.unfinished.is_empty() {
            sweep.own.push(reclaim);
        }
        Ok(())
    }

    /// Judges a deployment's VF whose lease is missing or corrupt. Returns `None` if the VF does not belong to the deployment.
    fn judge_without(
        &self,
        id: &DeploymentId,
        address: PciAddress,
        signs: Signs,
        running: &RunningDomains,
        grace: Duration,
    ) -> Result<Option<Verdict>, StoreError> {
        let is_claimed = match self.claim(address) {
            Ok(Some((_, owner))) if owner != *id => return Ok(None),
            Ok(claim) => claim.is_some(),
            // It is not known to belong to another deployment.
            Err(StoreError::Corrupt { .. }) => true,
            Err(error) => return Err(error),
        };
        if !is_claimed {
            // The VF was released, or the driver was killed before it claimed the VF.
            return Ok(None);
        }
        Ok(Some(match running.holder(address) {
            Some(domain) if domain.is(id.vm(), None) => Verdict::Alive,
            Some(_) => Verdict::TakenOver,
            None if signs.idle < grace => Verdict::Pending,
            None => Verdict::Dead,
        }))
    }
}

impl Store {
    /// Waits at most `wait` until no process has locked a deployment. Returns whether it is unlocked.
    pub fn wait_for(&self, id: &DeploymentId, wait: Duration) -> Result<bool, StoreError> {
        self.await_unlocked(id, wait)
    }

    /// Removes a stale lease. This needs no lock on all leases, because the deployment is locked.
    pub fn forget(&self, reclaim: &mut ReclaimGuard, stale: &StaleLease) -> Result<(), StoreError> {
        self.remove(&stale.place, stale.address, &reclaim.id)?;
        reclaim.stale.retain(|other| other.address != stale.address);
        Ok(())
    }

    /// Removes the deployment of a guard if it has no leases left.
    pub fn close(&self, reclaim: &ReclaimGuard) -> Result<(), StoreError> {
        if reclaim.stale.is_empty() && reclaim.others == 0 {
            self.end(&reclaim.id)?;
        }
        Ok(())
    }
}
