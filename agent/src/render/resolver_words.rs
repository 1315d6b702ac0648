//! Name servers and search domains in the form of `resolv.conf(5)`, for stacks that write them there.
//!
//! ```text
//! search example.org .
//! nameserver fe80::1%eth0
//! ```
//! Stacks with name servers per link know the link of a link-local address, and some reject an address with a link name.

use std::net::IpAddr;

use hwaddr::InterfaceName;

use crate::plan::{SearchDomain, is_link_local};

/// Adds its link to a link-local address.
pub(super) fn servers(servers: &[IpAddr], device: &InterfaceName) -> Vec<String> {
    let word = |server: &IpAddr| {
        if is_link_local(*server) {
            format!("{server}%{device}")
        } else {
            server.to_string()
        }
    };
    servers.iter().map(word).collect()
}

/// Omits routing-only domains.
pub(super) fn domains(domains: &[SearchDomain]) -> Vec<String> {
    let completing = domains.iter().filter(|domain| !domain.is_routing_only());
    completing.map(ToString::to_string).collect()
}
