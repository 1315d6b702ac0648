//! What became of an activation.

use hwaddr::InterfaceName;

use super::work::{ActivationWork, Job};

/// What became of the devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activation {
    /// The network stack has taken these over, or has let go of them.
    pub done: Vec<InterfaceName>,
    /// It has not, each for this reason.
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

    /// The same became of all of them.
    pub(super) fn all(work: &ActivationWork, result: &Result<(), String>) -> Self {
        let mut activation = Self::default();
        for job in &work.jobs {
            activation.tell(job, result.clone());
        }
        activation
    }
}
