//! The NICs of a plan that files are written for.

use hwaddr::InterfaceName;

use crate::plan::model::{Child, NicConfig};
use crate::plan::{DummyNic, Outcome, Plan, PlannedNic};

/// A NIC to be configured, with its device.
pub(super) struct Configured<'a> {
    pub(super) nic: &'a PlannedNic,
    pub(super) config: &'a NicConfig,
    pub(super) device: &'a InterfaceName,
    /// The child that carries the addresses instead.
    pub(super) child: Option<(Child, InterfaceName)>,
}

impl Configured<'_> {
    /// The device that carries the addresses.
    pub(super) fn carrier(&self) -> &InterfaceName {
        self.child.as_ref().map_or(self.device, |(_, name)| name)
    }
}

/// Returns all NICs that are configured and have a device.
pub(super) fn configured(plan: &Plan) -> impl Iterator<Item = Configured<'_>> {
    plan.nics.iter().filter_map(|nic| {
        let (Outcome::Configure(config), Some(device)) = (&nic.outcome, &nic.device) else {
            return None;
        };
        let child = config.child();
        let name = child.and_then(|child| child.name(&device.name));
        Some(Configured {
            nic,
            config,
            device: &device.name,
            child: child.zip(name),
        })
    })
}

/// Returns the dummy NICs whose names are final.
pub(super) fn dummies(plan: &Plan) -> impl Iterator<Item = &DummyNic> {
    plan.dummies.iter().filter(|dummy| dummy.ready)
}
