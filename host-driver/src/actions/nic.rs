//! NICs of running VMs.
//!
//! ```text
//! attach_nic <deploy id> <mac> <bridge> <model> ... <vm> <host>
//! detach_nic <deploy id> <mac> <vm> <host>
//! ```

use hwaddr::MacAddress;

use super::finish::{take_back, tell};
use super::stock::{delegate, run_stock};
use super::{ActionError, Context, plug, requested, unplug};
use crate::host::Host;
use crate::lease::{Lease, Store, VfIdentity};
use crate::opennebula::{MonitoringClient, Report, VmId};

/// Attaches a NIC: with a VF if its bridge asks for one, else by the stock action.
pub(super) fn attach(context: &Context<'_>, report: &mut Report) -> Result<(), ActionError> {
    const BRIDGE: usize = 2;
    if let Some(bridge) = context.arguments.text(BRIDGE)
        && bridge.starts_with(crate::pool_name::PoolName::BRIDGE_PREFIX)
    {
        let host = context.host()?;
        if let Some(pool) = requested(&host, bridge)? {
            return plug::attach(context, &host, bridge, pool, report);
        }
    }
    run_stock(context, report)
}

/// Detaches a NIC: with its VF if a lease of the VM names it, else by the stock action, as one that OpenNebula has chosen.
pub(super) fn detach(context: &Context<'_>, report: &mut Report) -> Result<(), ActionError> {
    const MAC: usize = 1;
    let arguments = context.arguments;
    if let (Some(vm), Some(text)) = (arguments.vm(), arguments.text(MAC))
        && let Ok(mac) = text.parse::<MacAddress>()
        && let Some((host, store)) = context.leases_if_legible()
    {
        let is_it = |lease: &Lease| lease.mac == mac || lease.dummy_mac == Some(mac);
        let mut leases = store.leases_of(vm)?;
        leases.retain(is_it);
        match leases.as_slice() {
            [] => {}
            [lease] if lease.identity == VfIdentity::Native => {
                return detach_native(context, &host, &store, vm, report);
            }
            [lease] => return unplug::detach(context, &host, &store, lease, report),
            // The front-end names the NIC by its MAC alone.
            _ => {
                let count = leases.len();
                return Err(ActionError::SameMac { mac, vm, count });
            }
        }
    }
    run_stock(context, report)
}

/// The stock action, and then the VF comes back, if libvirt does not say that the VM still holds it.
fn detach_native(
    context: &Context<'_>,
    host: &Host,
    store: &Store,
    vm: VmId,
    report: &mut Report,
) -> Result<(), ActionError> {
    let monitoring = MonitoringClient::find(&host.root);
    let result = delegate(context, report);
    let returns = take_back(context, host, store, vm, host.config.lease_grace);
    tell(context, returns, monitoring.as_ref(), report);
    result
}
