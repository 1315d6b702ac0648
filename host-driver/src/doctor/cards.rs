//! Network cards: which have VFs, and which support them.

use std::error::Error;
use std::io;

use super::Finding;
use super::finding::count;
use crate::host::Host;
use crate::pool::{HostSysfs, Pool};
use crate::pool_name::PoolName;

const CHECK: &str = "cards";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    inspect(host).unwrap_or_else(|error| {
        let message = format!("failed to read the network devices: {error}");
        vec![Finding::problem(CHECK, message)]
    })
}

fn inspect(host: &Host) -> io::Result<Vec<Finding>> {
    let sysfs = HostSysfs::new(&host.root);
    let mut findings = Vec::new();
    let maps = maps(host).unwrap_or_else(|error| {
        let message = format!("failed to find which PFs have a VF map: {error}");
        findings.push(Finding::warning(CHECK, message));
        Vec::new()
    });
    let mut has_vfs = false;
    for netdev in sysfs.netdevs()? {
        let Some(pf) = sysfs.device_of(&netdev)? else {
            continue;
        };
        let Some(total) = sysfs.total_vfs(pf)?.filter(|total| *total > 0) else {
            continue;
        };
        let vfs = sysfs.vf_numbers(pf)?.len();
        if vfs > 0 {
            has_vfs = true;
            let vfs = count(vfs, "VF");
            let message = format!("'{netdev}' ({pf}) has {vfs} (maximum {total})");
            findings.push(Finding::ok(CHECK, message));
            continue;
        }
        let message = format!("'{netdev}' ({pf}) has no VFs (maximum {total})");
        let remedy = format!(
            "echo {total} > {} && systemctl enable --now one-sriov-vfs@{netdev}",
            crate::vfs::file_of(&netdev).display()
        );
        let is_its = |map: &PoolName| map.as_str() == netdev.as_str();
        findings.push(if maps.iter().any(is_its) {
            Finding::problem(CHECK, format!("{message}, but has a VF map")).remedy(remedy)
        } else {
            Finding::note(CHECK, message).remedy(remedy)
        });
    }
    if !has_vfs {
        let message = "failed to find a network card with VFs";
        findings.push(Finding::problem(CHECK, message).remedy(
            "enable SR-IOV in the card's firmware, and write the number of VFs to its sriov_numvfs",
        ));
    }
    Ok(findings)
}

fn maps(host: &Host) -> Result<Vec<PoolName>, Box<dyn Error>> {
    Ok(Pool::names_of_maps(&host.maps()?)?)
}
