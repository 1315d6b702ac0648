//! Plugs VFs into a running domain.

use hwaddr::PciAddress;

use super::ActionError;
use super::deploy::{self, Work};
use crate::domain::HostDevice;
use crate::lease::{Lease, VfRequest};
use crate::libvirt::Libvirt;
use crate::opennebula::Report;
use crate::unplug::{holds, unplug};

/// Plugs VFs into one domain.
pub(super) struct Plug<'a> {
    pub(super) work: &'a Work<'a>,
    pub(super) libvirt: Libvirt,
    /// The name or UUID of the domain.
    pub(super) domain: &'a str,
}

impl Plug<'_> {
    /// Plugs in the VF of a lease.
    ///
    /// # Errors
    /// Those of [`Self::plug_in_as`].
    pub(super) fn plug_in(
        &self,
        lease: &mut Lease,
        request: &VfRequest,
    ) -> Result<(), ActionError> {
        let device = deploy::host_device(lease, request)?;
        self.plug_in_as(lease, &device, None)
    }

    /// Binds the VF of a lease to `vfio-pci` and attaches it as `device`, at the guest address `guest` if one is given.
    ///
    /// # Errors
    /// libvirt refuses, or the domain does not list the VF afterwards.
    pub(super) fn plug_in_as(
        &self,
        lease: &mut Lease,
        device: &HostDevice,
        guest: Option<PciAddress>,
    ) -> Result<(), ActionError> {
        let Work { host, store, .. } = self.work;
        lease.is_bound = true;
        store.update(lease)?;
        self.libvirt.bind(lease.address)?;
        self.attach(lease, &device.element(guest))
            .inspect_err(|error| {
                self.work.note_failure(lease.address, &error.to_string());
            })?;
        self.work.forget_failure(lease.address);
        if holds(host, lease)? {
            return Ok(());
        }
        Err(ActionError::NotAttached {
            mac: lease.mac,
            vf: lease.place().to_string(),
        })
    }

    /// Attaches a device that belongs to the NIC of a lease.
    pub(super) fn attach(&self, lease: &Lease, element: &str) -> Result<(), ActionError> {
        let attached = self.libvirt.attach(self.domain, element);
        attached.map_err(|cause| ActionError::Attach {
            mac: lease.mac,
            cause,
        })
    }

    /// Unplugs the VFs that were plugged in before a failure. The next sweep finds any that stay.
    pub(super) fn unplug_all(&self, leases: &[Lease], report: &mut Report) {
        for lease in leases.iter().filter(|lease| lease.is_bound) {
            if let Err(error) = unplug(self.work.host, self.domain, lease) {
                report.note(&error.to_string());
            }
        }
    }
}
