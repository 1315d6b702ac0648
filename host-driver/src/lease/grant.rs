//! Writes the leases of a deployment, activates them, or gives them up.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, SystemTime};

use hwaddr::Guid;

use super::allocator::Allocation;
use super::error::StoreError;
use super::lock::Guard;
use super::record::{DeploymentId, FORMAT, Lease, OriginalState, State, VfIdentity};
use super::request::VfRequest;
use super::store::{Store, now, show_life, token};
use super::sweep::StaleLease;
use crate::opennebula::VmId;

/// How a VF is set up for its VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VfSetup {
    /// How the guest recognizes it.
    pub identity: VfIdentity,
    /// Its new GUID.
    pub guid: Option<Guid>,
    /// The state to restore: what a stale lease saved, or else what the kernel reports now.
    pub original: OriginalState,
}

/// The leases of one deployment, which stays locked as long as this lives.
#[derive(Debug)]
pub struct Deployment {
    id: DeploymentId,
    file: File,
    /// The leases, in the order of the requests.
    pub leases: Vec<Lease>,
    /// When a driver last worked on the unfinished deployment that this one resumes, if any.
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
                // A stale lease names the VF's original driver; the VF may still be bound to vfio-pci.
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
                // A later sweep removes what cannot be removed here.
                if let Err(error) = self.revoke(&deployment, &stale) {
                    log::warn!("{error}");
                }
                return Err(error);
            }
        }
        Ok(deployment)
    }

    /// Removes the stale lease of the VF if it is in another pool.
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
    /// Marks the leases of a deployment as active.
    pub fn activate(&self, deployment: &mut Deployment, deploy_id: &str) -> Result<(), StoreError> {
        for lease in &mut deployment.leases {
            lease.deploy_id = Some(deploy_id.to_owned());
            lease.state = State::Active;
            lease.since = now();
            self.write(lease)?;
        }
        Ok(())
    }

    /// Rewrites a lease of a deployment that this process has locked.
    pub fn update(&self, lease: &Lease) -> Result<(), StoreError> {
        self.write(lease)
    }

    /// Removes all leases of a deployment whose VFs have not been changed yet. Rewrites the leases of an unfinished deployment
    /// that they replaced, because its VM may still start.
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
    /// The ID of the deployment.
    #[must_use]
    pub fn id(&self) -> &DeploymentId {
        &self.id
    }

    /// Returns the file that a child inherits, so that the deployment counts as in progress while the child runs.
    #[must_use]
    pub fn token(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Unlocks a failed deployment and returns its grace period. That is zero, unless it resumed an unfinished one, which libvirtd
    /// may still complete.
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

    /// Shows that the deployment is still in progress.
    pub fn show_life(&self) {
        // An error only shortens the grace period after the lock is released.
        let _ = show_life(&self.file);
    }
}
