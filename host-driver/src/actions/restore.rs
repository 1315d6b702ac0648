//! Restores a VM that was saved without its VFs (`restore`), and plugs in VFs of this host.
//!
//! ```text
//! restore <checkpoint> <host> <vm> <host>                 4.0, 4.2
//! restore <checkpoint> <host> <deploy id> <vm> <host>     since 4.4
//! ```
//!
//! A PCI NIC gets the VF named in the current document: after `stop`, the scheduler chooses again.
//!
//! The VFs are leased and prepared before the checkpoint is loaded, and plugged in when the VM runs. From then on the action
//! succeeds even if a VF is missing: a VM without a VF is better than no VM.

use std::path::Path;
use std::time::Duration;

use super::deploy::{self, Work};
use super::finish::{release_unused, tell};
use super::plug::Plug;
use super::refuse::{self, Refused};
use super::stock::{delegate_deployment, run_stock};
use super::{ActionCall, ActionError, ensure_dummy_bridge, saved_nic};
use crate::domain::Domain;
use crate::host::Host;
use crate::lease::{Deployment, Lease, VfRequest};
use crate::opennebula::Report;
use crate::saved::{SavedNic, SavedNics};

pub(super) fn run(call: &ActionCall<'_>, report: &mut Report) -> Result<(), ActionError> {
    let arguments = call.arguments;
    let (Some(vm), Some(checkpoint)) = (arguments.vm(), arguments.get(0).map(Path::new)) else {
        return run_stock(call, None, report);
    };
    if !checkpoint.is_absolute() {
        return refuse::run(call, Refused::Restore, report);
    }
    let saved = SavedNics::beside(&Host::root_dir(), checkpoint)?;
    let Some(nics) = saved.read()? else {
        return refuse::run(call, Refused::Restore, report);
    };
    let host = call.host()?;
    if host.libvirt().running()?.runs(vm) {
        // The VM is only asleep (`pmsuspended`), and still has its VFs.
        return run_stock(call, None, report);
    }
    let stdin = call.stdin_document()?;
    let document = ActionCall::vm_document(stdin.as_ref())?;
    let before = nics.clone();
    // NICs that were detached meanwhile get no VF.
    let nics = match &document {
        Some(document) => saved_nic::still_named(nics, document),
        None => nics,
    };
    if nics.is_empty() {
        saved.remove()?;
        return run_stock(call, stdin.as_ref(), report);
    }
    if nics != before
        && let Err(error) = saved.write(nics.clone())
    {
        // Only a repair is affected: it would request the previous VFs.
        report.note(&error.to_string());
    }
    let mut document = document.unwrap_or_default();
    if nics.iter().any(|nic| nic.has_dummy) {
        ensure_dummy_bridge(&host, document.has_open_vswitch())?;
    }
    let requests = nics
        .iter()
        .map(|nic| saved_nic::request(&host, nic, &mut document));
    let requests = requests.collect::<Result<Vec<_>, _>>()?;
    let store = host.leases()?;
    let text = saved_domain(&host, checkpoint);
    let domain = Domain::read(&text)?;
    let mut work = Work::new(call, &host, &store, &requests);
    let mut deployment = work.grant(vm, &domain)?;
    store.note_unplugged(vm, checkpoint)?;
    let restored = prepare(&work, &mut deployment, report)
        .and_then(|()| delegate_deployment(call, stdin.as_ref(), &deployment, report));
    if let Err(error) = restored {
        // The VM may be running nevertheless: then a later repair plugs its VFs in.
        work.undo(deployment);
        return Err(error);
    }
    plug_in_all(&work, &vm.domain(), deployment, &nics, &saved, report);
    Ok(())
}

/// Reads the domain in a checkpoint, for the NUMA nodes of its memory. If that fails (in some datastores the checkpoint is not a
/// file), the nodes are ignored.
fn saved_domain(host: &Host, checkpoint: &Path) -> Vec<u8> {
    let path = host.root.path(checkpoint).ok();
    let text = path.and_then(|path| host.libvirt().saved_document(&path).ok());
    let is_readable = |text: &Vec<u8>| Domain::read(text).is_ok();
    text.filter(is_readable)
        .unwrap_or_else(|| b"<domain/>".to_vec())
}

/// Sets up the VFs of a VM that does not run yet.
pub(super) fn prepare(
    work: &Work<'_>,
    deployment: &mut Deployment,
    report: &mut Report,
) -> Result<(), ActionError> {
    work.check_known(deployment)?;
    for (lease, request) in deployment.leases.iter_mut().zip(work.requests) {
        work.set_up(lease, request, report)
            .inspect_err(|error| work.note_refusal(lease.address, error))?;
    }
    Ok(())
}

/// Plugs the VFs into a running VM, in the order in which they were unplugged. If one fails, the VM keeps running without it,
/// and a later repair tries again.
pub(super) fn plug_in_all(
    work: &Work<'_>,
    domain: &str,
    mut deployment: Deployment,
    nics: &[SavedNic],
    saved: &SavedNics,
    report: &mut Report,
) {
    let Work { host, store, .. } = work;
    let vm = deployment.id().vm();
    let plug = Plug {
        work,
        libvirt: host.libvirt(),
        domain,
    };
    let mut missing = Vec::new();
    let parts = deployment.leases.iter_mut().zip(work.requests).zip(nics);
    for ((lease, request), nic) in parts {
        match plug_in_one(&plug, lease, request, nic) {
            Ok(()) => report.note(&deploy::got(lease)),
            Err(error) => {
                report.note(&saved_nic::lost(lease, &error));
                missing.push(nic.clone());
            }
        }
    }
    if let Err(error) = store.activate(&mut deployment, domain) {
        report.note(&error.to_string());
    }
    let is_whole = missing.is_empty();
    saved_nic::note_missing(store, vm, saved, missing, report);
    drop(deployment);
    if !is_whole {
        let released = release_unused(work.call, host, store, vm, Duration::ZERO);
        tell(work.call, released, work.monitoring.as_ref(), report);
    }
}

/// Plugs a VF in at its previous address in the guest, so that the device keeps its name. If that fails, uses any address.
pub(super) fn plug_in_one(
    plug: &Plug<'_>,
    lease: &mut Lease,
    request: &VfRequest,
    nic: &SavedNic,
) -> Result<(), ActionError> {
    let device = saved_nic::device(nic, lease, request)?;
    match plug.plug_in_as(lease, &device, nic.guest) {
        Err(ActionError::Attach { .. }) if nic.guest.is_some() => {
            plug.plug_in_as(lease, &device, None)
        }
        plugged => plugged,
    }
}
