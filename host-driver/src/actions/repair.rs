//! Plugs VFs into running VMs that lack them because the driver was killed while saving, restoring or migrating the VM, or
//! because plugging in a VF failed.

use std::ffi::OsString;

use super::deploy::{self, Work};
use super::finish::release_unused;
use super::plug::Plug;
use super::restore::plug_in_one;
use super::{ActionCall, ActionError, saved_nic};
use crate::domain::Domain;
use crate::host::Host;
use crate::lease::{Lease, State, Store, StoreError, VfRequest};
use crate::opennebula::{Arguments, Report, VmId};
use crate::saved::{SavedNic, SavedNics};

/// The result of a repair.
#[derive(Debug, Default)]
pub struct Repaired {
    /// The leases of the NICs that got a VF.
    pub plugged: Vec<Lease>,
    /// A message for each NIC that still has none.
    pub problems: Vec<String>,
}

/// The state in which a repair found a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It runs, and lacked VFs.
    Lacking,
    /// It runs, and lacks none.
    Whole,
    /// Another driver process is working on it.
    Busy,
    /// It does not run on this host.
    Stopped,
}

/// Why a VM could not be checked.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct RepairError(#[from] ActionError);

/// Plugs VFs into all running VMs that lack some, unless another driver process is working on them.
///
/// # Errors
/// The lease directory cannot be read.
pub fn repair(host: &Host, store: &Store) -> Result<Repaired, StoreError> {
    let mut repaired = Repaired::default();
    for vm in store.all_unplugged()? {
        if let Err(error) = repair_vm(host, store, vm, &mut repaired) {
            repaired.problems.push(error.to_string());
        }
    }
    Ok(repaired)
}

/// Plugs VFs into one VM that lacks some, unless another driver process is working on it.
///
/// # Errors
/// Leases or libvirt cannot be read.
pub fn repair_vm(
    host: &Host,
    store: &Store,
    vm: VmId,
    repaired: &mut Repaired,
) -> Result<Found, RepairError> {
    Ok(look(host, store, vm, repaired)?)
}

fn look(
    host: &Host,
    store: &Store,
    vm: VmId,
    repaired: &mut Repaired,
) -> Result<Found, ActionError> {
    let Some(checkpoint) = store.unplugged(vm)? else {
        let runs = host.libvirt().running()?.runs(vm);
        return Ok(if runs { Found::Whole } else { Found::Stopped });
    };
    let arguments = [OsString::from(&checkpoint)];
    let call = ActionCall {
        home: &host.home,
        action: "repair",
        arguments: Arguments(&arguments),
    };
    let purpose = call.purpose(vm);
    let (held, running) = {
        let guard = store.lock(host.config.lock_wait, &purpose)?;
        let held = guard.hold_all(vm)?;
        if guard.is_migrating(vm)? || held.len() < guard.deployments(Some(vm))?.len() {
            return Ok(Found::Busy);
        }
        (held, host.libvirt().running()?)
    };
    let Some(domain) = running.domain_of(vm, None) else {
        // It is saved, or was never restored, or has not arrived from another host yet.
        if !store.may_still_come(vm)? {
            store.forget_unplugged(vm)?;
        }
        return Ok(Found::Stopped);
    };
    if store.may_still_come(vm)? && host.libvirt().is_incoming(&domain.uuid)? {
        return Ok(Found::Busy);
    }
    let saved = SavedNics::beside(&host.root, &checkpoint)?;
    let mut nics = saved.read()?.unwrap_or_default();
    for lease in held.iter().flat_map(|held| &held.leases) {
        let holder = running.holder(lease.address);
        if holder.is_none_or(|holder| holder.uuid != domain.uuid) {
            continue;
        }
        let before = nics.len();
        nics.retain(|nic| nic.position != lease.position);
        if nics.len() < before && lease.state == State::Deploying {
            // The driver was killed after plugging in the VF. In state `deploying`, this would count as an incomplete attachment.
            let state = State::Active;
            store.update(&Lease {
                state,
                ..lease.clone()
            })?;
        }
    }
    drop(held);
    // A repair gets no document on stdin, so the network attributes come from the document of the last deployment.
    let mut document = deploy::vm_document(&call, &host.root)?;
    let mut missing = Vec::new();
    for nic in nics {
        let request = saved_nic::request(host, &nic, &mut document);
        let plugged = request
            .and_then(|request| plug_in(&call, host, store, vm, &domain.uuid, &nic, request));
        match plugged {
            Ok(lease) => repaired.plugged.push(lease),
            Err(error) => {
                let mac = nic.mac;
                let problem = format!("NIC '{mac}' of VM {vm} has no VF: {error}");
                repaired.problems.push(problem);
                missing.push(nic);
            }
        }
    }
    if missing.is_empty() {
        saved.remove()?;
        store.forget_unplugged(vm)?;
    } else {
        saved.write(missing)?;
    }
    Ok(Found::Lacking)
}

/// Leases and plugs in a VF for one NIC.
fn plug_in(
    call: &ActionCall<'_>,
    host: &Host,
    store: &Store,
    vm: VmId,
    uuid: &str,
    nic: &SavedNic,
    request: VfRequest,
) -> Result<Lease, ActionError> {
    let requests = [request];
    let text = host.libvirt().document(uuid)?;
    let domain = Domain::read(&text)?;
    let mut work = Work::new(call, host, store, &requests);
    let mut deployment = work.grant(vm, &domain)?;
    let plug = Plug {
        work: &work,
        libvirt: host.libvirt(),
        domain: uuid,
    };
    let mut report = Report::new(&host.home, call.action);
    let plugged = work.check_known(&deployment).and_then(|()| {
        let [lease] = deployment.leases.as_mut_slice() else {
            return Err(ActionError::NoVm);
        };
        work.set_up(lease, &requests[0], &mut report)?;
        plug_in_one(&plug, lease, &requests[0], nic)
    });
    if let Err(error) = plugged {
        plug.unplug_all(&deployment.leases, &mut report);
        work.undo(deployment);
        return Err(error);
    }
    let lease = deployment.leases[0].clone();
    store.activate(&mut deployment, uuid)?;
    drop(deployment);
    // Releases the VF that the killed driver had leased.
    release_unused(call, host, store, vm, host.config.lease_grace)?;
    Ok(lease)
}
