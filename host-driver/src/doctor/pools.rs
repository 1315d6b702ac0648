//! The pools and their maps.

use std::collections::BTreeMap;

use hwaddr::PciAddress;

use super::Finding;
use super::finding::count;
use crate::host::Host;
use crate::pool::{HostSysfs, MapEntry, Pool};
use crate::pool_name::PoolName;

const CHECK: &str = "pools";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let maps = match host.maps() {
        Ok(maps) => maps,
        Err(error) => return vec![Finding::problem(CHECK, error.to_string())],
    };
    let names = match Pool::names(&host.root, &maps) {
        Ok(names) => names,
        Err(error) => return vec![Finding::problem(CHECK, error.to_string())],
    };
    let mut findings = Vec::new();
    if names.is_empty() {
        findings.push(
            Finding::problem(
                CHECK,
                "failed to find a pool: no PF has VFs, and there is no VF map",
            )
            .remedy(format!("put maps into '{}'", host.config.maps.display())),
        );
    }
    findings.extend(same_attribute(&names));
    let mut pools_of: BTreeMap<PciAddress, Vec<PoolName>> = BTreeMap::new();
    for name in names {
        match Pool::open(&host.root, &maps, &name) {
            Ok(pool) => findings.extend(inspect(host, &pool, &mut pools_of)),
            Err(error) => findings.push(Finding::problem(CHECK, error.to_string())),
        }
    }
    findings.extend(shared(pools_of));
    findings
}

/// Finds pools that share an attribute: `a-b` and `a.b` both become `SRIOV_A_B_FREE`, and OpenNebula keeps the last one.
fn same_attribute(names: &[PoolName]) -> Vec<Finding> {
    let mut known: BTreeMap<String, &PoolName> = BTreeMap::new();
    let mut findings = Vec::new();
    for name in names {
        let attribute = name.attribute();
        if let Some(other) = known.get(&attribute) {
            let message = format!(
                "pools '{other}' and '{name}' have the same name in the monitoring, 'SRIOV_{attribute}_FREE'"
            );
            findings.push(
                Finding::warning(CHECK, message)
                    .remedy("rename one of them by giving it a map of another name"),
            );
        } else {
            known.insert(attribute, name);
        }
    }
    findings
}

fn inspect(
    host: &Host,
    pool: &Pool,
    pools_of: &mut BTreeMap<PciAddress, Vec<PoolName>>,
) -> Vec<Finding> {
    let mut findings = absent(host, pool);
    let mut there = 0;
    for index in pool.indexes() {
        match pool.vf(&host.root, index) {
            Ok(None) => {}
            Ok(Some(vf)) => {
                there += 1;
                pools_of
                    .entry(vf.address)
                    .or_default()
                    .push(pool.name.clone());
            }
            Err(error) => {
                // Report each card once.
                findings.push(Finding::problem(CHECK, error.to_string()));
                return findings;
            }
        }
    }
    let name = &pool.name;
    findings.push(match there {
        0 => Finding::problem(CHECK, format!("pool '{name}' has no VF on this host")),
        there => Finding::ok(CHECK, format!("pool '{name}' has {}", count(there, "VF"))),
    });
    findings
}

/// Finds lines of a map whose VFs do not exist on this host.
fn absent(host: &Host, pool: &Pool) -> Vec<Finding> {
    let Some((path, entries)) = pool.map() else {
        return Vec::new();
    };
    let sysfs = HostSysfs::new(&host.root);
    let judge = |entry: &MapEntry| match sysfs.has_device(entry.address) {
        Ok(true) => None,
        Ok(false) => {
            let message = format!(
                "'{}': line {}: VF '{}' does not exist on this host",
                path.display(),
                entry.line,
                entry.address
            );
            let remedy = "correct the map, or write a larger number to the card's sriov_numvfs";
            Some(Finding::warning(CHECK, message).remedy(remedy))
        }
        Err(error) => {
            let message = format!("failed to check for VF '{}': {error}", entry.address);
            Some(Finding::problem(CHECK, message))
        }
    };
    entries.iter().filter_map(judge).collect()
}

/// Finds VFs that belong to several pools.
fn shared(pools_of: BTreeMap<PciAddress, Vec<PoolName>>) -> Vec<Finding> {
    let mut counts: BTreeMap<Vec<PoolName>, usize> = BTreeMap::new();
    for pools in pools_of.into_values().filter(|pools| pools.len() > 1) {
        *counts.entry(pools).or_default() += 1;
    }
    counts
        .into_iter()
        .map(|(pools, vfs)| {
            let pools = super::finding::some(&pools);
            let vfs = count(vfs, "VF");
            let message = format!("pools {pools} share {vfs}: each VF is still assigned only once");
            Finding::note(CHECK, message)
        })
        .collect()
}
