//! `/etc/resolv.conf`, for network stacks without a setting for name servers.
//!
//! ```text
//! # Written by one-sriov-agent from the context of the VM. Do not edit: edited files are not updated.
//! search ib.example.org
//! nameserver 10.0.0.2
//! ```
//! ifupdown passes name servers to `resolvconf`; if that is not installed, only a DHCP client writes the file. wicked passes name
//! servers from DHCP to `netconfig`, which reads static ones for all NICs from `/etc/sysconfig/network/config`, a file with many
//! other settings; `netconfig` does not change a foreign `resolv.conf`. Sources: `resolv.conf(5)`, `netconfig(8)`.

use std::path::PathBuf;

use hwaddr::InterfaceName;

use super::Rendered;
use super::configured::configured;
use super::lines::Lines;
use super::resolver_words;
use crate::plan::model::Ipv4;
use crate::plan::{NicId, Plan};

/// The path of the file.
pub const PATH: &str = "/etc/resolv.conf";
/// How many name servers programs use (`MAXNS` of `<resolv.h>`).
const ASKED: usize = 3;

/// The program that writes `/etc/resolv.conf` of a guest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Resolver {
    /// No program.
    #[default]
    Nobody,
    /// `resolvconf` is installed.
    Resolvconf,
    /// The program that made the file a symbolic link.
    Link,
    /// `netconfig` of SUSE, which does not change a file that replaced its link.
    Netconfig,
}

/// Renders the name servers and search domains of all NICs, for a backend that cannot set them.
pub(super) fn render(plan: &Plan, resolver: Resolver) -> Rendered {
    let mut rendered = Rendered::default();
    if resolver == Resolver::Resolvconf {
        return rendered;
    }
    let mut servers = Vec::new();
    let mut domains = Vec::new();
    for nic in configured(plan) {
        push_new(
            &mut servers,
            &resolver_words::servers(&nic.config.dns, nic.carrier()),
        );
        push_new(&mut domains, &resolver_words::domains(&nic.config.search));
    }
    if servers.is_empty() && domains.is_empty() {
        return rendered;
    }
    let by_dhcp = |nic: &super::configured::Configured| {
        nic.config.ipv4 == Ipv4::Dhcp || nic.config.ipv6.is_dhcp()
    };
    if let Some(nic) = configured(plan).find(by_dhcp) {
        let device = nic.device;
        rendered.notes.push(format!(
            "name servers and search domains are left to the DHCP client of '{device}', which writes '{PATH}'"
        ));
        return rendered;
    }
    if resolver == Resolver::Link {
        rendered.notes.push(format!(
            "name servers and search domains are not written: '{PATH}' is a symbolic link that the agent did not create"
        ));
        return rendered;
    }
    if servers.len() > ASKED {
        rendered.notes.push(format!(
            "programs ask only the first {ASKED} of {} name servers",
            servers.len()
        ));
    }
    let mut lines = Lines::for_machine();
    if !domains.is_empty() {
        lines.raw(format_args!("search {}", domains.join(" ")));
    }
    for server in servers {
        lines.raw(format_args!("nameserver {server}"));
    }
    // The file is not for a single NIC.
    if let Ok(device) = "lo".parse::<InterfaceName>() {
        let file = lines.into_file(PathBuf::from(PATH), NicId::NameServers, &device);
        rendered.files.push(file);
    }
    rendered
}

fn push_new<T: Clone + PartialEq>(all: &mut Vec<T>, more: &[T]) {
    for value in more {
        if !all.contains(value) {
            all.push(value.clone());
        }
    }
}
