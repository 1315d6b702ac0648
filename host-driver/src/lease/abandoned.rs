//! NICs that were being attached when their driver was killed.

use std::fs::File;
use std::time::Duration;

use super::error::StoreError;
use super::lock::Guard;
use super::record::{Lease, State};
use crate::opennebula::VmId;

/// An attachment that nobody works on any more.
#[derive(Debug)]
pub struct Abandoned {
    /// The kernel's lock on the deployment.
    _file: File,
    /// Its lease. The domain may hold the VF: the front-end has heard of no success.
    pub lease: Lease,
}

impl Guard<'_> {
    /// The unfinished attachments of a VM, or of all VMs, that were last worked on longer ago than `grace`.
    ///
    /// # Errors
    /// The lease directory cannot be read.
    pub fn abandoned(
        &self,
        vm: Option<VmId>,
        grace: Duration,
    ) -> Result<Vec<Abandoned>, StoreError> {
        let mut abandoned = Vec::new();
        for id in self.deployments(vm)? {
            let mut leases = self.leases_of(id.vm())?;
            leases.retain(|lease| {
                lease.deployment == id && lease.is_bound && lease.state == State::Deploying
            });
            let [lease] = leases.as_slice() else {
                continue;
            };
            if let Some(file) = self.hold(&id)?
                && self.idle(&id, &file)? >= grace
            {
                abandoned.push(Abandoned {
                    _file: file,
                    lease: lease.clone(),
                });
            }
        }
        Ok(abandoned)
    }
}
