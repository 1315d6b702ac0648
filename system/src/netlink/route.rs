//! Routes through links.
//!
//! ```text
//! struct rtmsg { u8 family; u8 dst_len; u8 src_len; u8 tos; u8 table; u8 protocol; u8 scope; u8 type; u32 flags; }
//! struct rtnexthop { u16 len; u8 flags; u8 hops; s32 ifindex; }
//! ```

use std::collections::BTreeSet;
use std::io;

use super::address::is_link_local;
use super::message::{Attributes, Messages, NLM_F_DUMP, NLM_F_REQUEST, cut, message, u32_at};

pub(super) const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
pub(super) const RTA_DST: u16 = 1;
pub(super) const RTA_OIF: u16 = 4;
pub(super) const RTA_MULTIPATH: u16 = 9;
pub(super) const RTA_TABLE: u16 = 15;
pub(super) const RTMSG: usize = 12;
pub(super) const UNICAST: u8 = 1;
/// The kernel's own table of the host's addresses (`RT_TABLE_LOCAL`).
const TABLE_LOCAL: u32 = 255;
pub(super) const NEXT_HOP: usize = 8;

pub(super) fn request() -> Vec<u8> {
    message(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, &[0; RTMSG])
}

pub(super) fn parse(messages: Messages<'_>) -> io::Result<BTreeSet<u32>> {
    let mut links = BTreeSet::new();
    for message in messages {
        let message = message?;
        if message.kind == RTM_NEWROUTE {
            route(message.payload, &mut links)?;
        }
    }
    Ok(links)
}

fn route(payload: &[u8], links: &mut BTreeSet<u32>) -> io::Result<()> {
    let fixed: &[u8; 8] = payload.first_chunk().ok_or_else(cut)?;
    let mut table = u32::from(fixed[4]);
    let mut is_everybodys = false;
    let mut out = Vec::new();
    for attribute in Attributes::behind(payload, RTMSG)? {
        match attribute? {
            (RTA_DST, destination) => {
                is_everybodys = is_link_local(destination) || is_multicast(destination);
            }
            (RTA_OIF, index) => out.push(u32_at(index, 0).ok_or_else(cut)?),
            (RTA_TABLE, number) => table = u32_at(number, 0).ok_or_else(cut)?,
            (RTA_MULTIPATH, mut hops) => {
                while !hops.is_empty() {
                    let len: [u8; 2] = *hops.first_chunk().ok_or_else(cut)?;
                    let len = usize::from(u16::from_ne_bytes(len));
                    if len < NEXT_HOP {
                        return Err(cut());
                    }
                    out.push(u32_at(hops, 4).ok_or_else(cut)?);
                    hops = hops.get(len.next_multiple_of(4)..).unwrap_or_default();
                }
            }
            _ => {}
        }
    }
    if fixed[7] == UNICAST && table != TABLE_LOCAL && !is_everybodys {
        links.extend(out);
    }
    Ok(())
}

/// `224.0.0.0/4` and `ff00::/8`.
fn is_multicast(address: &[u8]) -> bool {
    match *address {
        [first, _, _, _] => first & 0xf0 == 0xe0,
        [0xff, ..] => address.len() == 16,
        _ => false,
    }
}
