//! Stops a VM (`shutdown` and `cancel`), and releases its VFs.
//!
//! The stock action runs first. If the VM still runs or libvirt does not answer, the VFs stay leased until a later sweep.

use std::time::Duration;

use super::stock::{become_stock, delegate};
use super::{ActionCall, ActionError};
use crate::host::Host;
use crate::lease::Store;
use crate::opennebula::{MonitoringClient, Report, VmId};
use crate::release::{ReleaseReport, release};

pub(super) fn run(call: &ActionCall<'_>, report: &mut Report) -> Result<(), ActionError> {
    // A VM must be stoppable whatever is wrong with its leases.
    let leases = call.arguments.vm().map(|vm| (vm, leases(call, vm)));
    let (vm, host, store) = match leases {
        None | Some((_, Ok(None))) => return Err(become_stock(call, None)),
        Some((vm, Ok(Some((host, store))))) => (vm, host, store),
        Some((_, Err(error))) => {
            log::error!("{}: {error}", call.action);
            report.note(&error.to_string());
            return delegate(call, report);
        }
    };
    let monitoring = MonitoringClient::find(&host.root);
    let result = delegate(call, report);
    // No grace period: a VM that is being stopped has no deployment worth waiting for.
    let released = release_unused(call, &host, &store, vm, Duration::ZERO);
    tell(call, released, monitoring.as_ref(), report);
    result
}

/// Reports released VFs in the VM's log, and refreshes the monitoring data.
pub(super) fn tell(
    call: &ActionCall<'_>,
    released: Result<ReleaseReport, ActionError>,
    monitoring: Option<&MonitoringClient>,
    report: &mut Report,
) {
    match released {
        Ok(done) => {
            if !done.released.is_empty() {
                MonitoringClient::refresh(monitoring);
            }
            let released = done.released.iter().map(|vf| format!("{vf} is free"));
            let kept = done.kept.iter().map(ToString::to_string);
            released.chain(kept).for_each(|note| report.note(&note));
        }
        // This does not fail the action: the next sweep finds the leases.
        Err(error) => {
            log::error!("{}: {error}", call.action);
            report.note(&error.to_string());
        }
    }
}

fn leases(call: &ActionCall<'_>, vm: VmId) -> Result<Option<(Host, Store)>, ActionError> {
    let host = call.host()?;
    let Some(store) = host.leases_if_any()? else {
        return Ok(None);
    };
    let has_none = store.deployments(Some(vm))?.is_empty();
    Ok((!has_none).then_some((host, store)))
}

/// Releases the VFs that a VM no longer holds.
pub(super) fn release_unused(
    call: &ActionCall<'_>,
    host: &Host,
    store: &Store,
    vm: VmId,
    grace: Duration,
) -> Result<ReleaseReport, ActionError> {
    let config = &host.config;
    let reclaims = {
        let guard = store.lock(config.lock_wait, &call.purpose(vm))?;
        let running = host.libvirt().running()?;
        let mut sweep = guard.sweep_vm(vm, &running, grace)?;
        sweep.confirm(|| host.libvirt().running())?;
        sweep.reclaims
    };
    let report = release(&host.root, config, store, reclaims, config.release_wait)?;
    report.log();
    Ok(report)
}
