//! `save`: a VM with VFs is saved without them.
//!
//! ```text
//! save <deploy id> <checkpoint> <host> <vm> <host>
//! ```
//!
//! QEMU cannot save a VF. So the NICs are written to a file beside the checkpoint, the VFs are unplugged, and the stock action
//! follows, for PCI NICs, too. The dummy NICs are saved with the VM. On failure the VFs are plugged in again, at the same address
//! in the guest.

use std::path::Path;
use std::time::Duration;

use super::deploy::Work;
use super::finish::{release_unused, tell};
use super::plug::Plug;
use super::stock::{delegate_with, run_stock};
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
    let Some((host, store)) = call.leases_if_legible() else {
        return run_stock(call, None, report);
    };
    if store.deployments(Some(vm))?.is_empty() {
        return run_stock(call, None, report);
    }
    let held = hold(call, &host, &store, vm)?;
    let mut leases: Vec<Lease> = held.iter().flat_map(|held| held.leases.clone()).collect();
    // Equal NICs that OpenNebula has chosen the VFs of are told apart by their order.
    leases.sort_by_key(|lease| lease.position);
    if leases.is_empty() {
        return run_stock(call, None, report);
    }
    let stdin = call.stdin_document()?;
    let mut document = ActionCall::vm_document(stdin.as_ref())?.unwrap_or_default();
    let dump = host.libvirt().document(domain)?;
    let (nics, requests) = saved_nic::describe(&host, &leases, &dump, &mut document)?;
    let saved = SavedNics::beside(&host.root, Path::new(checkpoint))?;
    saved.write(nics.clone())?;
    store.note_unplugged(vm, Path::new(checkpoint))?;
    let work = Work::new(call, &host, &store, &requests);
    let plug = Plug {
        work: &work,
        libvirt: host.libvirt(),
        domain,
    };
    // A stock action that outlives this process still saves the VM: no other may plug anything in meanwhile.
    let tokens: Vec<_> = held.iter().map(HeldDeployment::token).collect();
    let unplugged = take_out(&host, domain, &leases);
    let failure = match unplugged {
        Ok(()) => match delegate_with(call, stdin.as_ref(), &tokens, report) {
            Ok(()) => {
                // It has stopped, so there is nothing to repair.
                if let Err(error) = store.forget_unplugged(vm) {
                    report.note(&error.to_string());
                }
                drop(held);
                let released = release_unused(call, &host, &store, vm, Duration::ZERO);
                tell(call, released, work.monitoring.as_ref(), report);
                return Ok(());
            }
            Err(failure) => failure,
        },
        Err(cause) => ActionError::Save { vm, cause },
    };
    let missing = put_in_again(&plug, leases, &nics, &requests, report);
    saved_nic::note_missing(&store, vm, &saved, missing, report);
    Err(failure)
}

/// Locks the deployments of the VM, and returns them with the leases that its domain holds. While they are locked the leases
/// are valid, whatever the domain has.
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

pub(super) fn take_out(host: &Host, domain: &str, leases: &[Lease]) -> Result<(), UnplugError> {
    leases
        .iter()
        .try_for_each(|lease| unplug(host, domain, lease))
}

/// Plugs in the VFs that are missing, and returns the NICs for which that failed.
fn put_in_again(
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
        let plugged = saved_nic::device(nic, lease, request)
            .and_then(|device| plug.plug_in_as(lease, &device, nic.guest));
        if let Err(error) = plugged {
            report.note(&saved_nic::lost(lease, &error));
            missing.push(nic.clone());
        }
    }
    missing
}
