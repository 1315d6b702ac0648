//! System snapshots: a VM with VFs does not support them, and a revert removes VFs that were attached after the snapshot.
//!
//! ```text
//! snapshot_create <deploy id> <number> <vm> <host>
//! snapshot_revert <deploy id> <name> <vm> <host>
//! ```

use std::time::Duration;

use super::finish::{release_unused, tell};
use super::stock::{delegate, run_stock};
use super::{ActionCall, ActionError};
use crate::lease::Lease;
use crate::opennebula::{MonitoringClient, Report};
use crate::unplug::holds;

/// Runs the stock action, and reports each NIC that is not in the snapshot.
pub(super) fn revert(call: &ActionCall<'_>, report: &mut Report) -> Result<(), ActionError> {
    let leases = call
        .arguments
        .vm()
        .and_then(|vm| Some((vm, call.leases_if_readable()?)));
    let Some((vm, (host, store))) = leases else {
        return run_stock(call, None, report);
    };
    let before = store.leases_of(vm)?;
    if before.is_empty() {
        return run_stock(call, None, report);
    }
    let monitoring = MonitoringClient::find(&host.root);
    delegate(call, report)?;
    // The revert has succeeded: an error from here on is only reported.
    let lost = |lease: &&Lease| match holds(&host, lease) {
        Ok(holds) => !holds,
        Err(error) => {
            log::warn!("{error}");
            false
        }
    };
    let lost: Vec<&Lease> = before.iter().filter(lost).collect();
    for lease in &lost {
        report.note(&format!(
            "NIC '{}' is not in the snapshot: VM {vm} has lost VF '{}'; detach the NIC and attach it again",
            lease.mac,
            lease.place()
        ));
    }
    if !lost.is_empty() {
        let released = release_unused(call, &host, &store, vm, Duration::ZERO);
        tell(call, released, monitoring.as_ref(), report);
    }
    Ok(())
}
