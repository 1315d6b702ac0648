//! `detach_nic` of an SR-IOV NIC: a running VM loses a VF and its dummy NIC.
//!
//! The lease says which VF it is. Where the guest keeps it, the action fails and the lease stays. The dummy NIC goes when the
//! lease is released, so that it goes as well where the guest releases the VF later.

use super::finish::{release_unused, tell};
use super::{ActionError, Context};
use crate::host::Host;
use crate::lease::{Lease, Store};
use crate::opennebula::{MonitoringClient, Report};
use crate::unplug::unplug;

/// Detaches the NIC of a lease.
pub(super) fn detach(
    context: &Context<'_>,
    host: &Host,
    store: &Store,
    lease: &Lease,
    report: &mut Report,
) -> Result<(), ActionError> {
    let monitoring = MonitoringClient::find(&host.root);
    let domain = context.arguments.text(0).ok_or(ActionError::NoVm)?;
    let mac = lease.mac;
    unplug(host, domain, lease).map_err(|cause| ActionError::Detach { mac, cause })?;
    let released = release_unused(context, host, store, lease.vm, host.config.lease_grace);
    tell(context, released, monitoring.as_ref(), report);
    Ok(())
}
