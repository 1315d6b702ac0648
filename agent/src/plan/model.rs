//! The configuration of a NIC: a neutral model between the context and the backends.
//!
//! All values are typed tokens (addresses, numbers, names with a strict grammar), so no text of the context gets into a
//! configuration file.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hwaddr::{InterfaceName, Pkey};
use ipnetwork::{Ipv4Network, Ipv6Network};

pub use super::mtu::Mtu;
pub use super::route::Route;
use super::{SearchDomain, VlanId};

/// The network configuration of one NIC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NicConfig {
    /// IPv4.
    pub ipv4: Ipv4,
    /// IPv6.
    pub ipv6: Ipv6,
    /// Default gateway of IPv4.
    pub gateway4: Option<Ipv4Addr>,
    /// Default gateway of IPv6; may be link-local.
    pub gateway6: Option<Ipv6Addr>,
    /// Metric of the IPv4 routes of this NIC.
    pub metric4: Option<u32>,
    /// Metric of the IPv6 routes of this NIC.
    pub metric6: Option<u32>,
    /// Static routes.
    pub routes: Vec<Route>,
    /// MTU.
    pub mtu: Option<Mtu>,
    /// Name servers, in order, without duplicates.
    pub dns: Vec<IpAddr>,
    /// Search domains, in order, without duplicates.
    pub search: Vec<SearchDomain>,
    /// Settings of an InfiniBand NIC.
    pub infiniband: Option<Infiniband>,
    /// The VLAN of an Ethernet NIC that is passed through, which only the guest can tag.
    pub vlan: Option<VlanId>,
    /// The address of OneGate, if it is a proxy on the link, outside the NIC's networks.
    pub onegate: Option<Ipv4Addr>,
}

impl NicConfig {
    /// Whether a gateway must be declared as on-link: it is outside the NIC's networks, or these are unknown because the
    /// addresses come from DHCP or a router. A link-local gateway is always on the link.
    ///
    /// The kernel rejects routes through any other gateway (`fib_check_nh`, `ip6_route_check_nh`).
    #[must_use]
    pub fn is_off_link(&self, gateway: IpAddr) -> bool {
        match (gateway, &self.ipv4, &self.ipv6) {
            (IpAddr::V4(gateway), Ipv4::Static(networks), _) => {
                !networks.iter().any(|network| network.contains(gateway))
            }
            (IpAddr::V6(gateway), _, _) if gateway.is_unicast_link_local() => false,
            (IpAddr::V6(gateway), _, Ipv6::Static(networks)) => {
                !networks.iter().any(|network| network.contains(gateway))
            }
            _ => true,
        }
    }

    /// The off-link gateways of static routes, without duplicates and without the default gateway: a stack that cannot declare a
    /// gateway as on-link needs a route to each of them.
    #[must_use]
    pub fn off_link_gateways(&self, family: fn(&IpAddr) -> bool) -> Vec<IpAddr> {
        let default = [
            self.gateway4.map(IpAddr::from),
            self.gateway6.map(IpAddr::from),
        ];
        let mut gateways = Vec::new();
        for via in self.routes.iter().map(Route::via).filter(family) {
            if self.is_off_link(via) && !default.contains(&Some(via)) && !gateways.contains(&via) {
                gateways.push(via);
            }
        }
        gateways
    }

    /// Whether the IPv4 gateway is outside the NIC's networks, and needs a route.
    #[must_use]
    pub fn gateway4_is_off_link(&self) -> bool {
        self.gateway4
            .is_some_and(|gateway| self.is_off_link(gateway.into()))
    }

    /// Whether the IPv4 gateway is in the network of the NIC's first address: some stacks set the gateway before further
    /// addresses.
    #[must_use]
    pub fn gateway4_is_in_first_network(&self) -> bool {
        match (&self.ipv4, self.gateway4) {
            (Ipv4::Static(networks), Some(gateway)) => networks
                .first()
                .is_some_and(|first| first.contains(gateway)),
            _ => false,
        }
    }

    /// Whether the IPv6 gateway is outside the NIC's networks, and needs a route.
    #[must_use]
    pub fn gateway6_is_off_link(&self) -> bool {
        self.gateway6
            .is_some_and(|gateway| self.is_off_link(gateway.into()))
    }

    /// The child device that carries the addresses; `None` if the device itself does.
    #[must_use]
    pub fn child(&self) -> Option<Child> {
        let pkey = self.infiniband.and_then(|infiniband| infiniband.pkey);
        let vlan = self.vlan.map(Child::Vlan);
        pkey.map(Child::Partition).or(vlan)
    }

    /// The requested transport mode.
    #[must_use]
    pub fn mode(&self) -> Option<TransportMode> {
        self.infiniband.and_then(|infiniband| infiniband.mode)
    }

    /// Whether the NIC has no addresses to configure, so the device need not be brought up: all other settings (MTU, name
    /// servers, metrics) need one. Disabled IPv6 does not count, as in one-context (`loc-10-network.d/functions`,
    /// `skip_interface`).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ipv4 == Ipv4::None && matches!(self.ipv6, Ipv6::None | Ipv6::Disabled)
    }
}

/// How a NIC gets its IPv4 addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Ipv4 {
    /// No IPv4 addresses.
    #[default]
    None,
    /// Static addresses, never empty: the first one is the NIC's own, the others are aliases.
    Static(Vec<Ipv4Network>),
    /// From a DHCP server.
    Dhcp,
}

/// How a NIC gets its IPv6 addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Ipv6 {
    /// Not specified by the context: the guest's default applies.
    #[default]
    None,
    /// Static addresses, never empty.
    Static(Vec<Ipv6Network>),
    /// From router advertisements.
    Auto,
    /// From a `DHCPv6` server.
    Dhcp(Dhcpv6Source),
    /// IPv6 is disabled on this NIC.
    Disabled,
}

impl Ipv6 {
    /// Whether `DHCPv6` is used.
    #[must_use]
    pub const fn is_dhcp(&self) -> bool {
        matches!(self, Self::Dhcp(_))
    }
}

/// The variable that requests `DHCPv6`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dhcpv6Source {
    /// `IP6_METHOD`.
    Ipv6Method,
    /// `METHOD`, which also applies to IPv6 if `IP6_METHOD` is empty.
    Method,
}

/// The InfiniBand settings of a NIC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Infiniband {
    /// The transport mode, if the context sets it.
    pub mode: Option<TransportMode>,
    /// The partition that carries the addresses; `None` for the port's default partition.
    pub pkey: Option<Pkey>,
}

/// A child of a device, which carries the addresses instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Child {
    /// A partition of an InfiniBand port.
    Partition(Pkey),
    /// A VLAN of an Ethernet NIC.
    Vlan(VlanId),
}

impl Child {
    /// The name of the child: `ib0.8001`, as the kernel names partitions, or `eth0.5`; `None` if it is too long.
    #[must_use]
    pub fn name(self, parent: &InterfaceName) -> Option<InterfaceName> {
        let name = match self {
            Self::Partition(pkey) => format!("{parent}.{:04x}", pkey.full_member().bits()),
            Self::Vlan(id) => format!("{parent}.{id}"),
        };
        name.parse().ok()
    }
}

impl fmt::Display for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partition(pkey) => write!(f, "P_Key {pkey}"),
            Self::Vlan(id) => write!(f, "VLAN {id}"),
        }
    }
}

/// The two transports of IPoIB (kernel `Documentation/infiniband/ipoib.rst`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportMode {
    /// MTU up to 4092.
    Datagram,
    /// MTU up to 65520.
    Connected,
}

impl TransportMode {
    /// The largest MTU in bytes.
    #[must_use]
    pub const fn largest_mtu(self) -> u32 {
        match self {
            Self::Datagram => 4092,
            Self::Connected => 65_520,
        }
    }
}

impl fmt::Display for TransportMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Datagram => "datagram",
            Self::Connected => "connected",
        })
    }
}
