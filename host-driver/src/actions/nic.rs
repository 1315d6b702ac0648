//! Attaches and detaches NICs of running VMs.
//!
//! ```text
//! attach_nic <deploy id> <mac> <bridge> <model> ... <vm> <host>
//! detach_nic <deploy id> <mac> <vm> <host>
//! ```

use hwaddr::MacAddress;

use super::deploy::native::ACTIVATE_VF;
use super::finish::{release_unused, tell};
use super::stock::{delegate, run_stock};
use super::{ActionCall, ActionError, attach, attach_native, detach, input, requested, saved_nic};
use crate::host::Host;
use crate::lease::{Lease, Store, VfIdentity};
use crate::opennebula::{MonitoringClient, Report, VmId};
use crate::unplug::await_release;

/// Attaches a NIC: with a VF if its bridge requests one, otherwise with the stock action.
///
/// A PCI NIC may have such a bridge, too; only the document on stdin identifies it. stdin is read only if OpenNebula can attach
/// PCI NICs (since 6.6), because before 5.0 it never ends.
pub(super) fn attach(call: &ActionCall<'_>, report: &mut Report) -> Result<(), ActionError> {
    const BRIDGE: usize = 2;
    let has_pci_nics = call.home.join(ACTIVATE_VF).exists();
    let stdin = has_pci_nics.then(input::read).transpose()?;
    if let Some(stdin) = &stdin
        && let Some(nic) = attach_native::pci_nic(stdin)?
    {
        return attach_native::attach(call, nic, stdin, report);
    }
    if let Some(bridge) = call.arguments.text(BRIDGE)
        && bridge.starts_with(crate::pool_name::PoolName::BRIDGE_PREFIX)
    {
        let host = call.host()?;
        if let Some(pool) = requested(&host, bridge)? {
            return attach::attach(call, &host, bridge, pool, stdin.as_ref(), report);
        }
    }
    run_stock(call, stdin.as_ref(), report)
}

/// Detaches a NIC: with its VF if a lease of the VM names the NIC, otherwise with the stock action.
pub(super) fn detach(call: &ActionCall<'_>, report: &mut Report) -> Result<(), ActionError> {
    const MAC: usize = 1;
    let arguments = call.arguments;
    if let (Some(vm), Some(text)) = (arguments.vm(), arguments.text(MAC))
        && let Ok(mac) = text.parse::<MacAddress>()
        && let Some((host, store)) = call.leases_if_readable()
    {
        let is_it = |lease: &Lease| lease.mac == mac || lease.dummy_mac == Some(mac);
        let mut leases = store.leases_of(vm)?;
        leases.retain(is_it);
        match leases.as_slice() {
            [] => return detach_without_vf(call, &host, &store, vm, mac, report),
            // Without a GUID, the driver has not set anything, and the stock action detaches the NIC.
            [lease] if lease.identity == VfIdentity::Native && lease.guid.is_none() => {
                return detach_native(call, &host, &store, lease, report);
            }
            [lease] => return detach::detach(call, &host, &store, lease, report),
            // The front-end identifies the NIC only by its MAC.
            _ => {
                let count = leases.len();
                return Err(ActionError::SameMac { mac, vm, count });
            }
        }
    }
    run_stock(call, None, report)
}

/// Detaches a NIC without a lease. An SR-IOV NIC that has lost its VF only needs to be forgotten, with its dummy NIC.
fn detach_without_vf(
    call: &ActionCall<'_>,
    host: &Host,
    store: &Store,
    vm: VmId,
    mac: MacAddress,
    report: &mut Report,
) -> Result<(), ActionError> {
    let mut awaited = saved_nic::awaited(host, store, vm)?.into_iter();
    if awaited.any(|nic| nic.mac == mac) {
        report.note(&format!("NIC '{mac}' has no VF"));
        return saved_nic::forget(host, store, vm, mac);
    }
    let stdin = call.stdin_document()?;
    // An unreadable document must not prevent a NIC of another kind from being detached: the stock action decides.
    let is_sriov = ActionCall::vm_document(stdin.as_ref()).and_then(|document| {
        let document = document.unwrap_or_default();
        let bridge = document.attached_bridge(mac);
        Ok(match bridge {
            Some(bridge) => requested(host, bridge)?.is_some(),
            None => false,
        })
    });
    match is_sriov {
        Ok(true) => {
            report.note(&format!("NIC '{mac}' has no VF"));
            return Ok(());
        }
        Ok(false) => {}
        Err(error) => log::warn!("{}: {error}", call.action),
    }
    run_stock(call, stdin.as_ref(), report)
}

/// Runs the stock action, then releases the VF.
///
/// libvirt may report success although the guest keeps the VF. The action then fails; otherwise OpenNebula would assign the VF to
/// the next VM.
fn detach_native(
    call: &ActionCall<'_>,
    host: &Host,
    store: &Store,
    lease: &Lease,
    report: &mut Report,
) -> Result<(), ActionError> {
    let monitoring = MonitoringClient::find(&host.root);
    let result = delegate(call, report).and_then(|()| {
        let mac = lease.mac;
        await_release(host, lease).map_err(|cause| ActionError::Detach { mac, cause })
    });
    let released = release_unused(call, host, store, lease.vm, host.config.lease_grace);
    tell(call, released, monitoring.as_ref(), report);
    result
}
