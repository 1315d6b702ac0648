//! Checks for VFs that OpenNebula's own PCI probe also offers, because it does not know the leases.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use hwaddr::PciAddress;

use super::Finding;
use super::finding::some;
use crate::host::Host;
use crate::opennebula::{Offer, PciProbe, PciProbeError};
use crate::pool::{Pool, PoolError};
use crate::pool_name::PoolName;

const CHECK: &str = "pci-probe";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let probe = match PciProbe::read(&host.config) {
        Ok(probe) => probe,
        Err(error) => {
            let finding = Finding::problem(CHECK, error.to_string());
            let remedy = "correct the front-end's remotes/etc/im/kvm-probes.d/pci.conf";
            return vec![match error {
                PciProbeError::Yaml { .. } => finding.remedy(remedy),
                PciProbeError::Read { .. } => finding,
            }];
        }
    };
    let mut findings = Vec::new();
    let mut offered: BTreeMap<(PoolName, String, bool), Vec<PciAddress>> = BTreeMap::new();
    for (pool, vf) in vfs(host, &mut findings) {
        match probe.offers(&host.root, vf) {
            Ok(None) => {}
            Ok(Some(Offer { filter, is_certain })) => {
                let vfs = offered.entry((pool, filter, is_certain)).or_default();
                vfs.push(vf);
            }
            Err(error) => findings.push(Finding::problem(CHECK, error.to_string())),
        }
    }
    if offered.is_empty() && findings.is_empty() {
        let message = "OpenNebula's PCI probe offers none of the VFs";
        return vec![Finding::ok(CHECK, message)];
    }
    findings.extend(offered.into_iter().map(|((pool, filter, is_certain), vfs)| {
        let vfs = some(&vfs);
        let offered = format!("OpenNebula's PCI probe also offers VFs of pool '{pool}': {vfs} by '{filter}'");
        let elsewhere = "exclude them in the front-end's remotes/etc/im/kvm-probes.d/pci.conf";
        if !is_certain {
            let message = format!("{offered}, unless ':device_name:' excludes them");
            Finding::note(CHECK, message).remedy(elsewhere)
        } else if host.config.pool_shares_pci {
            let remedy = "remove POOL_SHARES_PCI, or exclude them in the front-end's remotes/etc/im/kvm-probes.d/pci.conf";
            Finding::warning(CHECK, format!("{offered}; each refuses VFs that the other uses")).remedy(remedy)
        } else {
            let message = format!("{offered}: the pool does not allocate them");
            Finding::note(CHECK, message).remedy(format!("to use them in the pool, {elsewhere}, or set POOL_SHARES_PCI=yes"))
        }
    }));
    findings
}

/// Returns the VFs of all pools. VFs that cannot be read are reported, because the probe may offer them.
fn vfs(host: &Host, findings: &mut Vec<Finding>) -> Vec<(PoolName, PciAddress)> {
    let mut vfs = Vec::new();
    let mut all = || -> Result<(), Box<dyn Error>> {
        let maps = host.maps()?;
        for name in Pool::names(&host.root, &maps)? {
            let addresses = addresses(host, &maps, &name);
            match addresses {
                Ok(addresses) => vfs.extend(addresses.into_iter().map(|vf| (name.clone(), vf))),
                Err(error) => findings.push(unknown(&error)),
            }
        }
        Ok(())
    };
    let listed = all();
    if let Err(error) = listed {
        findings.push(unknown(&error));
    }
    vfs
}

fn addresses(host: &Host, maps: &Path, name: &PoolName) -> Result<Vec<PciAddress>, PoolError> {
    let pool = Pool::open(&host.root, maps, name)?;
    let indexes = pool.indexes().into_iter();
    Ok(indexes.filter_map(|index| pool.address(index)).collect())
}

fn unknown(error: &dyn std::fmt::Display) -> Finding {
    Finding::warning(CHECK, format!("some VFs were not checked: {error}"))
}
