//! A link and its VFs.
//!
//! ```text
//! struct ifinfomsg { u8 family; u8 pad; u16 type; s32 index; u32 flags; u32 change; }
//! IFLA_NUM_VF u32
//! IFLA_VFINFO_LIST { IFLA_VF_INFO { IFLA_VF_MAC, IFLA_VF_VLAN, IFLA_VF_LINK_STATE, ... } ... }
//! ```
//!
//! An attribute is smaller than 64 KiB. With its counters (`IFLA_VF_STATS`) a VF needs about 300 bytes, so a PF with 256 VFs
//! does not fit: some kernels answer EMSGSIZE, others write the length of the list modulo 65536. So the counters are not
//! requested, and only the complete part of a truncated list is read (`rtnl_fill_vf` of net/core/rtnetlink.c).

use std::fmt;
use std::io;
use std::str::FromStr;

use hwaddr::{Guid, InterfaceName, MacAddress};

use super::message::{
    Attributes, Messages, NLM_F_REQUEST, attribute, cut, message, u32_at, u64_at,
};

pub(super) const RTM_NEWLINK: u16 = 16;
pub(super) const RTM_GETLINK: u16 = 18;
pub(super) const IFLA_IFNAME: u16 = 3;
pub(super) const IFLA_VFINFO_LIST: u16 = 22;
const IFLA_EXT_MASK: u16 = 29;
const RTEXT_FILTER_VF: u32 = 1;
const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;
pub(super) const IFLA_NUM_VF: u16 = 21;
pub(super) const IFLA_VF_INFO: u16 = 1;
pub(super) const IFLA_VF_MAC: u16 = 1;
pub(super) const IFLA_VF_VLAN: u16 = 2;
pub(super) const IFLA_VF_SPOOFCHK: u16 = 4;
pub(super) const IFLA_VF_LINK_STATE: u16 = 5;
pub(super) const IFLA_VF_RATE: u16 = 6;
pub(super) const IFLA_VF_TRUST: u16 = 9;
pub(super) const IFLA_VF_IB_NODE_GUID: u16 = 10;
pub(super) const IFLA_VF_IB_PORT_GUID: u16 = 11;
pub(super) const IFLA_VF_BROADCAST: u16 = 13;
pub(super) const IFLA_VF_VLAN_LIST: u16 = 12;
pub(super) const IFLA_VF_VLAN_INFO: u16 = 1;
/// `ETH_P_8021AD` of `include/uapi/linux/if_ether.h`.
pub(super) const ETH_P_8021AD: u16 = 0x88a8;
pub(super) const ETH_P_8021Q: u16 = 0x8100;
pub(super) const IFINFOMSG: usize = 16;

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PfLink {
    /// Its interface index.
    pub index: u32,
    /// Its name.
    pub name: InterfaceName,
    /// Its VFs, in the kernel's order.
    pub vfs: Vec<VfInfo>,
}

/// A VF, as the driver of its PF reports it. `None` means unknown or unset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VfInfo {
    /// Its number.
    pub vf: u32,
    /// The MAC that the PF has set for it.
    pub mac: Option<MacAddress>,
    /// Its VLAN; ID 0 means none.
    pub vlan: Option<VfVlan>,
    /// Its link state.
    pub link_state: Option<VfLinkState>,
    /// Whether frames with a forged source MAC are dropped; `None` if the driver does not support the check.
    pub spoof_check: Option<bool>,
    /// Whether it may change its MAC and receive others' frames; `None` if the driver does not support trust.
    pub trust: Option<bool>,
    /// Its minimum and maximum transmit rate in Mbit/s; 0 means no limit.
    pub rates: Option<(u32, u32)>,
    /// Its node GUID, which kernels report since 5.6.
    pub node_guid: Option<Guid>,
    /// Its port GUID.
    pub port_guid: Option<Guid>,
}

/// The VLAN of a VF.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VfVlan {
    /// Its ID.
    pub id: u16,
    /// Its priority.
    pub qos: u8,
    /// Whether its tag is 802.1ad (provider bridge) rather than 802.1Q.
    pub is_8021ad: bool,
}

/// The link state that a PF sets for a VF (`IFLA_VF_LINK_STATE_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VfLinkState {
    /// The same as that of the PF.
    Auto,
    /// Always up.
    Enable,
    /// Always down.
    Disable,
}

/// In the form of `ip link set ... state`.
impl fmt::Display for VfLinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Enable => "enable",
            Self::Disable => "disable",
        })
    }
}

/// A text that is not a link state of a VF.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid link state '{}': expected auto, enable or disable", .0.escape_debug())]
pub struct VfLinkStateError(String);

impl FromStr for VfLinkState {
    type Err = VfLinkStateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Auto, Self::Enable, Self::Disable];
        let found = all.into_iter().find(|state| state.to_string() == text);
        found.ok_or_else(|| VfLinkStateError(text.to_owned()))
    }
}

/// Builds the request for a link, with or without its VFs.
pub(super) fn request(name: &InterfaceName, with_vfs: bool) -> Vec<u8> {
    let mut payload = vec![0; IFINFOMSG];
    let mut text = name.as_str().as_bytes().to_vec();
    text.push(0);
    payload.extend(attribute(IFLA_IFNAME, &text));
    if with_vfs {
        let filter = RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS;
        payload.extend(attribute(IFLA_EXT_MASK, &filter.to_ne_bytes()));
    }
    message(RTM_GETLINK, NLM_F_REQUEST, &payload)
}

/// Reads the kernel's answer: the link, or an error.
pub(super) fn parse(messages: Messages<'_>) -> io::Result<PfLink> {
    for message in messages {
        let message = message?;
        if message.kind == RTM_NEWLINK {
            return link(message.payload);
        }
    }
    Err(cut())
}

fn link(payload: &[u8]) -> io::Result<PfLink> {
    let index = u32_at(payload, 4).ok_or_else(cut)?;
    let mut name = None;
    let mut vfs = Vec::new();
    let mut number = 0;
    for attribute in Attributes::behind(payload, IFINFOMSG)? {
        match attribute? {
            (IFLA_IFNAME, text) => {
                let text = text.strip_suffix(&[0]).unwrap_or(text);
                name = std::str::from_utf8(text)
                    .ok()
                    .and_then(|text| text.parse().ok());
            }
            (IFLA_NUM_VF, value) => number = u32_at(value, 0).ok_or_else(cut)? as usize,
            (IFLA_VFINFO_LIST, list) => {
                for info in Attributes::within(list) {
                    match info {
                        Ok((IFLA_VF_INFO, info)) => vfs.extend(vf(info)?),
                        Ok(_) => {}
                        Err(_) if vfs.len() < number => break,
                        Err(error) => return Err(error),
                    }
                }
                if vfs.len() < number {
                    // The length of the list overflowed: the rest are VFs of the list, not attributes of the link.
                    break;
                }
            }
            _ => {}
        }
    }
    let name = name.ok_or_else(cut)?;
    Ok(PfLink { index, name, vfs })
}

/// Reads a VF. Each of its attributes starts with its number.
fn vf(info: &[u8]) -> io::Result<Option<VfInfo>> {
    let mut found: Option<VfInfo> = None;
    for attribute in Attributes::within(info) {
        let (kind, value) = attribute?;
        if kind == IFLA_VF_VLAN_LIST {
            if let Some(vf) = &mut found {
                vlan_list(value, vf)?;
            }
            continue;
        }
        let Some(vf) = u32_at(value, 0) else {
            return Err(cut());
        };
        let vf = found.get_or_insert(VfInfo {
            vf,
            ..VfInfo::default()
        });
        match kind {
            IFLA_VF_MAC => {
                let octets: &[u8; 6] = value
                    .get(4..)
                    .and_then(<[u8]>::first_chunk)
                    .ok_or_else(cut)?;
                // All zeroes means none.
                vf.mac = MacAddress::try_from(*octets).ok();
            }
            IFLA_VF_VLAN => {
                let id = u32_at(value, 4).ok_or_else(cut)?;
                let qos = u32_at(value, 8).ok_or_else(cut)?;
                vf.vlan = Some(VfVlan {
                    id: u16::try_from(id).map_err(|_| cut())?,
                    qos: u8::try_from(qos).map_err(|_| cut())?,
                    is_8021ad: false,
                });
            }
            IFLA_VF_SPOOFCHK => vf.spoof_check = switch(value)?,
            IFLA_VF_TRUST => vf.trust = switch(value)?,
            IFLA_VF_RATE => {
                let min = u32_at(value, 4).ok_or_else(cut)?;
                let max = u32_at(value, 8).ok_or_else(cut)?;
                vf.rates = Some((min, max));
            }
            IFLA_VF_LINK_STATE => {
                vf.link_state = match u32_at(value, 4).ok_or_else(cut)? {
                    0 => Some(VfLinkState::Auto),
                    1 => Some(VfLinkState::Enable),
                    2 => Some(VfLinkState::Disable),
                    _ => None,
                };
            }
            IFLA_VF_IB_NODE_GUID => vf.node_guid = guid(value)?,
            IFLA_VF_IB_PORT_GUID => vf.port_guid = guid(value)?,
            _ => {}
        }
    }
    Ok(found)
}

/// Reads `struct ifla_vf_vlan_info { u32 vf; u32 vlan; u32 qos; be16 vlan_proto; }`, which kernels so far write once for a VF.
fn vlan_list(list: &[u8], vf: &mut VfInfo) -> io::Result<()> {
    for info in Attributes::within(list) {
        if let (IFLA_VF_VLAN_INFO, info) = info? {
            let protocol: &[u8; 2] = info
                .get(12..)
                .and_then(<[u8]>::first_chunk)
                .ok_or_else(cut)?;
            if let Some(vlan) = &mut vf.vlan {
                vlan.is_8021ad = u16::from_be_bytes(*protocol) == ETH_P_8021AD;
            }
        }
    }
    Ok(())
}

/// Reads `struct ifla_vf_spoofchk { u32 vf; u32 setting; }`, or the same for trust. -1 means that the driver does not report it.
fn switch(value: &[u8]) -> io::Result<Option<bool>> {
    let setting = u32_at(value, 4).ok_or_else(cut)?;
    Ok((setting != u32::MAX).then_some(setting != 0))
}

/// `struct ifla_vf_guid { u32 vf; u64 guid; }`: the number is in the machine's byte order; the first octet of its text is the most
/// significant. Zero and all ones mean none.
fn guid(value: &[u8]) -> io::Result<Option<Guid>> {
    let number = u64_at(value, 8).ok_or_else(cut)?;
    Ok(Guid::try_from(number.to_be_bytes()).ok())
}
