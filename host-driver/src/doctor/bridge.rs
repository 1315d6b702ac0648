//! The bridge of the dummy NICs.

use std::path::Path;

use super::Finding;
use super::finding::some;
use crate::host::Host;
use crate::pool::{Pool, Sysfs};
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
        let message = format!("DUMMY_BRIDGE '{bridge}' is the bridge of pool '{pool}', too");
        findings
            .push(Finding::warning(CHECK, message).remedy("set DUMMY_BRIDGE to a name of its own"));
    }
    let net = Path::new("/sys/class/net");
    let ports = host.root.list(&net.join(bridge).join("brif"));
    let is_card = |port: &String| host.root.exists(&net.join(port).join("device"));
    let cards: Vec<String> = ports
        .unwrap_or_default()
        .iter()
        .map(|port| port.to_string_lossy().into_owned())
        .filter(is_card)
        .collect();
    if !cards.is_empty() {
        let cards = some(&cards);
        let message =
            format!("bridge '{bridge}' of the dummy NICs leads out of this host: {cards}");
        findings.push(
            Finding::warning(CHECK, message).remedy(
                "take the card out of it, or set DUMMY_BRIDGE to a bridge that goes nowhere",
            ),
        );
    }
    if !findings.is_empty() {
        return findings;
    }
    vec![if Sysfs::new(&host.root).has_netdev(bridge) {
        Finding::ok(
            CHECK,
            format!("bridge '{bridge}' of the dummy NICs is there"),
        )
    } else {
        let message = format!("bridge '{bridge}' of the dummy NICs is missing");
        Finding::note(CHECK, format!("{message}: the first deployment makes it"))
    }]
}
