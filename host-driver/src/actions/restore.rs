//! `restore`: a VM that was saved without its VFs runs again, and gets VFs of this host.
//!
//! ```text
//! restore <checkpoint> <host> <vm> <host>                 4.0, 4.2
//! restore <checkpoint> <host> <deploy id> <vm> <host>     from 4.4 on
//! ```
//!
//! The VFs are leased and prepared before the checkpoint is touched, and plugged in when the VM runs. From then on the action
//! succeeds: a VM is not lost for a VF.

use std::path::Path;

use one_sriov_system::Delegation;

use super::deploy::{self, HEARTBEAT, Work};
use super::finish::{take_back, tell};
use super::plug::Plug;
use super::stock::{outcome, pass_on, program, run_stock};
use super::{ActionError, Context, refuse, saved_nic};
use crate::domain::Domain;
use crate::dummy_bridge;
use crate::host::Host;
use crate::lease::{Deployment, Lease, VfRequest};
use crate::opennebula::{Report, VmId};
use crate::saved::{SavedNic, SavedNics};

pub(super) fn run(context: &Context<'_>, report: &mut Report) -> Result<(), ActionError> {
    let arguments = context.arguments;
    let (Some(vm), Some(checkpoint)) = (arguments.vm(), arguments.get(0).map(Path::new)) else {
        return run_stock(context, None, report);
    };
    if !checkpoint.is_absolute() {
        return refuse::run(context, "restore", report);
    }
    let saved = SavedNics::beside(&Host::root_dir(), checkpoint)?;
    let Some(nics) = saved.read()? else {
        return refuse::run(context, "restore", report);
    };
    let host = context.host()?;
    if host.libvirt().running()?.runs(vm) {
        // It sleeps (`pmsuspended`), and has what it had.
        return run_stock(context, None, report);
    }
    let stdin = context.stdin_document()?;
    let mut is_open_vswitch = false;
    let mut document = Context::vm_document(stdin.as_ref())?;
    let mut nics: Vec<SavedNic> = nics;
    if let Some(document) = &document {
        // One that was detached meanwhile.
        nics.retain(|nic| document.has_nic(nic.mac));
        is_open_vswitch = document.has_open_vswitch();
    }
    let document = document.get_or_insert_default();
    let requests = nics
        .iter()
        .map(|nic| saved_nic::request(&host, nic, document));
    let requests = requests.collect::<Result<Vec<_>, _>>()?;
    let bridge = &host.config.dummy_bridge;
    if nics.iter().any(|nic| nic.has_dummy) {
        dummy_bridge::ensure(&host.root, bridge, is_open_vswitch).map_err(|what| {
            ActionError::DummyBridge {
                bridge: bridge.clone(),
                what,
            }
        })?;
    }
    let store = host.leases()?;
    // The domain is in the checkpoint.
    let domain = Domain::read(b"<domain/>")?;
    let granted = deploy::grant(context, &host, &store, vm, &domain, &requests)?;
    let mut deployment = granted.deployment;
    let monitoring = granted.monitoring.as_ref();
    let work = Work {
        context,
        host: &host,
        store: &store,
        requests: &requests,
        known: &granted.known,
        monitoring,
    };
    store.note_unplugged(vm, checkpoint)?;
    let restored = prepare(&work, &mut deployment, report).and_then(|()| {
        let stdin = stdin.as_ref().map(super::input::document).transpose()?;
        let done = program(context).delegate(Delegation {
            stdin,
            keep: &[deployment.token()],
            every: HEARTBEAT,
            tick: &mut || deployment.show_life(),
        });
        let done = done.map_err(|cause| ActionError::Stock {
            action: context.action.to_owned(),
            cause,
        })?;
        if let Err(error) = pass_on(&done.stdout) {
            report.note(&format!(
                "failed to print what 'restore' has printed: {error}"
            ));
        }
        outcome(context, &done, report)
    });
    if let Err(error) = restored {
        // The VM may run all the same: then the next look plugs its VFs in.
        work.undo(deployment);
        return Err(error);
    }
    let missing = plug_in(&work, vm, &mut deployment, &nics, report);
    if let Err(error) = store.activate(&mut deployment, &vm.domain()) {
        report.note(&error.to_string());
    }
    let is_whole = missing.is_empty();
    saved_nic::note_missing(&store, vm, &saved, missing, report);
    drop(deployment);
    if !is_whole {
        let returns = take_back(context, &host, &store, vm, std::time::Duration::ZERO);
        tell(context, returns, monitoring, report);
    }
    Ok(())
}

fn prepare(
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

/// Plugs the VFs into the VM that runs again, in the order in which they were taken out. Gives back the NICs that have none.
fn plug_in(
    work: &Work<'_>,
    vm: VmId,
    deployment: &mut Deployment,
    nics: &[SavedNic],
    report: &mut Report,
) -> Vec<SavedNic> {
    let domain = vm.domain();
    let plug = Plug {
        work,
        libvirt: work.host.libvirt(),
        domain: &domain,
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
    missing
}

/// At the same place in the guest, where its device keeps its name, or else at any.
pub(super) fn plug_in_one(
    plug: &Plug<'_>,
    lease: &mut Lease,
    request: &VfRequest,
    nic: &SavedNic,
) -> Result<(), ActionError> {
    match plug.plug_in(lease, request, nic.guest) {
        Err(ActionError::Attach { .. }) if nic.guest.is_some() => {
            plug.plug_in(lease, request, None)
        }
        plugged => plugged,
    }
}
