//! Deployments of running VMs that this process has locked.

use std::fs::File;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Duration;

use super::error::StoreError;
use super::lock::Guard;
use super::record::{Lease, State};
use crate::opennebula::VmId;

/// A locked deployment. While it is locked, its leases are valid even if its domain does not have the VFs.
#[derive(Debug)]
pub struct HeldDeployment {
    /// The locked file of the deployment.
    file: File,
    /// Its leases.
    pub leases: Vec<Lease>,
}

impl HeldDeployment {
    /// Returns the file that keeps the deployment locked as long as any process has it open.
    #[must_use]
    pub fn token(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Guard<'_> {
    /// Locks the deployments of a VM that no other process has locked.
    ///
    /// # Errors
    /// The lease directory cannot be read.
    pub fn hold_all(&self, vm: VmId) -> Result<Vec<HeldDeployment>, StoreError> {
        self.hold_those(Some(vm), Duration::ZERO, |_| true)
    }

    /// Locks the attachments to a VM, or to all VMs, that no driver has worked on for `grace`: their driver was killed before it
    /// reported success.
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
