//! Allocates VFs that OpenNebula has chosen, unless they are in use.

use hwaddr::MacAddress;

use super::allocator::{AllocateError, Allocation, Allocator};
use super::availability::Availability;
use super::sweep::Sweep;
use crate::pool::Vf;

impl Allocator<'_> {
    /// Allocates this VF for the NIC with this MAC.
    pub(super) fn exactly(
        &self,
        vf: &Vf,
        mac: MacAddress,
        sweep: &Sweep,
    ) -> Result<Allocation, AllocateError> {
        let taken = |holder: String| AllocateError::Taken {
            vf: vf.address,
            mac,
            holder,
        };
        match holder(self.availability(vf.address, sweep)?) {
            Some(holder) => Err(taken(holder)),
            None => self
                .free(vf.clone(), sweep)?
                .ok_or_else(|| taken("another port of its card still has to restore it".into())),
        }
    }
}

/// Returns what prevents a VF from being used by the VM that OpenNebula has chosen it for.
fn holder(availability: Availability) -> Option<String> {
    match availability {
        // The host stops using the VF's network device when libvirt unbinds the VF.
        Availability::Free
        | Availability::Stale(_)
        | Availability::Host(_)
        | Availability::NoNetdev(_)
        | Availability::PciProbe(_)
        | Availability::Failed(_) => None,
        Availability::Leased(vm) => Some(format!("VM {vm} has it")),
        Availability::BeingReleased(vm) => Some(format!(
            "libvirt has not released it yet after the end of VM {vm}"
        )),
        Availability::Corrupt => Some("its lease is corrupt; see 'one-sriov doctor'".into()),
        Availability::Domain(name) => Some(format!("domain '{name}' has it")),
        Availability::Absent => Some("this host has no such device".into()),
    }
}
