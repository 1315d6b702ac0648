//! Settings that a network stack does not support, which are reported for each NIC.

use super::Backend;
use super::configured::{Configured, configured};
use crate::plan::Plan;
use crate::plan::model::{Dhcpv6Source, Ipv6, NicConfig, TransportMode};

/// A limit of a network stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// It cannot use SLAAC without `DHCPv6` if a router offers both.
    SlaacAlone,
    /// It cannot use `DHCPv6` without a router's offer.
    Dhcp6Always,
    /// It has no `DHCPv6`.
    Dhcp6,
    /// It uses `DHCPv6` only if `IP6_METHOD` requests it: 'dhclient -6' waits forever for a server.
    Dhclient6,
    /// It has no metric of routes from router advertisements.
    AdvertisedMetric,
    /// It has no routing-only domains, because it uses `resolv.conf`.
    RoutingDomain,
    /// It has no metric of only the default route: a metric applies to all routes of the family.
    DefaultRouteMetric,
    /// It has no datagram MTU above 2044: `ifup-ib` sets 2044.
    DatagramMtu,
    /// It has no more than three name servers: `ifup-post` writes `DNS1` to `DNS3`.
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
/// busybox' ifup and ifupdown-ng.
pub(super) const IFUPDOWN_NG: &[Limit] =
    &[Limit::Dhcp6, Limit::AdvertisedMetric, Limit::RoutingDomain];
pub(super) const INITSCRIPTS: &[Limit] = &[
    Limit::AdvertisedMetric,
    Limit::RoutingDomain,
    Limit::DatagramMtu,
    Limit::NameServers,
];

/// The settings of a plan that a backend with these limits does not support.
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
    /// The effect of a limit on a NIC.
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

/// Metrics that the other routes of the family get, too.
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
