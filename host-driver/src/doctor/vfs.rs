//! Checks for what stops a single VF from being passed through: its IOMMU group, or the host.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hwaddr::{InterfaceName, PciAddress};
use one_sriov_system::Probe;

use super::Finding;
use super::finding::{some, unread};
use crate::host::Host;
use crate::pool::{HostSysfs, HostUseError, HostUses};

const CHECK: &str = "vfs";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    inspect(host).unwrap_or_else(|error| vec![Finding::problem(CHECK, error.to_string())])
}

fn inspect(host: &Host) -> Result<Vec<Finding>, Box<dyn std::error::Error>> {
    let sysfs = HostSysfs::new(&host.root);
    let uses = HostUses::new(&host.root);
    let probe = Probe::new(&host.root);
    let mut findings = Vec::new();
    let (mut pfs, mut groups) = (BTreeSet::new(), BTreeSet::new());
    for netdev in sysfs.netdevs()? {
        let Some(pf) = sysfs.device_of(&netdev)?.filter(|pf| pfs.insert(*pf)) else {
            continue;
        };
        for vf in sysfs.vfs(pf)?.into_values() {
            findings.extend(shared_group(&probe, &netdev, vf, &mut groups));
            findings.extend(used_by_host(&uses, &netdev, vf)?);
        }
    }
    findings.extend(unread(CHECK, &probe));
    Ok(findings)
}

/// Checks for other devices in the group of a VF: apart from bridges, a group is passed through as a whole
/// (`vfio_group_viable`).
fn shared_group(
    probe: &Probe<'_>,
    pf: &InterfaceName,
    vf: PciAddress,
    known: &mut BTreeSet<String>,
) -> Option<Finding> {
    let group = device(vf).join("iommu_group");
    // Without an IOMMU there are no groups; another check reports that.
    let link = probe.read_link(&group).ok()?;
    let number = link.file_name()?.to_string_lossy().into_owned();
    if !known.insert(number.clone()) {
        return None;
    }
    let members = probe.list(&group.join("devices")).ok()?;
    let members = members
        .iter()
        .filter_map(|name| name.to_str()?.parse().ok());
    let others: Vec<PciAddress> = members
        .filter(|other| *other != vf && !is_bridge(probe, *other))
        .collect();
    (!others.is_empty()).then(|| {
        let others = some(&others);
        let message = format!("VF '{vf}' of '{pf}' shares IOMMU group {number} with {others}");
        Finding::problem(CHECK, message).remedy(
            "while the host or one VM uses one of them, no other VM can use the rest: enable ACS in the firmware, or \
             use another slot",
        )
    })
}

fn is_bridge(probe: &Probe<'_>, address: PciAddress) -> bool {
    const PCI_TO_PCI: &str = "0x0604";
    let class = probe.read_to_string(&device(address).join("class"));
    class.is_ok_and(|class| class.starts_with(PCI_TO_PCI))
}

fn used_by_host(
    uses: &HostUses<'_>,
    pf: &InterfaceName,
    vf: PciAddress,
) -> Result<Option<Finding>, HostUseError> {
    let finding = |host_use| {
        let message = format!("this host uses VF '{vf}' of '{pf}': {host_use}");
        Finding::note(CHECK, message).remedy("VMs cannot get it until the host stops using it")
    };
    Ok(uses.of(vf)?.map(finding))
}

fn device(address: PciAddress) -> PathBuf {
    Path::new("/sys/bus/pci/devices").join(address.to_string())
}
