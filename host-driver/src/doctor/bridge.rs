//! Checks the bridge of the dummy NICs.

use std::io;
use std::path::Path;

use one_sriov_system::unless_absent;

use super::Finding;
use super::finding::some;
use crate::host::Host;
use crate::pool::{HostSysfs, Pool};
use crate::pool_name::PoolName;

const CHECK: &str = "bridge";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let bridge = &host.config.dummy_bridge;
    let mut findings = Vec::new();
    let pool = bridge.strip_prefix(PoolName::BRIDGE_PREFIX);
    if let Some(pool) = pool.and_then(|name| name.parse::<PoolName>().ok())
        && let Ok(maps) = host.maps()
        && Pool::exists(&host.root, &maps, &pool)
    {
        let message = format!("DUMMY_BRIDGE '{bridge}' is also the bridge of pool '{pool}'");
        findings.push(Finding::warning(CHECK, message).remedy("set DUMMY_BRIDGE to another name"));
    }
    match look(host, bridge) {
        Ok((_, cards)) if !cards.is_empty() => {
            let cards = some(&cards);
            let message = format!(
                "bridge '{bridge}' of the dummy NICs is connected to network cards: {cards}"
            );
            findings.push(Finding::warning(CHECK, message).remedy(
                "remove the cards from it, or set DUMMY_BRIDGE to a bridge without network cards",
            ));
        }
        Err(error) => {
            let message = format!("failed to read bridge '{bridge}' of the dummy NICs: {error}");
            findings.push(Finding::problem(CHECK, message));
        }
        Ok(_) if !findings.is_empty() => {}
        Ok((true, _)) => {
            let message = format!("bridge '{bridge}' of the dummy NICs exists");
            findings.push(Finding::ok(CHECK, message));
        }
        Ok((false, _)) => {
            let message = format!("bridge '{bridge}' of the dummy NICs is missing");
            let message = format!("{message}: the first deployment creates it");
            findings.push(Finding::note(CHECK, message));
        }
    }
    findings
}

/// Returns whether the bridge exists, and the network cards that are its ports.
fn look(host: &Host, bridge: &str) -> io::Result<(bool, Vec<String>)> {
    let is_there = HostSysfs::new(&host.root).has_netdev(bridge)?;
    let net = Path::new("/sys/class/net");
    let ports = host.root.list(&net.join(bridge).join("brif"));
    let mut cards = Vec::new();
    for port in unless_absent(ports, Vec::new())? {
        if host.root.try_exists(&net.join(&port).join("device"))? {
            cards.push(port.to_string_lossy().into_owned());
        }
    }
    Ok((is_there, cards))
}
