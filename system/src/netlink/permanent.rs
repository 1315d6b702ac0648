//! The permanent address of a link: its own, even if a bond, a team or an operator has set another.
//!
//! Kernels report it since 5.6, if the link has one (`rtnl_fill_ifinfo` of net/core/rtnetlink.c).

use std::io;

use super::link::{IFINFOMSG, RTM_NEWLINK};
use super::message::{Attributes, Messages};

pub(super) const IFLA_PERM_ADDRESS: u16 = 54;

/// Returns its octets.
pub(super) fn parse(messages: Messages<'_>) -> io::Result<Option<Vec<u8>>> {
    for message in messages {
        let message = message?;
        if message.kind != RTM_NEWLINK {
            continue;
        }
        for attribute in Attributes::behind(message.payload, IFINFOMSG)? {
            if let (IFLA_PERM_ADDRESS, octets) = attribute? {
                return Ok(Some(octets.to_vec()));
            }
        }
    }
    Ok(None)
}
