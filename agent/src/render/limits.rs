//! What a network stack does not support, reported for each NIC by name: nothing is dropped in silence.
//!
//! | what | by whom |
//! |---|---|
//! | SLAAC without DHCPv6, where a router offers both | NetworkManager, also below netplan |
//! | DHCPv6 whatever a router says | NetworkManager, also below netplan |
//! | DHCPv6 | busybox' ifup and ifupdown-ng; ifupdown unless `IP6_METHOD` asks for it |
//! | a metric of routes that a router advertises | initscripts, wicked, ifupdown |
//! | domains that only say where to ask | initscripts, wicked, ifupdown: what has only `resolv.conf` |
//! | a metric of the default route alone | NetworkManager: it is that of all routes of its family |
//! | a datagram MTU above 2044 | initscripts: `ifup-ib` sets 2044 |
//! | more than three name servers | initscripts: `ifup-post` writes `DNS1` to `DNS3` |

use super::Backend;
use super::configured::{Configured, configured};
use crate::plan::Plan;
use crate::plan::model::{Dhcpv6Source, Ipv6, NicConfig, TransportMode};

/// What of a plan a backend does not support.
pub(super) fn unsupported(backend: Backend, plan: &Plan) -> Vec<String> {
    configured(plan)
        .flat_map(|nic| of_nic(backend, &nic))
        .collect()
}

fn of_nic(backend: Backend, nic: &Configured) -> Vec<String> {
    let (label, config) = (nic.nic.label(), nic.config);
    let mut notes = Vec::new();
    if config.ipv6 == Ipv6::Auto && is_network_manager(backend) {
        notes.push(format!(
            "{label}: where a router offers DHCPv6, {backend} asks for that, too"
        ));
    }
    if config.ipv6.is_dhcp() && is_network_manager(backend) {
        notes.push(format!(
            "{label}: {backend} asks for DHCPv6 where a router says so, and not without"
        ));
    }
    if config.ipv6.is_dhcp() && backend == Backend::InterfacesAlpine {
        notes.push(format!(
            "{label}: DHCPv6 is not asked for, router advertisements count; {backend} has no word for it"
        ));
    }
    if let (Backend::Interfaces, Ipv6::Dhcp(source)) = (backend, &config.ipv6) {
        notes.push(match source {
            Dhcpv6Source::Method => format!(
                "{label}: DHCPv6 is not requested, router advertisements count; 'dhclient -6' waits without end for a server. IP6_METHOD='dhcp' requests it"
            ),
            Dhcpv6Source::Ipv6Method => format!(
                "{label}: 'dhclient -6' waits without end where no DHCPv6 server answers, and the boot waits for it"
            ),
        });
    }
    if let Some(metric) = config.metric6.filter(|_| asks_routers(config))
        && !(is_network_manager(backend) || is_networkd(backend))
    {
        notes.push(format!(
            "{label}: the metric {metric} of routes that a router advertises is not written; {backend} has no word for it"
        ));
    }
    if !(is_network_manager(backend) || is_networkd(backend)) {
        let mut domains = config.search.iter();
        let domains = domains.by_ref().filter(|domain| domain.is_routing_only());
        notes.extend(domains.map(|domain| {
            format!("{label}: the domain '{domain}' is not written; {backend} cannot ask one NIC's servers for one domain")
        }));
    }
    if is_network_manager(backend) {
        notes.extend(shared_metrics(config).map(|(family, metric)| {
            format!("{label}: the metric {metric} becomes that of all {family} routes; {backend} has none for the default route alone")
        }));
    }
    if backend == Backend::IfcfgInitscripts {
        notes.extend(of_initscripts(config).map(|limit| format!("{label}: {limit}")));
    }
    notes
}

fn of_initscripts(config: &NicConfig) -> impl Iterator<Item = String> {
    const DATAGRAM_MTU: u32 = 2044;
    const NAME_SERVERS: usize = 3;
    let is_datagram =
        config.infiniband.is_some() && config.mode() != Some(TransportMode::Connected);
    let mtu = config
        .mtu
        .filter(|mtu| is_datagram && mtu.bytes() > DATAGRAM_MTU)
        .map(|mtu| {
            format!("'ifup-ib' sets an MTU of {DATAGRAM_MTU} in datagram mode, and not {mtu}")
        });
    let unused: Vec<String> = config
        .dns
        .iter()
        .skip(NAME_SERVERS)
        .map(ToString::to_string)
        .collect();
    let unused = (!unused.is_empty()).then(|| {
        format!(
            "initscripts use the first {NAME_SERVERS} name servers, and not {}",
            unused.join(", ")
        )
    });
    mtu.into_iter().chain(unused)
}

fn asks_routers(config: &NicConfig) -> bool {
    matches!(config.ipv6, Ipv6::Auto | Ipv6::Dhcp(_))
}

fn is_network_manager(backend: Backend) -> bool {
    matches!(
        backend,
        Backend::Keyfile | Backend::IfcfgNetworkManager | Backend::NetplanNetworkManager
    )
}

fn is_networkd(backend: Backend) -> bool {
    matches!(backend, Backend::Networkd | Backend::NetplanNetworkd)
}

/// Metrics that the context's own routes of their family get, too.
fn shared_metrics(config: &NicConfig) -> impl Iterator<Item = (&'static str, u32)> {
    let has_routes = |is_ipv6: bool| {
        let mut routes = config.routes.iter();
        routes.any(|route| route.via().is_ipv6() == is_ipv6)
    };
    let ipv4 = config.metric4.filter(|_| has_routes(false));
    let ipv6 = config.metric6.filter(|_| has_routes(true));
    let ipv4 = ipv4.map(|metric| ("IPv4", metric));
    ipv4.into_iter().chain(ipv6.map(|metric| ("IPv6", metric)))
}
