//! Compares a plan with the interfaces of the kernel.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;
use one_sriov_system::netlink::{Interface, InterfaceAddress, InterfaceRoute};

use super::Difference;
use crate::plan::model::{Dhcpv6Source, Ipv4, Ipv6, Mtu, NicConfig};
use crate::plan::{Outcome, Plan};

/// A configured NIC, compared with the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The NIC: `ETH1`.
    pub nic: String,
    /// The interface that carries the NIC's addresses: its device, or a child of that.
    pub interface: String,
    /// The kernel's interface; `None` if it does not exist.
    pub found: Option<Interface>,
    /// The differences, in the order in which to fix them.
    pub differences: Vec<Difference>,
}

/// Compares each configured NIC with the interfaces of the kernel; `mode` returns the IPoIB mode of a device.
#[must_use]
pub fn compare(
    plan: &Plan,
    interfaces: &[Interface],
    mode: impl Fn(&str) -> Option<String>,
) -> Vec<Comparison> {
    let nics = plan.nics.iter().filter_map(|nic| {
        let (Outcome::Configure(config), Some(device)) = (&nic.outcome, &nic.device) else {
            return None;
        };
        let child = config.child().and_then(|child| child.name(&device.name));
        let name = child.as_ref().unwrap_or(&device.name).as_str();
        let found = interfaces.iter().find(|interface| interface.name == name);
        let mut differences = differences(config, found);
        let has = mode(device.name.as_str());
        differences.extend(config.mode().zip(has).and_then(|(wanted, has)| {
            let wanted = wanted.to_string();
            (wanted != has).then_some(Difference::Mode { wanted, has })
        }));
        Some(Comparison {
            nic: nic.label().into_owned(),
            interface: name.to_owned(),
            found: found.cloned(),
            differences,
        })
    });
    nics.collect()
}

fn differences(config: &NicConfig, found: Option<&Interface>) -> Vec<Difference> {
    let Some(interface) = found else {
        return vec![Difference::NoInterface];
    };
    let mut differences = Vec::new();
    if !interface.is_up {
        differences.push(Difference::Down);
    }
    addresses(config, &interface.addresses, &mut differences);
    let mtu = config.mtu.map(Mtu::bytes);
    if let Some(wanted) = mtu.filter(|wanted| *wanted != interface.mtu) {
        let has = interface.mtu;
        differences.push(Difference::Mtu { wanted, has });
    }
    routes(config, &interface.routes, &mut differences);
    differences
}

fn addresses(config: &NicConfig, has: &[InterfaceAddress], differences: &mut Vec<Difference>) {
    let of = |is_it: fn(&IpAddr) -> bool| -> Vec<IpNetwork> {
        let own = has.iter().filter(|own| is_it(&own.address));
        own.filter_map(|own| IpNetwork::new(own.address, own.prefix).ok())
            .collect()
    };
    let (v4, v6) = (of(IpAddr::is_ipv4), of(IpAddr::is_ipv6));
    match &config.ipv4 {
        Ipv4::Static(wanted) => differences.extend(
            wanted
                .iter()
                .filter_map(|wanted| address((*wanted).into(), &v4)),
        ),
        Ipv4::Dhcp if v4.is_empty() => differences.push(not_assigned("IPv4", "a DHCP server")),
        Ipv4::Dhcp | Ipv4::None => {}
    }
    match &config.ipv6 {
        Ipv6::Static(wanted) => differences.extend(
            wanted
                .iter()
                .filter_map(|wanted| address((*wanted).into(), &v6)),
        ),
        Ipv6::Auto if v6.is_empty() => differences.push(not_assigned("IPv6", "a router")),
        // A network with DHCPv4 need not have DHCPv6, so this is a difference only if the context asks for it explicitly.
        Ipv6::Dhcp(Dhcpv6Source::Ipv6Method) if v6.is_empty() => {
            differences.push(not_assigned("IPv6", "a DHCPv6 server"));
        }
        Ipv6::Disabled if !v6.is_empty() => differences.push(Difference::Ipv6Enabled(v6)),
        Ipv6::Auto | Ipv6::Dhcp(_) | Ipv6::Disabled | Ipv6::None => {}
    }
    let taken = has.iter().filter(|own| own.is_duplicate);
    differences.extend(taken.map(|own| Difference::AddressTaken(own.address)));
}

fn address(wanted: IpNetwork, has: &[IpNetwork]) -> Option<Difference> {
    if has.contains(&wanted) {
        return None;
    }
    let other = has.iter().find(|own| own.ip() == wanted.ip());
    Some(match other {
        Some(own) => Difference::AddressPrefix {
            wanted,
            has: own.prefix(),
        },
        None => Difference::AddressMissing(wanted, has.to_vec()),
    })
}

fn not_assigned(family: &'static str, by: &'static str) -> Difference {
    Difference::NotAssigned { family, by }
}

fn routes(config: &NicConfig, has: &[InterfaceRoute], differences: &mut Vec<Difference>) {
    let default4 = config.gateway4.map(|via| AskedRoute {
        destination: (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        via: via.into(),
        metric: config.metric4,
    });
    let default6 = config.gateway6.map(|via| AskedRoute {
        destination: (IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
        via: via.into(),
        metric: config.metric6,
    });
    let others = config.routes.iter().map(|route| AskedRoute {
        destination: (route.destination().network(), route.destination().prefix()),
        via: route.via(),
        metric: route.metric(),
    });
    let wanted = default4.into_iter().chain(default6).chain(others);
    differences.extend(wanted.filter_map(|wanted| wanted.compare(has)));
}

struct AskedRoute {
    destination: (IpAddr, u8),
    via: IpAddr,
    metric: Option<u32>,
}

impl AskedRoute {
    fn compare(&self, has: &[InterfaceRoute]) -> Option<Difference> {
        let to_it = has
            .iter()
            .filter(|route| (route.destination, route.prefix) == self.destination);
        let through_it: Vec<&InterfaceRoute> = to_it
            .clone()
            .filter(|route| route.gateway == Some(self.via))
            .collect();
        // 0 stands for the kernel's default, which differs between IPv4 and IPv6.
        let metric = self.metric.filter(|metric| *metric != 0);
        let fits = |route: &&InterfaceRoute| metric.is_none_or(|metric| route.metric == metric);
        if through_it.iter().any(fits) {
            return None;
        }
        let shown = show(self.destination, Some(self.via));
        let other_metric = metric.zip(through_it.first()).map(|(wanted, route)| {
            let (route, has) = (shown.clone(), route.metric);
            Difference::RouteMetric { route, wanted, has }
        });
        let others = || to_it.map(|route| show(self.destination, route.gateway));
        Some(other_metric.unwrap_or_else(|| Difference::RouteMissing(shown, others().collect())))
    }
}

fn show((destination, prefix): (IpAddr, u8), gateway: Option<IpAddr>) -> String {
    let destination = if prefix == 0 {
        "default".to_owned()
    } else {
        format!("{destination}/{prefix}")
    };
    match gateway {
        Some(gateway) => format!("{destination} via {gateway}"),
        None => format!("{destination} on the link"),
    }
}
