//! Detaches an SR-IOV NIC (`detach_nic`): a running VM loses a VF and its dummy NIC.
//!
//! The lease names the VF. If the guest keeps the VF, the action fails and the lease stays. The dummy NIC is removed when the
//! lease is released, which may be later than this action.

use super::finish::{release_unused, tell};
use super::{ActionCall, ActionError};
use crate::host::Host;
use crate::lease::{Lease, Store};
use crate::opennebula::{MonitoringClient, Report};
use crate::unplug::unplug;

/// Detaches the NIC of a lease.
pub(super) fn detach(
    call: &ActionCall<'_>,
    host: &Host,
    store: &Store,
    lease: &Lease,
    report: &mut Report,
) -> Result<(), ActionError> {
    let monitoring = MonitoringClient::find(&host.root);
    let domain = call.arguments.text(0).ok_or(ActionError::NoVm)?;
    let mac = lease.mac;
    unplug(host, domain, lease).map_err(|cause| ActionError::Detach { mac, cause })?;
    let released = release_unused(call, host, store, lease.vm, host.config.lease_grace);
    tell(call, released, monitoring.as_ref(), report);
    Ok(())
}
