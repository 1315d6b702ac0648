//! Answers as the kernel writes them, for those who stage a machine.

use std::net::IpAddr;

use super::address::{IFA_ADDRESS, IFADDRMSG, RTM_NEWADDR, is_link_local};
use super::link::{
    IFINFOMSG, IFLA_IFNAME, IFLA_VF_IB_NODE_GUID, IFLA_VF_IB_PORT_GUID, IFLA_VF_INFO,
    IFLA_VF_LINK_STATE, IFLA_VF_MAC, IFLA_VF_VLAN, IFLA_VFINFO_LIST, Link, RTM_NEWLINK, VfInfo,
    VfLinkState,
};
use super::message::{attribute, message};
use super::route::{RTA_DST, RTA_OIF, RTM_NEWROUTE, RTMSG, UNICAST};

const NESTED: u16 = 0x8000;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// The answer to the question after a link.
#[must_use]
pub fn link_message(link: &Link) -> Vec<u8> {
    let mut payload = vec![0; IFINFOMSG];
    payload[4..8].copy_from_slice(&link.index.to_ne_bytes());
    let mut name = link.name.as_str().as_bytes().to_vec();
    name.push(0);
    payload.extend(attribute(IFLA_IFNAME, &name));
    let vfs: Vec<u8> = link.vfs.iter().flat_map(vf).collect();
    payload.extend(attribute(IFLA_VFINFO_LIST | NESTED, &vfs));
    message(RTM_NEWLINK, 0, &payload)
}

fn vf(info: &VfInfo) -> Vec<u8> {
    let mut values = Vec::new();
    let mut add = |kind, value: &[u8]| {
        let value = [&info.vf.to_ne_bytes(), value].concat();
        values.extend(attribute(kind, &value));
    };
    // The kernel always says a MAC: zeros where there is none.
    let mut mac = [0; 32];
    mac[..6].copy_from_slice(&info.mac.map_or([0; 6], |mac| mac.octets()));
    add(IFLA_VF_MAC, &mac);
    if let Some(vlan) = info.vlan {
        let value = [u32::from(vlan.id), u32::from(vlan.qos)].map(u32::to_ne_bytes);
        add(IFLA_VF_VLAN, value.as_flattened());
    }
    if let Some(state) = info.link_state {
        let state: u32 = match state {
            VfLinkState::Auto => 0,
            VfLinkState::Enable => 1,
            VfLinkState::Disable => 2,
        };
        add(IFLA_VF_LINK_STATE, &state.to_ne_bytes());
    }
    for (kind, guid) in [
        (IFLA_VF_IB_NODE_GUID, info.node_guid),
        (IFLA_VF_IB_PORT_GUID, info.port_guid),
    ] {
        if let Some(guid) = guid {
            let number = u64::from_be_bytes(guid.octets());
            add(kind, &[&[0; 4][..], &number.to_ne_bytes()].concat());
        }
    }
    attribute(IFLA_VF_INFO | NESTED, &values)
}

/// One address of a link.
#[must_use]
pub fn address_message(index: u32, address: IpAddr, prefix: u8) -> Vec<u8> {
    let (family, octets) = octets(address);
    let scope = if is_link_local(&octets) { 253 } else { 0 };
    let mut payload = vec![family, prefix, 0, scope];
    payload.extend(index.to_ne_bytes());
    debug_assert_eq!(payload.len(), IFADDRMSG);
    payload.extend(attribute(IFA_ADDRESS, &octets));
    message(RTM_NEWADDR, 0, &payload)
}

/// One route of the main table out of a link.
#[must_use]
pub fn route_message(index: u32, destination: IpAddr, prefix: u8) -> Vec<u8> {
    const TABLE_MAIN: u8 = 254;
    let (family, octets) = octets(destination);
    let mut payload = vec![family, prefix, 0, 0, TABLE_MAIN, 0, 0, UNICAST];
    payload.resize(RTMSG, 0);
    payload.extend(attribute(RTA_DST, &octets));
    payload.extend(attribute(RTA_OIF, &index.to_ne_bytes()));
    message(RTM_NEWROUTE, 0, &payload)
}

fn octets(address: IpAddr) -> (u8, Vec<u8>) {
    match address {
        IpAddr::V4(address) => (AF_INET, address.octets().to_vec()),
        IpAddr::V6(address) => (AF_INET6, address.octets().to_vec()),
    }
}
