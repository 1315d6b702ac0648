//! NICs of running VMs.
//!
//! ```text
//! attach_nic <deploy id> <mac> <bridge> <model> ... <vm> <host>
//! detach_nic <deploy id> <mac> <vm> <host>
//! ```

use hwaddr::MacAddress;

use super::finish::{take_back, tell};
use super::stock::{delegate, run_stock};
use super::{ActionError, Context, requested};
use crate::host::Host;
use crate::lease::{Lease, Store, VfIdentity};
use crate::opennebula::{MonitoringClient, Report, VmId};

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

/// Refuses a NIC that a lease of the VM names; one that OpenNebula has chosen goes by the stock action.
pub(super) fn detach(context: &Context<'_>, report: &mut Report) -> Result<(), ActionError> {
    const MAC: usize = 1;
    let arguments = context.arguments;
    if let (Some(vm), Some(text)) = (arguments.vm(), arguments.text(MAC))
        && let Ok(mac) = text.parse::<MacAddress>()
        && let Some((host, store)) = context.leases_if_legible()
    {
        let is_it = |lease: &Lease| lease.mac == mac || lease.dummy_mac == Some(mac);
        let lease = store.leases_of(vm)?.into_iter().find(is_it);
        match lease.map(|lease| lease.identity) {
            None => {}
            Some(VfIdentity::Native) => return detach_native(context, &host, &store, vm, report),
            Some(VfIdentity::Mac | VfIdentity::Dummy | VfIdentity::Guid) => {
                return Err(ActionError::DetachSriov {
                    mac: text.to_owned(),
                });
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
