//! Going through the leases: which are over.
//!
//! libvirt was asked before: a deployment whose last process ended in between, with its domain just created, looks
//! ended. So libvirt is asked again for what is in custody, where nobody creates anything any more.
//!
//! Whoever finds an ended lease takes its deployment into custody, a `flock` on its file, and
//! brings the VF back when the decision is made and the lock is free again. Killed on the way, it
//! leaves the lease for the next one to find.

use std::collections::HashMap;
use std::fs::File;
use std::time::Duration;

use hwaddr::PciAddress;

use super::error::StoreError;
use super::judge::{Signs, Verdict, judge};
use super::lock::Guard;
use super::record::{DeploymentId, Former, Lease, Place, State, VmId};
use super::store::Store;
use crate::libvirt::Look;
use crate::pool::Vf;

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// At the deployments of VMs that do not run. Its cost does not depend on how many do.
    VmsThatAreGone,
    /// At every lease.
    All,
}

/// A deployment whose ended leases are in our hands.
#[derive(Debug)]
pub struct Custody {
    /// The deployment.
    pub id: DeploymentId,
    /// The kernel's lock on it.
    pub(super) _file: File,
    /// What has ended, in order.
    pub ended: Vec<Ended>,
    /// How many other leases it has.
    pub(super) others: usize,
}

/// A lease that is over.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its place.
    pub place: Place,
    /// The VF.
    pub address: PciAddress,
    /// What stood in it; none if nothing, or nothing legible, did.
    pub lease: Option<Lease>,
    /// Whether the VF is to be put back as it was: not if another domain has it now.
    pub restore: bool,
}

impl Ended {
    /// Whether the next tenant can put back what this one has changed: it was changed through the
    /// same port of the PF, or not at all.
    #[must_use]
    pub fn can_go_on_to(&self, vf: &Vf) -> bool {
        self.lease
            .as_ref()
            .is_none_or(|lease| lease.former == Former::Untouched || lease.pf == vf.pf.netdev)
    }
}

/// What a sweep found.
#[derive(Debug, Default)]
pub struct Sweep {
    /// What has ended.
    pub custodies: Vec<Custody>,
    /// Unfinished deployments that nobody works on, and what is left of their grace.
    pub pending: HashMap<DeploymentId, Duration>,
    /// Deployments of VMs that do not run and that somebody else works on: goes on with, or brings the VFs of back.
    pub held: Vec<DeploymentId>,
    /// What could not be read, for people.
    pub problems: Vec<String>,
}

/// A deployment that is over, and whose VFs somebody else brings back.
#[derive(Debug)]
pub struct Returning {
    /// The deployment.
    pub id: DeploymentId,
    /// Its VFs; none if they are back since the sweep.
    pub vfs: Vec<PciAddress>,
}

impl Sweep {
    /// The ended leases of a device, by custody and position therein.
    #[must_use]
    pub fn find(&self, device: PciAddress) -> Option<&Ended> {
        let mut ended = self.custodies.iter().flat_map(|custody| &custody.ended);
        ended.find(|ended| ended.address == device)
    }

    /// Looks once more at what seems to have ended, now that it is in our hands. What its own VM runs with is let go.
    pub fn confirm<E>(&mut self, look: impl FnOnce() -> Result<Look, E>) -> Result<(), E> {
        if self
            .custodies
            .iter()
            .all(|custody| custody.ended.is_empty())
        {
            return Ok(());
        }
        let look = look()?;
        self.custodies.retain_mut(|custody| {
            custody.confirm(&look);
            !custody.ended.is_empty() || custody.others == 0
        });
        Ok(())
    }

    /// Takes an ended lease out: its VF has a new one.
    pub fn take(&mut self, device: PciAddress) {
        for custody in &mut self.custodies {
            custody.ended.retain(|ended| ended.address != device);
        }
    }
}

impl Custody {
    fn confirm(&mut self, look: &Look) {
        let (vm, others) = (self.id.vm(), &mut self.others);
        self.ended.retain_mut(|ended| {
            let holder = look.holder(ended.address).filter(|_| ended.restore);
            let deploy_id = ended
                .lease
                .as_ref()
                .and_then(|lease| lease.deploy_id.as_deref());
            let is_alive = holder.is_some_and(|domain| domain.is(vm, deploy_id));
            ended.restore &= holder.is_none();
            *others += usize::from(is_alive);
            !is_alive
        });
    }
}

impl Guard<'_> {
    /// Looks for leases that are over. Before anything is done to them, [`Sweep::confirm`] must have had its say.
    pub fn sweep(&self, look: &Look, depth: Depth, grace: Duration) -> Result<Sweep, StoreError> {
        let mut sweep = Sweep::default();
        for id in self.deployments(None)? {
            if depth == Depth::All || !look.runs(id.vm()) {
                self.sweep_one(&id, look, grace, &mut sweep)?;
            }
        }
        Ok(sweep)
    }

    /// The same for the leases of one VM.
    pub fn sweep_vm(&self, vm: VmId, look: &Look, grace: Duration) -> Result<Sweep, StoreError> {
        let mut sweep = Sweep::default();
        for id in self.deployments(Some(vm))? {
            self.sweep_one(&id, look, grace, &mut sweep)?;
        }
        Ok(sweep)
    }

    /// Which of the deployments that somebody else held in a sweep are over: those that go on leave their VMs a lease
    /// that is being deployed.
    pub fn returning(&self, held: &[DeploymentId]) -> Result<Vec<Returning>, StoreError> {
        let mut returning = Vec::new();
        for id in held {
            let mut leases = self.leases_of(id.vm())?;
            leases.retain(|lease| lease.deployment == *id);
            if leases.iter().all(|lease| lease.state == State::Deploying) && !leases.is_empty() {
                continue;
            }
            returning.push(Returning {
                id: id.clone(),
                vfs: leases.iter().map(|lease| lease.address).collect(),
            });
        }
        Ok(returning)
    }

    fn sweep_one(
        &self,
        id: &DeploymentId,
        look: &Look,
        grace: Duration,
        sweep: &mut Sweep,
    ) -> Result<(), StoreError> {
        let Some(file) = self.hold(id)? else {
            if !look.runs(id.vm()) {
                sweep.held.push(id.clone());
            }
            return Ok(());
        };
        let signs = Signs {
            held: false,
            idle: self.idle(id, &file)?,
        };
        let mut custody = Custody {
            id: id.clone(),
            _file: file,
            ended: Vec::new(),
            others: 0,
        };
        for (place, address) in self.listing(id)? {
            let lease = match self.read(&place) {
                Ok(lease) => lease.filter(|lease| lease.deployment == *id),
                Err(StoreError::Garbled { path, what }) => {
                    let problem = format!("failed to read lease '{}': {what}", path.display());
                    sweep.problems.push(problem);
                    None
                }
                Err(error) => return Err(error),
            };
            let verdict = match &lease {
                Some(lease) => judge(lease, signs, look, grace),
                None => self.judge_without(id, address, signs, look, grace),
            };
            match verdict {
                Verdict::Alive => custody.others += 1,
                Verdict::Pending => {
                    custody.others += 1;
                    let left = grace.saturating_sub(signs.idle);
                    sweep.pending.insert(id.clone(), left);
                }
                Verdict::Dead | Verdict::Usurped => custody.ended.push(Ended {
                    place,
                    address,
                    lease,
                    restore: verdict == Verdict::Dead,
                }),
            }
        }
        if !custody.ended.is_empty() || custody.others == 0 {
            sweep.custodies.push(custody);
        }
        Ok(())
    }

    /// A deployment that was killed before it wrote the lease, or whose lease is illegible.
    fn judge_without(
        &self,
        id: &DeploymentId,
        address: PciAddress,
        signs: Signs,
        look: &Look,
        grace: Duration,
    ) -> Verdict {
        let is_claimed = match self.claim(address) {
            Ok(claim) => claim.is_some_and(|(_, owner)| owner == *id),
            Err(_) => false,
        };
        match look.holder(address) {
            _ if !is_claimed => Verdict::Usurped,
            Some(domain) if domain.is(id.vm(), None) => Verdict::Alive,
            Some(_) => Verdict::Usurped,
            None if signs.idle < grace => Verdict::Pending,
            None => Verdict::Dead,
        }
    }
}

impl Store {
    /// Waits until nobody works on a deployment any more, at most so long; whether that is so.
    pub fn wait_for(&self, id: &DeploymentId, wait: Duration) -> Result<bool, StoreError> {
        self.await_unlocked(id, wait)
    }

    /// Forgets an ended lease, and its deployment if it was the last.
    ///
    /// Needs no lock on the decision: nobody else touches a deployment in custody.
    pub fn forget(&self, custody: &mut Custody, ended: &Ended) -> Result<(), StoreError> {
        self.remove(&ended.place, ended.address, &custody.id)?;
        custody.ended.retain(|other| other.address != ended.address);
        Ok(())
    }

    /// Ends a custody: the deployment goes if nothing is left of it.
    pub fn close(&self, custody: &Custody) -> Result<(), StoreError> {
        if custody.ended.is_empty() && custody.others == 0 {
            self.end(&custody.id)?;
        }
        Ok(())
    }
}
