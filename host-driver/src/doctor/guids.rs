//! The GUIDs of InfiniBand VFs, as the kernel reports them.

use std::collections::BTreeMap;
use std::io;

use hwaddr::{Guid, InterfaceName};
use one_sriov_system::{Netlink, VfInfo};

use super::Finding;
use super::finding::{count, some};
use crate::host::Host;
use crate::pool::{HostSysfs, LinkLayer};

const CHECK: &str = "guids";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let pfs = match pfs(host) {
        Ok(pfs) => pfs,
        Err(error) => {
            let message = format!("failed to read the InfiniBand ports: {error}");
            return vec![Finding::problem(CHECK, message)];
        }
    };
    let netlink = Netlink::new(&host.root);
    let mut findings = Vec::new();
    let mut known = Vec::new();
    for pf in pfs {
        match netlink.link(&pf) {
            Ok(Some(link)) => known.push((pf, link.vfs)),
            Ok(None) => {}
            Err(error) => findings.push(Finding::problem(CHECK, error.to_string())),
        }
    }
    findings.extend(judge(&known));
    findings
}

/// The netdevs of InfiniBand PFs that have VFs.
fn pfs(host: &Host) -> io::Result<Vec<InterfaceName>> {
    let sysfs = HostSysfs::new(&host.root);
    let mut pfs = Vec::new();
    for netdev in sysfs.netdevs()? {
        if sysfs.link_layer(&netdev)? == Some(LinkLayer::Infiniband)
            && let Some(device) = sysfs.device_of(&netdev)?
            && !sysfs.vf_numbers(device)?.is_empty()
        {
            pfs.push(netdev);
        }
    }
    Ok(pfs)
}

fn judge(pfs: &[(InterfaceName, Vec<VfInfo>)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut owners: BTreeMap<Guid, Vec<String>> = BTreeMap::new();
    for (pf, vfs) in pfs {
        let guids: Vec<Guid> = vfs.iter().filter_map(|vf| vf.port_guid).collect();
        let is_same = |guids: &[Guid]| guids.windows(2).all(|pair| pair[0] == pair[1]);
        if guids.len() > 1 && guids.len() == vfs.len() && is_same(&guids) {
            // Some kernels report the GUID of the first VF for all.
            let message = format!(
                "'{pf}' reports the same port GUID for all of its VFs, so their GUIDs are unknown"
            );
            findings.push(Finding::note(CHECK, message));
            continue;
        }
        let without = vfs.len() - guids.len();
        if without > 0 {
            let message = format!(
                "{without} of {} of '{pf}' have no port GUID, or the kernel does not report it",
                count(vfs.len(), "VF")
            );
            findings.push(Finding::note(CHECK, message));
        } else {
            let vfs = count(vfs.len(), "VF");
            let message = format!("each of {vfs} of '{pf}' has a port GUID");
            findings.push(Finding::ok(CHECK, message));
        }
        for vf in vfs {
            if let Some(guid) = vf.port_guid {
                let owner = format!("VF {} of {pf}", vf.vf);
                owners.entry(guid).or_default().push(owner);
            }
        }
    }
    for (guid, owners) in owners.into_iter().filter(|(_, owners)| owners.len() > 1) {
        let owners = some(&owners);
        findings.push(
            Finding::warning(CHECK, format!("port GUID '{guid}' is shared by {owners}"))
                .remedy("they cannot be used at the same time: give each another GUID"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::Severity;
    use super::*;

    fn pf(name: &str, guids: &[Option<u8>]) -> (InterfaceName, Vec<VfInfo>) {
        let info = |(vf, last): (u32, &Option<u8>)| VfInfo {
            vf,
            port_guid: last.map(|last| format!("00:11:22:33:44:55:66:{last:02x}").parse().unwrap()),
            ..VfInfo::default()
        };
        (name.parse().unwrap(), (0..).zip(guids).map(info).collect())
    }

    #[test]
    fn missing_and_duplicate_guids_are_reported() {
        let table = [
            (vec![], vec![]),
            (
                vec![pf("ib0", &[Some(1), Some(2)])],
                vec![(Severity::Ok, "each of 2 VFs of 'ib0' has a port GUID")],
            ),
            (
                vec![pf("ib0", &[Some(1), None, None])],
                vec![(
                    Severity::Note,
                    "2 of 3 VFs of 'ib0' have no port GUID, or the kernel does not report it",
                )],
            ),
            (
                vec![pf("ib0", &[Some(1), Some(1), Some(1)])],
                vec![(
                    Severity::Note,
                    "'ib0' reports the same port GUID for all of its VFs, so their GUIDs are unknown",
                )],
            ),
            (
                vec![
                    pf("ib0", &[Some(1), Some(2)]),
                    pf("ib1", &[Some(2), Some(3)]),
                ],
                vec![
                    (Severity::Ok, "each of 2 VFs of 'ib0' has a port GUID"),
                    (Severity::Ok, "each of 2 VFs of 'ib1' has a port GUID"),
                    (
                        Severity::Warning,
                        "port GUID '00:11:22:33:44:55:66:02' is shared by 'VF 1 of ib0', 'VF 0 of ib1'",
                    ),
                ],
            ),
        ];
        for (pfs, expected) in table {
            let findings = judge(&pfs);
            let found: Vec<_> = findings
                .iter()
                .map(|finding| (finding.severity, &*finding.text))
                .collect();
            assert_eq!(found, expected);
        }
    }
}
