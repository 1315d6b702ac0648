//! Writing the leases of a deployment, and what becomes of them.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use hwaddr::Guid;

use super::choose::{Choice, Wish};
use super::error::StoreError;
use super::lock::Guard;
use super::record::{DeploymentId, FORMAT, Former, Lease, State, Transport, VmId};
use super::store::{Store, now, show_life, token};
use super::sweep::Ended;

/// How a VF will come into its VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The way.
    pub transport: Transport,
    /// The GUID it gets.
    pub guid: Option<Guid>,
    /// How it was: what a lease that ended saved goes before what the kernel says now.
    pub former: Former,
}

/// The leases of one deployment, ours for as long as this lives.
#[derive(Debug)]
pub struct Deployment {
    id: DeploymentId,
    file: File,
    /// The leases, in the order of the wishes.
    pub leases: Vec<Lease>,
}

impl Guard<'_> {
    /// Writes the leases of a VM, all or none.
    pub fn grant(
        &self,
        vm: VmId,
        deploy_id: Option<&str>,
        granted: Vec<(&Wish, Choice, Terms)>,
    ) -> Result<Deployment, StoreError> {
        let id = DeploymentId::new(vm, token());
        let ended: Vec<_> = granted
            .iter()
            .map(|(_, choice, _)| choice.ended.clone())
            .collect();
        let leases: Vec<Lease> = granted
            .into_iter()
            .map(|(wish, choice, terms)| Lease {
                format: FORMAT,
                vm,
                deployment: id.clone(),
                deploy_id: deploy_id.map(str::to_owned),
                pool: wish.pool.clone(),
                index: choice.vf.index,
                address: choice.vf.address,
                pf: choice.vf.pf.netdev,
                vf: choice.vf.number,
                // What a domain that has gone left it bound to was not its own choice.
                driver: match &choice.ended {
                    Some(ended) => ended.lease.as_ref().and_then(|lease| lease.driver.clone()),
                    None => choice.driver,
                },
                position: wish.dummy.position(),
                mac: wish.mac,
                dummy_mac: (terms.transport != Transport::Mac).then(|| wish.dummy.mac()),
                transport: terms.transport,
                guid: terms.guid,
                former: terms.former,
                state: State::Deploying,
                since: now(),
                boot_id: self.boot_id().to_owned(),
            })
            .collect();
        let listing = leases.iter().map(|lease| (lease.place(), lease.address));
        let file = self.begin(&id, &listing.collect())?;
        let deployment = Deployment { id, file, leases };
        for (lease, ended) in deployment.leases.iter().zip(ended) {
            let written = self
                .write_claim(lease)
                .and_then(|()| self.write(lease))
                .and_then(|()| self.write_guid(lease))
                .and_then(|()| self.clear(ended, lease));
            if let Err(error) = written {
                // What could not be removed either is swept up later.
                let _ = self.revoke(&deployment);
                return Err(error);
            }
        }
        Ok(deployment)
    }

    /// Removes the lease that the new one follows, if that was of another pool with the same VF.
    fn clear(&self, ended: Option<Ended>, lease: &Lease) -> Result<(), StoreError> {
        match ended.and_then(|ended| ended.lease) {
            Some(former) if former.place() != lease.place() => {
                self.remove(&former.place(), former.address, &former.deployment)
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

    /// Takes all leases of a deployment back. The VFs must be as they were.
    fn revoke(&self, deployment: &Deployment) -> Result<(), StoreError> {
        for lease in &deployment.leases {
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

    /// Shows that it is still worked on.
    pub fn show_life(&self) {
        // Whoever looks sees the lock first; this is for the grace after it.
        let _ = show_life(&self.file);
    }
}
