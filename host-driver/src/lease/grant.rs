//! Writing the leases of a deployment, and what becomes of them.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, SystemTime};

use hwaddr::Guid;

use super::allocate::{Allocation, VfRequest};
use super::error::StoreError;
use super::lock::Guard;
use super::record::{DeploymentId, FORMAT, Lease, OriginalState, State, VfIdentity};
use super::store::{Store, now, show_life, token};
use super::sweep::StaleLease;
use crate::opennebula::VmId;

/// How a VF will come into its VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VfSetup {
    /// The way.
    pub identity: VfIdentity,
    /// The GUID it gets.
    pub guid: Option<Guid>,
    /// How it was: what a lease that ended saved goes before what the kernel says now.
    pub original: OriginalState,
}

/// The leases of one deployment, ours for as long as this lives.
#[derive(Debug)]
pub struct Deployment {
    id: DeploymentId,
    file: File,
    /// The leases, in the order of the requests.
    pub leases: Vec<Lease>,
    /// If it goes on with an unfinished one: when somebody was last seen to work on that.
    unfinished: Option<SystemTime>,
}

impl Guard<'_> {
    /// Writes the leases of a VM, all or none.
    pub fn grant(
        &self,
        vm: VmId,
        deploy_id: Option<&str>,
        granted: Vec<(&VfRequest, Allocation, VfSetup)>,
    ) -> Result<Deployment, StoreError> {
        let id = DeploymentId::new(vm, token());
        let stale: Vec<_> = granted
            .iter()
            .map(|(_, allocation, _)| (allocation.stale.clone(), allocation.unfinished))
            .collect();
        let unfinished = stale.iter().filter_map(|(_, seen)| *seen).max();
        let leases: Vec<Lease> = granted
            .into_iter()
            .map(|(request, allocation, setup)| Lease {
                format: FORMAT,
                vm,
                deployment: id.clone(),
                deploy_id: deploy_id.map(str::to_owned),
                pool: allocation.vf.pool,
                index: allocation.vf.index,
                address: allocation.vf.address,
                pf: allocation.vf.pf.netdev,
                vf: allocation.vf.number,
                // What a domain that has gone left it bound to was not its own choice.
                driver: match &allocation.stale {
                    Some(stale) => stale.lease.as_ref().and_then(|lease| lease.driver.clone()),
                    None => allocation.driver,
                },
                is_bound: allocation.stale.as_ref().is_some_and(|stale| {
                    let before = stale.lease.as_ref();
                    before.is_some_and(|lease| lease.is_bound)
                }),
                position: request.dummy.position(),
                mac: request.mac,
                dummy_mac: setup.identity.has_dummy().then(|| request.dummy.mac()),
                identity: setup.identity,
                guid: setup.guid,
                original: setup.original,
                state: State::Deploying,
                since: now(),
                boot_id: self.boot_id().to_owned(),
            })
            .collect();
        let listing = leases.iter().map(|lease| (lease.place(), lease.address));
        let file = self.begin(&id, &listing.collect())?;
        let deployment = Deployment {
            id,
            file,
            leases,
            unfinished,
        };
        for (lease, (before, _)) in deployment.leases.iter().zip(&stale) {
            let written = self
                .write_claim(lease)
                .and_then(|()| self.write(lease))
                .and_then(|()| self.write_guid(lease))
                .and_then(|()| self.clear(before.as_ref(), lease));
            if let Err(error) = written {
                // What could not be removed either is swept up later.
                if let Err(error) = self.revoke(&deployment, &stale) {
                    log::warn!("{error}");
                }
                return Err(error);
            }
        }
        Ok(deployment)
    }

    /// Removes the lease that the new one follows, if that was of another pool with the same VF.
    fn clear(&self, stale: Option<&StaleLease>, lease: &Lease) -> Result<(), StoreError> {
        match stale.and_then(|stale| stale.lease.as_ref()) {
            Some(original) if original.place() != lease.place() => {
                self.remove(&original.place(), original.address, &original.deployment)
            }
            _ => Ok(()),
        }
    }
}

impl Store {
    /// Marks a deployment as done.
    pub fn activate(&self, deployment: &mut Deployment, deploy_id: &str) -> Result<(), StoreError> {
        for lease in &mut deployment.leases {
            lease.deploy_id = Some(deploy_id.to_owned());
            lease.state = State::Active;
            lease.since = now();
            self.write(lease)?;
        }
        Ok(())
    }

    /// Writes what has changed in a lease of a deployment that is ours.
    pub fn update(&self, lease: &Lease) -> Result<(), StoreError> {
        self.write(lease)
    }

    /// Takes all leases of a deployment back. The VFs must be as they were. Those of an unfinished one stand again: its VM may
    /// still start.
    fn revoke(
        &self,
        deployment: &Deployment,
        stale: &[(Option<StaleLease>, Option<SystemTime>)],
    ) -> Result<(), StoreError> {
        for (lease, (stale, unfinished)) in deployment.leases.iter().zip(stale) {
            let left = stale.as_ref().filter(|_| unfinished.is_some());
            if let Some(left) = left.and_then(|left| left.lease.as_ref()) {
                self.write_claim(left)?;
                self.write(left)?;
                self.write_guid(left)?;
            }
            self.remove(&lease.place(), lease.address, &deployment.id)?;
        }
        self.end(&deployment.id)
    }
}

impl Deployment {
    /// Which deployment it is.
    #[must_use]
    pub fn id(&self) -> &DeploymentId {
        &self.id
    }

    /// What a child inherits so that the deployment counts as worked on while it lives.
    #[must_use]
    pub fn token(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Lets go of a deployment that has failed. What it has is over at once, if it did not go on with an unfinished one: libvirtd
    /// may still bring that to an end, for the rest of its grace. Which grace counts is returned.
    #[must_use]
    pub fn fail(self, grace: Duration) -> Duration {
        match self.unfinished.map(|seen| self.file.set_modified(seen)) {
            None => Duration::ZERO,
            Some(Ok(())) => grace,
            Some(Err(error)) => {
                log::warn!(
                    "failed to record when deployment '{}' began: {error}",
                    self.id
                );
                grace
            }
        }
    }

    /// Shows that it is still worked on.
    pub fn show_life(&self) {
        // Whoever looks sees the lock first; this is for the grace after it.
        let _ = show_life(&self.file);
    }
}
