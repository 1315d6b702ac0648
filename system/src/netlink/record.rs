//! Writes answers in the kernel's form, for staged machines.

use std::net::IpAddr;

use super::EMSGSIZE;
use super::address::{IFA_ADDRESS, IFADDRMSG, RTM_NEWADDR, is_link_local};
use super::link::{
    ETH_P_8021AD, ETH_P_8021Q, IFINFOMSG, IFLA_IFNAME, IFLA_NUM_VF, IFLA_VF_BROADCAST,
    IFLA_VF_IB_NODE_GUID, IFLA_VF_IB_PORT_GUID, IFLA_VF_INFO, IFLA_VF_LINK_STATE, IFLA_VF_MAC,
    IFLA_VF_RATE, IFLA_VF_SPOOFCHK, IFLA_VF_TRUST, IFLA_VF_VLAN, IFLA_VF_VLAN_INFO,
    IFLA_VF_VLAN_LIST, IFLA_VFINFO_LIST, PfLink, RTM_NEWLINK, VfInfo, VfLinkState,
};
use super::message::{ATTRIBUTE_HEADER, NLMSG_ERROR, attribute, message};
use super::permanent::IFLA_PERM_ADDRESS;
use super::route::{RTA_DST, RTA_OIF, RTM_NEWROUTE, RTMSG, UNICAST};

const NESTED: u16 = 0x8000;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// The answer to the request for a link, which is an error if its VFs do not fit.
#[must_use]
pub fn link_message(link: &PfLink) -> Vec<u8> {
    let mut payload = vec![0; IFINFOMSG];
    payload[4..8].copy_from_slice(&link.index.to_ne_bytes());
    let mut name = link.name.as_str().as_bytes().to_vec();
    name.push(0);
    payload.extend(attribute(IFLA_IFNAME, &name));
    if link.vfs.is_empty() {
        return message(RTM_NEWLINK, 0, &payload);
    }
    let number = u32::try_from(link.vfs.len()).unwrap_or(u32::MAX);
    payload.extend(attribute(IFLA_NUM_VF, &number.to_ne_bytes()));
    let vfs: Vec<u8> = link.vfs.iter().flat_map(vf).collect();
    if ATTRIBUTE_HEADER + vfs.len() > usize::from(u16::MAX) {
        return refusal(EMSGSIZE);
    }
    payload.extend(attribute(IFLA_VFINFO_LIST | NESTED, &vfs));
    message(RTM_NEWLINK, 0, &payload)
}

/// A link with its permanent address.
#[must_use]
pub fn permanent_address_message(address: &[u8]) -> Vec<u8> {
    let mut payload = vec![0; IFINFOMSG];
    payload.extend(attribute(IFLA_PERM_ADDRESS, address));
    message(RTM_NEWLINK, 0, &payload)
}

/// An answer that is an error.
#[must_use]
pub fn refusal(number: i32) -> Vec<u8> {
    message(NLMSG_ERROR, 0, &number.wrapping_neg().to_ne_bytes())
}

fn vf(info: &VfInfo) -> Vec<u8> {
    let mut values = Vec::new();
    let mut add = |kind, value: &[u8]| {
        let value = [&info.vf.to_ne_bytes(), value].concat();
        values.extend(attribute(kind, &value));
    };
    // The kernel always includes a MAC, all zeroes if there is none.
    let mut mac = [0; 32];
    mac[..6].copy_from_slice(&info.mac.map_or([0; 6], |mac| mac.octets()));
    add(IFLA_VF_MAC, &mac);
    add(IFLA_VF_BROADCAST, &[0xff; 32][..]);
    if let Some(vlan) = info.vlan {
        let value = [u32::from(vlan.id), u32::from(vlan.qos)].map(u32::to_ne_bytes);
        add(IFLA_VF_VLAN, value.as_flattened());
    }
    for (kind, value) in [
        (IFLA_VF_SPOOFCHK, info.spoof_check),
        (IFLA_VF_TRUST, info.trust),
    ] {
        // -1 if the driver does not report it.
        let value = value.map_or(u32::MAX, u32::from);
        add(kind, &value.to_ne_bytes());
    }
    if let Some((min, max)) = info.rates {
        add(
            IFLA_VF_RATE,
            [min, max].map(u32::to_ne_bytes).as_flattened(),
        );
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
    if let Some(vlan) = info.vlan {
        let protocol = if vlan.is_8021ad {
            ETH_P_8021AD
        } else {
            ETH_P_8021Q
        };
        let numbers = [info.vf, u32::from(vlan.id), u32::from(vlan.qos)].map(u32::to_ne_bytes);
        let value = [numbers.as_flattened(), &protocol.to_be_bytes()].concat();
        let list = attribute(IFLA_VF_VLAN_INFO, &value);
        values.extend(attribute(IFLA_VF_VLAN_LIST | NESTED, &list));
    }
    attribute(IFLA_VF_INFO | NESTED, &values)
}

/// An address of a link.
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

/// A route of the main table through a link.
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
