//! The result of an activation.

use hwaddr::InterfaceName;

use super::work::{ActivationWork, Job};

/// The result of an activation, per device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activation {
    /// Devices that the network stack has loaded or released.
    pub done: Vec<InterfaceName>,
    /// Devices that the network stack has not loaded or released, with the reason.
    pub failed: Vec<(InterfaceName, String)>,
}

impl Activation {
    pub(super) fn tell(&mut self, job: &Job, result: Result<(), String>) {
        match result {
            Ok(()) if job.is_dummy => {}
            Ok(()) => self.done.push(job.device.clone()),
            Err(reason) => self.failed.push((job.device.clone(), reason)),
        }
    }

    /// Returns the same result for all devices.
    pub(super) fn all(work: &ActivationWork, result: &Result<(), String>) -> Self {
        let mut activation = Self::default();
        for job in &work.jobs {
            activation.tell(job, result.clone());
        }
        activation
    }
}
