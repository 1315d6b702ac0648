//! Name servers and search domains in the words of `resolv.conf(5)`: for the stacks that put them there.
//!
//! ```text
//! search example.org .
//! nameserver fe80::1%eth0
//! ```
//! The stacks that keep them for the link know that of a link-local address, and some refuse one with a name.

use std::net::IpAddr;

use hwaddr::InterfaceName;

use crate::plan::{SearchDomain, is_link_local};

/// A link-local address with the link that it is on.
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

/// Without domains that only say where to ask.
pub(super) fn domains(domains: &[SearchDomain]) -> Vec<String> {
    let completing = domains.iter().filter(|domain| !domain.is_routing_only());
    completing.map(ToString::to_string).collect()
}
