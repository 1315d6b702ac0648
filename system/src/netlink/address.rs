//! Addresses of links.
//!
//! ```text
//! struct ifaddrmsg { u8 family; u8 prefixlen; u8 flags; u8 scope; u32 index; }
//! ```

use std::collections::BTreeSet;
use std::io;

use super::message::{Attributes, Messages, NLM_F_DUMP, NLM_F_REQUEST, cut, message, u32_at};

pub(super) const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
pub(super) const IFA_ADDRESS: u16 = 1;
pub(super) const IFADDRMSG: usize = 8;
/// Scopes from this one on are link, host and nowhere (`RT_SCOPE_LINK`).
const SCOPE_LINK: u8 = 253;

pub(super) fn request() -> Vec<u8> {
    message(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, &[0; IFADDRMSG])
}

pub(super) fn parse(messages: Messages<'_>) -> io::Result<BTreeSet<u32>> {
    let mut links = BTreeSet::new();
    for message in messages {
        let message = message?;
        if message.kind != RTM_NEWADDR {
            continue;
        }
        let [_, _, _, scope] = *message.payload.first_chunk::<4>().ok_or_else(cut)?;
        let index = u32_at(message.payload, 4).ok_or_else(cut)?;
        for attribute in Attributes::behind(message.payload, IFADDRMSG)? {
            let (kind, address) = attribute?;
            if kind == IFA_ADDRESS && scope < SCOPE_LINK && !is_link_local(address) {
                links.insert(index);
            }
        }
    }
    Ok(links)
}

/// `169.254.0.0/16` and `fe80::/10`.
pub(super) fn is_link_local(address: &[u8]) -> bool {
    match *address {
        [169, 254, _, _] => true,
        [0xfe, second, ..] if address.len() == 16 => second & 0xc0 == 0x80,
        _ => false,
    }
}
