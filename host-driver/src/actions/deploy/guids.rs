//! The GUIDs in use on this host.

use std::collections::HashSet;

use hwaddr::Guid;
use one_sriov_system::Netlink;

use super::links::Links;
use crate::actions::ActionError;
use crate::host::Host;
use crate::lease::{Guard, Sweep};
use crate::libvirt::RunningDomains;
use crate::opennebula::VmId;
use crate::pool::{HostSysfs, LinkLayer};
use crate::prepare::{GuidsInUse, VfHolder};

/// Collects the GUIDs of this host's ports, and which VFs of leases or domains have one of the `wanted` GUIDs.
///
/// The files of other VFs are not read, so that the cost of a deployment does not grow with the number of VMs.
pub(super) fn guids_in_use(
    host: &Host,
    guard: &Guard<'_>,
    running: &RunningDomains,
    sweep: &Sweep,
    links: &Links,
    wanted: &HashSet<Guid>,
) -> Result<GuidsInUse, ActionError> {
    let sysfs = HostSysfs::new(&host.root);
    let netlink = Netlink::new(&host.root);
    let mut guids = GuidsInUse::default();
    for netdev in sysfs.netdevs().map_err(ActionError::Sysfs)? {
        if sysfs.link_layer(&netdev).map_err(ActionError::Sysfs)? != Some(LinkLayer::Infiniband) {
            continue;
        }
        let Some(device) = sysfs.device_of(&netdev).map_err(ActionError::Sysfs)? else {
            continue;
        };
        if sysfs.pf_of(device).map_err(ActionError::Sysfs)?.is_some() {
            // A VF. Its PF reports its GUID.
            continue;
        }
        if let Some(address) = sysfs.ipoib_address(&netdev).map_err(ActionError::Sysfs)? {
            guids.add_port(&netdev, address.port_guid());
        }
        let asked;
        let vfs = if let Some(vfs) = links.get(&netdev) {
            vfs
        } else {
            asked = netlink.link(&netdev)?.map(|link| link.vfs);
            asked.as_deref().unwrap_or_default()
        };
        for info in vfs {
            let Some(guid) = info.port_guid.filter(|guid| wanted.contains(guid)) else {
                continue;
            };
            let Some(vf) = sysfs.vf(device, info.vf).map_err(ActionError::Sysfs)? else {
                continue;
            };
            // The GUID of a stale lease is cleared before the new one is set.
            let claim = guard.claim(vf)?.filter(|_| sweep.find(vf).is_none());
            let holder = match (running.holder(vf), claim) {
                (Some(domain), _) => match VmId::of_domain(&domain.name) {
                    Some(vm) => VfHolder::Vm(vm),
                    None => VfHolder::Domain(domain.name.clone()),
                },
                (None, Some((_, deployment))) => VfHolder::Vm(deployment.vm()),
                (None, None) => continue,
            };
            guids.add_vf(&netdev, info.vf, Some(vf), guid, holder);
        }
    }
    for guid in wanted {
        if let Some(lease) = guard.lease_with(*guid)?
            && sweep.find(lease.address).is_none()
        {
            let holder = VfHolder::Vm(lease.vm);
            guids.add_vf(&lease.pf, lease.vf, Some(lease.address), *guid, holder);
        }
    }
    Ok(guids)
}
