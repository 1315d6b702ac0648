//! NICs of running VMs.
//!
//! ```text
//! attach_nic <deploy id> <mac> <bridge> <model> ... <vm> <host>
//! detach_nic <deploy id> <mac> <vm> <host>
//! ```

use hwaddr::MacAddress;

use super::stock::run_stock;
use super::{ActionError, Context, requested};
use crate::lease::Store;
use crate::opennebula::Report;

/// Refuses an SR-IOV NIC by its bridge; what the VM holds does not matter.
pub(super) fn attach(context: &Context<'_>, report: &mut Report) -> Result<(), ActionError> {
    const BRIDGE: usize = 2;
    if let Some(bridge) = context.arguments.text(BRIDGE)
        && bridge.starts_with(crate::pool_name::PoolName::BRIDGE_PREFIX)
        && requested(&context.host()?, bridge)?.is_some()
    {
        return Err(ActionError::AttachSriov {
            bridge: bridge.to_owned(),
        });
    }
    run_stock(context, report)
}

/// Refuses a NIC that a lease of the VM names.
pub(super) fn detach(context: &Context<'_>, report: &mut Report) -> Result<(), ActionError> {
    const MAC: usize = 1;
    let arguments = context.arguments;
    if let (Some(vm), Some(text)) = (arguments.vm(), arguments.text(MAC))
        && let Ok(mac) = text.parse::<MacAddress>()
        && let Some((_, store)) = context.leases_if_legible()
        && is_leased(&store, vm, mac)?
    {
        return Err(ActionError::DetachSriov {
            mac: text.to_owned(),
        });
    }
    run_stock(context, report)
}

fn is_leased(
    store: &Store,
    vm: crate::opennebula::VmId,
    mac: MacAddress,
) -> Result<bool, ActionError> {
    let leases = store.leases_of(vm)?;
    Ok(leases
        .iter()
        .any(|lease| lease.mac == mac || lease.dummy_mac == Some(mac)))
}
