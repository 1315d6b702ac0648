//! Saves a VM without its VFs (`save`).
//!
//! ```text
//! save <deploy id> <checkpoint> <host> <vm> <host>
//! ```
//!
//! QEMU cannot save a VF. So the NICs, including PCI NICs, are written to a file beside the checkpoint, and the VFs are unplugged
//! before the stock action runs. The dummy NICs are saved with the VM. On failure, the VFs are plugged in again, at the same
//! addresses in the guest.

use std::path::Path;
use std::time::Duration;

use super::deploy::Work;
use super::finish::{release_unused, tell};
use super::plug::Plug;
use super::stock::{delegate_or_fail, run_stock};
use super::{ActionCall, ActionError, saved_nic};
use crate::host::Host;
use crate::lease::{HeldDeployment, Lease, Store, VfRequest};
use crate::opennebula::{Report, VmId};
use crate::saved::{SavedNic, SavedNics};
use crate::unplug::{UnplugError, unplug};

pub(super) fn run(call: &ActionCall<'_>, report: &mut Report) -> Result<(), ActionError> {
    let arguments = call.arguments;
    let (Some(vm), Some(domain), Some(checkpoint)) =
        (arguments.vm(), arguments.text(0), arguments.get(1))
    else {
        return run_stock(call, None, report);
    };
    let Some((host, store)) = call.leases_if_readable() else {
        return run_stock(call, None, report);
    };
    let checkpoint = Path::new(checkpoint);
    if store.deployments(Some(vm))?.is_empty() && store.unplugged(vm)?.is_none() {
        if let Err(error) = forget_leftover(&host, vm, checkpoint) {
            report.note(&error.to_string());
        }
        return run_stock(call, None, report);
    }
    let held = hold(call, &host, &store, vm)?;
    let mut leases: Vec<Lease> = held.iter().flat_map(|held| held.leases.clone()).collect();
    // Identical PCI NICs are distinguished by their order.
    leases.sort_by_key(|lease| lease.position);
    let lacking = lacking(&host, &store, vm, &leases)?;
    if leases.is_empty() && lacking.is_empty() {
        return run_stock(call, None, report);
    }
    let stdin = call.stdin_document()?;
    let mut document = ActionCall::vm_document(stdin.as_ref())?.unwrap_or_default();
    let dump = host.libvirt().document(domain)?;
    let (nics, requests) = saved_nic::describe(&host, &leases, &dump, &mut document)?;
    let saved = SavedNics::beside(&host.root, checkpoint)?;
    let mut all = [nics.clone(), lacking.clone()].concat();
    all.sort_by_key(|nic| nic.position);
    saved.write(all)?;
    store.note_unplugged(vm, checkpoint)?;
    let work = Work::new(call, &host, &store, &requests);
    // A stock action that outlives this process still saves the VM: no other process may plug anything in meanwhile.
    let tokens: Vec<_> = held.iter().map(HeldDeployment::token).collect();
    let done = unplug_all(&host, domain, &leases)
        .map_err(|cause| ActionError::Save { vm, cause })
        .and_then(|()| delegate_or_fail(call, stdin.as_ref(), &tokens, &mut || {}, report));
    // The guest may have powered itself off meanwhile.
    if done.is_ok() || host.libvirt().running().is_ok_and(|found| !found.runs(vm)) {
        // It has stopped, so there is nothing to repair.
        if let Err(error) = store.forget_unplugged(vm) {
            report.note(&error.to_string());
        }
        drop(held);
        let released = release_unused(call, &host, &store, vm, Duration::ZERO);
        tell(call, released, work.monitoring.as_ref(), report);
        return done;
    }
    let plug = Plug {
        work: &work,
        libvirt: host.libvirt(),
        domain,
    };
    let mut missing = plug_in_again(&plug, leases, &nics, &requests, report);
    missing.extend(lacking);
    saved_nic::note_missing(&store, vm, &saved, missing, report);
    done
}

/// Returns the NICs whose VFs an earlier action unplugged, or could not plug in.
pub(super) fn lacking(
    host: &Host,
    store: &Store,
    vm: VmId,
    leases: &[Lease],
) -> Result<Vec<SavedNic>, ActionError> {
    let Some(checkpoint) = store.unplugged(vm)? else {
        return Ok(Vec::new());
    };
    let saved = SavedNics::beside(&host.root, &checkpoint)?;
    let mut nics = saved.read()?.unwrap_or_default();
    let has_vf = |nic: &SavedNic| leases.iter().any(|lease| lease.position == nic.position);
    nics.retain(|nic| !has_vf(nic));
    Ok(nics)
}

/// Removes the file left by an earlier attempt, if the VM has no SR-IOV NICs now.
fn forget_leftover(host: &Host, vm: VmId, checkpoint: &Path) -> Result<(), ActionError> {
    let saved = SavedNics::beside(&host.root, checkpoint)?;
    if saved.exists() && host.libvirt().running()?.runs(vm) {
        saved.remove()?;
    }
    Ok(())
}

/// Locks the deployments of the VM, and returns them with the leases of the VFs that its domain has. While they are locked, the
/// leases are valid even if the domain no longer has the VFs.
pub(super) fn hold(
    call: &ActionCall<'_>,
    host: &Host,
    store: &Store,
    vm: VmId,
) -> Result<Vec<HeldDeployment>, ActionError> {
    let guard = store.lock(host.config.lock_wait, &call.purpose(vm))?;
    let running = host.libvirt().running()?;
    let mut held = guard.hold_all(vm)?;
    for deployment in &mut held {
        deployment.leases.retain(|lease| {
            let holder = running.holder(lease.address);
            holder.is_some_and(|domain| domain.is(vm, lease.deploy_id.as_deref()))
        });
    }
    Ok(held)
}

pub(super) fn unplug_all(host: &Host, domain: &str, leases: &[Lease]) -> Result<(), UnplugError> {
    leases
        .iter()
        .try_for_each(|lease| unplug(host, domain, lease))
}

/// Sets up and plugs in the VFs that are missing, and returns the NICs for which that failed.
pub(super) fn plug_in_again(
    plug: &Plug<'_>,
    mut leases: Vec<Lease>,
    nics: &[SavedNic],
    requests: &[VfRequest],
    report: &mut Report,
) -> Vec<SavedNic> {
    let mut missing = Vec::new();
    for ((lease, nic), request) in leases.iter_mut().zip(nics).zip(requests) {
        match crate::unplug::holds(plug.work.host, lease) {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => report.note(&error.to_string()),
        }
        let plugged = plug.work.set_up(lease, request, report).and_then(|()| {
            let device = saved_nic::device(nic, lease, request)?;
            plug.plug_in_as(lease, &device, nic.guest)
        });
        if let Err(error) = plugged {
            report.note(&saved_nic::lost(lease, &error));
            missing.push(nic.clone());
        }
    }
    missing
}
