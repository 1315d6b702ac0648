//! Interfaces with their addresses and routes, as a network stack has configured them.
//!
//! ```text
//! struct ifinfomsg { u8 family; u8 pad; u16 type; s32 index; u32 flags; u32 change; }
//! struct ifaddrmsg { u8 family; u8 prefixlen; u8 flags; u8 scope; u32 index; }
//! struct rtmsg     { u8 family; u8 dst_len; u8 src_len; u8 tos; u8 table; u8 protocol; u8 scope; u8 type; u32 flags; }
//! struct rtnexthop { u16 len; u8 flags; u8 hops; s32 ifindex; }      followed by attributes of its own
//! ```

use std::io;
use std::net::IpAddr;

use super::address::{IFA_ADDRESS, IFADDRMSG, RTM_NEWADDR};
use super::link::{IFINFOMSG, IFLA_IFNAME, RTM_GETLINK, RTM_NEWLINK};
use super::message::{
    Attributes, Message, Messages, NLM_F_DUMP, NLM_F_REQUEST, cut, message, u32_at,
};
use super::route::{
    NEXT_HOP, RTA_DST, RTA_MULTIPATH, RTA_OIF, RTA_TABLE, RTM_NEWROUTE, RTMSG, UNICAST,
};

const IFF_UP: u32 = 1;
const IFF_RUNNING: u32 = 1 << 6;
pub(super) const IFLA_MTU: u16 = 4;
const IFA_LOCAL: u16 = 2;
const IFA_FLAGS: u16 = 8;
const IFA_F_DADFAILED: u32 = 1 << 3;
const IFA_F_TENTATIVE: u32 = 1 << 6;
const SCOPE_UNIVERSE: u8 = 0;
const SCOPE_SITE: u8 = 200;
pub(super) const RTA_GATEWAY: u16 = 5;
pub(super) const RTA_PRIORITY: u16 = 6;
pub(super) const TABLE_MAIN: u32 = 254;
/// A copy of a route for one destination (`RTM_F_CLONED`), not a configured one.
const RTM_F_CLONED: u32 = 1 << 9;
const AF_INET: u8 = 2;

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its index.
    pub index: u32,
    /// Its name in the kernel.
    pub name: String,
    /// Whether it is up (`IFF_UP`).
    pub is_up: bool,
    /// Whether its link works, too (`IFF_RUNNING`).
    pub is_running: bool,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Its addresses of global or site scope, in the kernel's order.
    pub addresses: Vec<InterfaceAddress>,
    /// The routes of the main table through it, in the kernel's order.
    pub routes: Vec<InterfaceRoute>,
}

/// An address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// The length of its network's prefix.
    pub prefix: u8,
    /// Whether the kernel is still checking for another host with it (`IFA_F_TENTATIVE`).
    pub is_tentative: bool,
    /// Whether another host has it (`IFA_F_DADFAILED`).
    pub is_duplicate: bool,
}

/// A unicast route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterfaceRoute {
    /// The destination: the first address of a network.
    pub destination: IpAddr,
    /// The length of its prefix; 0 matches everything.
    pub prefix: u8,
    /// The gateway; `None` if the network is on the link.
    pub gateway: Option<IpAddr>,
    /// Its metric; the default is 0 for IPv4 and 1024 for IPv6.
    pub metric: u32,
}

pub(super) fn request() -> Vec<u8> {
    message(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, &[0; IFINFOMSG])
}

pub(super) fn parse(messages: Messages<'_>) -> io::Result<Vec<Interface>> {
    of_kind(messages, RTM_NEWLINK, interface)
}

/// Adds addresses to their interfaces.
pub(super) fn add_addresses(
    interfaces: &mut [Interface],
    messages: Messages<'_>,
) -> io::Result<()> {
    for (index, address) in of_kind(messages, RTM_NEWADDR, address)?
        .into_iter()
        .flatten()
    {
        if let Some(interface) = with_index(interfaces, index) {
            interface.addresses.push(address);
        }
    }
    Ok(())
}

/// Adds routes to their interfaces.
pub(super) fn add_routes(interfaces: &mut [Interface], messages: Messages<'_>) -> io::Result<()> {
    for (index, route) in of_kind(messages, RTM_NEWROUTE, routes)?
        .into_iter()
        .flatten()
    {
        if let Some(interface) = with_index(interfaces, index) {
            interface.routes.push(route);
        }
    }
    Ok(())
}

fn with_index(interfaces: &mut [Interface], index: u32) -> Option<&mut Interface> {
    interfaces
        .iter_mut()
        .find(|interface| interface.index == index)
}

fn of_kind<T>(
    messages: Messages<'_>,
    kind: u16,
    parse: fn(&[u8]) -> io::Result<T>,
) -> io::Result<Vec<T>> {
    let is_it = |message: &io::Result<Message>| {
        message
            .as_ref()
            .map_or(true, |message| message.kind == kind)
    };
    messages
        .filter(is_it)
        .map(|message| parse(message?.payload))
        .collect()
}

fn interface(payload: &[u8]) -> io::Result<Interface> {
    let flags = u32_at(payload, 8).ok_or_else(cut)?;
    let mut interface = Interface {
        index: u32_at(payload, 4).ok_or_else(cut)?,
        name: String::new(),
        is_up: flags & IFF_UP != 0,
        is_running: flags & IFF_RUNNING != 0,
        mtu: 0,
        addresses: Vec::new(),
        routes: Vec::new(),
    };
    for attribute in Attributes::behind(payload, IFINFOMSG)? {
        match attribute? {
            (IFLA_IFNAME, text) => {
                let text = text.strip_suffix(&[0]).unwrap_or(text);
                interface.name = String::from_utf8_lossy(text).into_owned();
            }
            (IFLA_MTU, mtu) => interface.mtu = u32_at(mtu, 0).ok_or_else(cut)?,
            _ => {}
        }
    }
    Ok(interface)
}

fn address(payload: &[u8]) -> io::Result<Option<(u32, InterfaceAddress)>> {
    let [_, prefix, flags, scope] = *payload.first_chunk::<4>().ok_or_else(cut)?;
    let index = u32_at(payload, 4).ok_or_else(cut)?;
    let mut flags = u32::from(flags);
    let (mut local, mut other) = (None, None);
    for attribute in Attributes::behind(payload, IFADDRMSG)? {
        match attribute? {
            (IFA_LOCAL, octets) => local = Some(ip(octets)?),
            // If there is an IFA_LOCAL, this is the address of the other end of the link.
            (IFA_ADDRESS, octets) => other = Some(ip(octets)?),
            (IFA_FLAGS, all) => flags = u32_at(all, 0).ok_or_else(cut)?,
            _ => {}
        }
    }
    let is_wide = matches!(scope, SCOPE_UNIVERSE | SCOPE_SITE);
    let address = local.or(other).filter(|_| is_wide).map(|address| {
        let address = InterfaceAddress {
            address,
            prefix,
            is_tentative: flags & IFA_F_TENTATIVE != 0,
            is_duplicate: flags & IFA_F_DADFAILED != 0,
        };
        (index, address)
    });
    Ok(address)
}

/// Reads a route. A multipath route counts as one for each of its next hops.
fn routes(payload: &[u8]) -> io::Result<Vec<(u32, InterfaceRoute)>> {
    let fixed: &[u8; 8] = payload.first_chunk().ok_or_else(cut)?;
    let flags = u32_at(payload, 8).ok_or_else(cut)?;
    let mut table = u32::from(fixed[4]);
    let mut route = InterfaceRoute {
        destination: match fixed[0] {
            AF_INET => [0; 4].into(),
            _ => [0; 16].into(),
        },
        prefix: fixed[1],
        gateway: None,
        metric: 0,
    };
    let mut out = None;
    let mut hops: &[u8] = &[];
    for attribute in Attributes::behind(payload, RTMSG)? {
        match attribute? {
            (RTA_DST, octets) => route.destination = ip(octets)?,
            (RTA_GATEWAY, octets) => route.gateway = Some(ip(octets)?),
            (RTA_PRIORITY, metric) => route.metric = u32_at(metric, 0).ok_or_else(cut)?,
            (RTA_OIF, index) => out = Some(u32_at(index, 0).ok_or_else(cut)?),
            (RTA_TABLE, number) => table = u32_at(number, 0).ok_or_else(cut)?,
            (RTA_MULTIPATH, list) => hops = list,
            _ => {}
        }
    }
    if fixed[7] != UNICAST || table != TABLE_MAIN || flags & RTM_F_CLONED != 0 {
        return Ok(Vec::new());
    }
    let mut routes: Vec<_> = out.map(|index| (index, route)).into_iter().collect();
    while !hops.is_empty() {
        let len: [u8; 2] = *hops.first_chunk().ok_or_else(cut)?;
        let len = usize::from(u16::from_ne_bytes(len));
        let hop = hops.get(..len).ok_or_else(cut)?;
        routes.push(next_hop(hop, route)?);
        hops = hops.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(routes)
}

fn next_hop(hop: &[u8], mut route: InterfaceRoute) -> io::Result<(u32, InterfaceRoute)> {
    let attributes = Attributes::behind(hop, NEXT_HOP)?;
    for attribute in attributes {
        if let (RTA_GATEWAY, octets) = attribute? {
            route.gateway = Some(ip(octets)?);
        }
    }
    Ok((u32_at(hop, 4).ok_or_else(cut)?, route))
}

fn ip(octets: &[u8]) -> io::Result<IpAddr> {
    match octets.len() {
        4 => octets.first_chunk::<4>().map(|octets| (*octets).into()),
        _ => octets.first_chunk::<16>().map(|octets| (*octets).into()),
    }
    .ok_or_else(cut)
}
