//! Settings that a network stack does not support, reported for each NIC.

use super::Backend;
use super::configured::{Configured, configured};
use crate::plan::Plan;
use crate::plan::model::{Dhcpv6Source, Ipv6, NicConfig, TransportMode};

/// What a network stack does not support.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// SLAAC without `DHCPv6` if a router offers both.
    SlaacAlone,
    /// `DHCPv6` if no router offers it.
    Dhcp6Always,
    /// `DHCPv6`.
    Dhcp6,
    /// `DHCPv6`, unless `IP6_METHOD` requests it: 'dhclient -6' waits forever for a server.
    Dhclient6,
    /// A metric for routes from router advertisements.
    AdvertisedMetric,
    /// Routing-only domains, because the stack uses `resolv.conf`.
    RoutingDomain,
    /// A metric for only the default route: it applies to all routes of the family.
    DefaultRouteMetric,
    /// A datagram MTU above 2044, which `ifup-ib` sets.
    DatagramMtu,
    /// More than three name servers: `ifup-post` writes `DNS1` to `DNS3`.
    NameServers,
}

/// NetworkManager, also below netplan.
pub(super) const NETWORK_MANAGER: &[Limit] = &[
    Limit::SlaacAlone,
    Limit::Dhcp6Always,
    Limit::DefaultRouteMetric,
];
pub(super) const WICKED: &[Limit] = &[Limit::AdvertisedMetric, Limit::RoutingDomain];
pub(super) const IFUPDOWN: &[Limit] = &[
    Limit::Dhclient6,
    Limit::AdvertisedMetric,
    Limit::RoutingDomain,
];
/// busybox's ifup and ifupdown-ng.
pub(super) const IFUPDOWN_NG: &[Limit] =
    &[Limit::Dhcp6, Limit::AdvertisedMetric, Limit::RoutingDomain];
pub(super) const INITSCRIPTS: &[Limit] = &[
    Limit::AdvertisedMetric,
    Limit::RoutingDomain,
    Limit::DatagramMtu,
    Limit::NameServers,
];

/// Returns the settings in a plan that a backend with these limits does not support.
pub(super) fn unsupported(backend: Backend, limits: &[Limit], plan: &Plan) -> Vec<String> {
    let of_nic = |nic: Configured| {
        let label = nic.nic.label();
        let notes = limits
            .iter()
            .flat_map(|limit| limit.notes(backend, nic.config));
        notes
            .map(|note| format!("{label}: {note}"))
            .collect::<Vec<_>>()
    };
    configured(plan).flat_map(of_nic).collect()
}

impl Limit {
    /// Describes what the limit means for a NIC.
    fn notes(self, backend: Backend, config: &NicConfig) -> Vec<String> {
        let note = match self {
            Self::SlaacAlone => (config.ipv6 == Ipv6::Auto)
                .then(|| format!("{backend} also requests DHCPv6 where a router offers it")),
            Self::Dhcp6Always => config.ipv6.is_dhcp()
                .then(|| format!("{backend} requests DHCPv6 only where a router offers it")),
            Self::Dhcp6 => config.ipv6.is_dhcp().then(|| {
                format!("DHCPv6 is not requested, only router advertisements are used; {backend} has no setting for DHCPv6")
            }),
            Self::Dhclient6 => dhclient6(&config.ipv6).map(str::to_owned),
            Self::AdvertisedMetric => {
                let asks_routers = matches!(config.ipv6, Ipv6::Auto | Ipv6::Dhcp(_));
                config.metric6.filter(|_| asks_routers).map(|metric| {
                    format!("metric {metric} of routes that a router advertises is not written; {backend} has no setting for it")
                })
            }
            Self::RoutingDomain => return routing_domains(backend, config),
            Self::DefaultRouteMetric => return shared_metrics(backend, config),
            Self::DatagramMtu => datagram_mtu(config),
            Self::NameServers => unused_name_servers(config),
        };
        note.into_iter().collect()
    }
}

fn dhclient6(ipv6: &Ipv6) -> Option<&'static str> {
    match ipv6 {
        Ipv6::Dhcp(Dhcpv6Source::Method) => Some(
            "DHCPv6 is not requested, only router advertisements are used, because 'dhclient -6' waits for a server forever; IP6_METHOD='dhcp' requests it",
        ),
        Ipv6::Dhcp(Dhcpv6Source::Ipv6Method) => Some(
            "'dhclient -6' waits forever if no DHCPv6 server answers, and the boot waits with it",
        ),
        _ => None,
    }
}

fn routing_domains(backend: Backend, config: &NicConfig) -> Vec<String> {
    let domains = config.search.iter();
    let domains = domains.filter(|domain| domain.is_routing_only());
    let note = |domain| {
        format!(
            "domain '{domain}' is not written; {backend} cannot send the queries for one domain to the servers of one NIC"
        )
    };
    domains.map(note).collect()
}

/// Notes metrics that also apply to the other routes of the family.
fn shared_metrics(backend: Backend, config: &NicConfig) -> Vec<String> {
    let has_routes = |is_ipv6: bool| {
        let mut routes = config.routes.iter();
        routes.any(|route| route.via().is_ipv6() == is_ipv6)
    };
    let metrics = [
        ("IPv4", config.metric4.filter(|_| has_routes(false))),
        ("IPv6", config.metric6.filter(|_| has_routes(true))),
    ];
    let note = |(family, metric): (&str, Option<u32>)| {
        let metric = metric?;
        Some(format!(
            "metric {metric} applies to all {family} routes; {backend} has no setting for the default route alone"
        ))
    };
    metrics.into_iter().filter_map(note).collect()
}

fn datagram_mtu(config: &NicConfig) -> Option<String> {
    const DATAGRAM_MTU: u32 = 2044;
    let is_datagram =
        config.infiniband.is_some() && config.mode() != Some(TransportMode::Connected);
    let mtu = config
        .mtu
        .filter(|mtu| is_datagram && mtu.bytes() > DATAGRAM_MTU)?;
    Some(format!(
        "'ifup-ib' sets an MTU of {DATAGRAM_MTU} in datagram mode, not {mtu}"
    ))
}

fn unused_name_servers(config: &NicConfig) -> Option<String> {
    const NAME_SERVERS: usize = 3;
    let unused = config.dns.iter().skip(NAME_SERVERS);
    let unused: Vec<String> = unused.map(ToString::to_string).collect();
    (!unused.is_empty()).then(|| {
        format!(
            "initscripts use only the first {NAME_SERVERS} name servers, not {}",
            unused.join(", ")
        )
    })
}
