//! A difference between the kernel and the context.

use std::fmt;
use std::net::IpAddr;

use ipnetwork::IpNetwork;

use crate::inventory::listed;

/// A difference between an interface and the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The interface does not exist.
    NoInterface,
    /// The interface is down.
    Down,
    /// An address of the context is missing; the interface has these addresses of the same family.
    AddressMissing(IpNetwork, Vec<IpNetwork>),
    /// An address has the wrong prefix length.
    AddressPrefix {
        /// The address in the context.
        wanted: IpNetwork,
        /// The prefix length that the kernel has.
        has: u8,
    },
    /// Another host on the link uses the same address, so the kernel does not.
    AddressTaken(IpAddr),
    /// No server or router has assigned an address of this family.
    NotAssigned {
        /// `IPv4` or `IPv6`.
        family: &'static str,
        /// What assigns it: `a DHCP server`.
        by: &'static str,
    },
    /// The context disables IPv6, but the interface has these addresses.
    Ipv6Enabled(Vec<IpNetwork>),
    /// The MTU in bytes differs.
    Mtu {
        /// The MTU in the context.
        wanted: u32,
        /// The MTU in the kernel.
        has: u32,
    },
    /// The IPoIB mode differs.
    Mode {
        /// The mode in the context.
        wanted: String,
        /// The mode in the kernel.
        has: String,
    },
    /// A route is missing; the interface has these routes to the same destination.
    RouteMissing(String, Vec<String>),
    /// A route has another metric.
    RouteMetric {
        /// The route.
        route: String,
        /// The metric in the context.
        wanted: u32,
        /// The metric in the kernel.
        has: u32,
    },
}

impl Difference {
    /// A stable code, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoInterface => "no-interface",
            Self::Down => "interface-down",
            Self::AddressMissing(..) => "address-missing",
            Self::AddressPrefix { .. } => "address-prefix",
            Self::AddressTaken(_) => "address-taken",
            Self::NotAssigned { .. } => "address-not-assigned",
            Self::Ipv6Enabled(_) => "ipv6-enabled",
            Self::Mtu { .. } => "mtu",
            Self::Mode { .. } => "mode",
            Self::RouteMissing(..) => "route-missing",
            Self::RouteMetric { .. } => "route-metric",
        }
    }
}

/// The text continues a sentence that starts with the interface.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInterface => f.write_str("does not exist"),
            Self::Down => f.write_str("is down"),
            Self::AddressMissing(wanted, has) => {
                write!(f, "lacks address {wanted} (it has {})", listed(has))
            }
            Self::AddressPrefix { wanted, has } => {
                write!(
                    f,
                    "has {}/{has}, the context asks for {wanted}",
                    wanted.ip()
                )
            }
            Self::AddressTaken(address) => {
                write!(f, "cannot use {address}: another host on the link has it")
            }
            Self::NotAssigned { family, by } => {
                write!(f, "has no {family} address: {by} has not assigned one")
            }
            Self::Ipv6Enabled(has) => {
                write!(f, "has {}, and the context turns IPv6 off", listed(has))
            }
            Self::Mtu { wanted, has } => {
                write!(f, "has MTU {has}, the context asks for {wanted}")
            }
            Self::Mode { wanted, has } => {
                write!(f, "runs in {has} mode, the context asks for {wanted}")
            }
            Self::RouteMissing(route, has) => {
                write!(f, "lacks route {route}")?;
                if !has.is_empty() {
                    write!(f, " (it has {})", listed(has))?;
                }
                Ok(())
            }
            Self::RouteMetric { route, wanted, has } => {
                write!(
                    f,
                    "has route {route} with metric {has}, the context asks for {wanted}"
                )
            }
        }
    }
}
