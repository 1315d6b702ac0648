//! GUIDs shared by running VMs. If two ports of a fabric have the same GUID, neither of them works.
//!
//! A deployment refuses a GUID that is in use, but other drivers and operators may set one twice.

use std::collections::BTreeMap;
use std::io;

use hwaddr::Guid;
use one_sriov_system::{Netlink, VfInfo};

use crate::host::Host;
use crate::libvirt::RunningDomains;
use crate::pool::{HostSysfs, LinkLayer};

/// Returns a line for each GUID that VFs of several running domains share, or for an error.
#[must_use]
pub fn shared_guids(host: &Host, running: &RunningDomains) -> Vec<String> {
    let owners = match owners(host, running) {
        Ok(owners) => owners,
        Err(error) => {
            return vec![format!("failed to read the GUIDs of VFs in use: {error}")];
        }
    };
    let shared = owners.into_iter().filter(|(_, owners)| owners.len() > 1);
    shared
        .map(|(guid, owners)| {
            let owners = owners.join(" and ");
            format!("port GUID '{guid}' is in use twice: {owners}; power off one of the VMs")
        })
        .collect()
}

fn owners(host: &Host, running: &RunningDomains) -> io::Result<BTreeMap<Guid, Vec<String>>> {
    let sysfs = HostSysfs::new(&host.root);
    let netlink = Netlink::new(&host.root);
    let mut owners: BTreeMap<Guid, Vec<String>> = BTreeMap::new();
    let mut seen = Vec::new();
    for netdev in sysfs.netdevs()? {
        if sysfs.link_layer(&netdev)? != Some(LinkLayer::Infiniband) {
            continue;
        }
        let Some(pf) = sysfs.device_of(&netdev)? else {
            continue;
        };
        // Two ports of an mlx4 card share their VFs.
        if seen.contains(&pf) || sysfs.vf_numbers(pf)?.is_empty() {
            continue;
        }
        seen.push(pf);
        let link = netlink.link(&netdev).map_err(io::Error::other)?;
        let vfs = link.map(|link| link.vfs).unwrap_or_default();
        if has_one_for_all(&vfs) {
            continue;
        }
        for info in vfs {
            if let Some(guid) = info.port_guid
                && let Some(address) = sysfs.vf(pf, info.vf)?
                && let Some(domain) = running.holder(address)
            {
                let owner = format!("VF '{address}' of domain '{}'", domain.name);
                owners.entry(guid).or_default().push(owner);
            }
        }
    }
    Ok(owners)
}

/// Whether all VFs of a PF have the same GUID, as older kernels report: then their GUIDs are unknown.
fn has_one_for_all(vfs: &[VfInfo]) -> bool {
    vfs.len() > 1
        && vfs
            .windows(2)
            .all(|pair| pair[0].port_guid == pair[1].port_guid)
}
