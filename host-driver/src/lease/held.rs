//! Deployments that are in our hands while their VM runs.

use std::fs::File;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Duration;

use super::error::StoreError;
use super::lock::Guard;
use super::record::{Lease, State};
use crate::opennebula::VmId;

/// A deployment that nobody else works on: its leases are good as long as this is held, whatever its domain has.
#[derive(Debug)]
pub struct HeldDeployment {
    /// The kernel's lock on the deployment.
    file: File,
    /// Its leases.
    pub leases: Vec<Lease>,
}

impl HeldDeployment {
    /// What keeps the deployment in our hands as long as any process has it open.
    #[must_use]
    pub fn token(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Guard<'_> {
    /// The deployments of a VM that nobody else works on.
    ///
    /// # Errors
    /// The lease directory cannot be read.
    pub fn hold_all(&self, vm: VmId) -> Result<Vec<HeldDeployment>, StoreError> {
        self.hold_those(Some(vm), Duration::ZERO, |_| true)
    }

    /// The attachments of a VM, or of all VMs, that were not finished and last worked on longer ago than `grace`: their
    /// driver was killed, and the front-end has heard of no success.
    ///
    /// # Errors
    /// The lease directory cannot be read.
    pub fn abandoned(
        &self,
        vm: Option<VmId>,
        grace: Duration,
    ) -> Result<Vec<HeldDeployment>, StoreError> {
        self.hold_those(vm, grace, |lease| {
            lease.is_bound && lease.state == State::Deploying
        })
    }

    fn hold_those(
        &self,
        vm: Option<VmId>,
        grace: Duration,
        is_wanted: impl Fn(&Lease) -> bool,
    ) -> Result<Vec<HeldDeployment>, StoreError> {
        let mut held = Vec::new();
        for id in self.deployments(vm)? {
            let mut leases = self.leases_of(id.vm())?;
            leases.retain(|lease| lease.deployment == id && is_wanted(lease));
            if leases.is_empty() {
                continue;
            }
            if let Some(file) = self.hold(&id)?
                && self.idle(&id, &file)? >= grace
            {
                held.push(HeldDeployment { file, leases });
            }
        }
        Ok(held)
    }
}
