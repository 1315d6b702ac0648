//! `/etc/network/interfaces.d`: stanzas for ifupdown (Debian, Devuan), ifupdown-ng and busybox (Alpine).
//!
//! ```text
//! # Written by one-sriov-agent for ETH1 from the context of the VM. Do not edit: edited files are not updated.
//! auto ib0
//! iface ib0 inet static
//!     address 192.168.7.5/24
//!     gateway 192.168.7.1
//! ```
//! That is [`debian`]; [`alpine`] writes the same for readers with fewer features. Settings without a keyword (transport mode,
//! partitions, the MTU of an IPv6-only NIC) become commands, which a shell runs; they contain only typed tokens.

mod alpine;
mod debian;
mod dialect;
mod main_file;
mod sources;

use std::fmt::Display;
use std::net::IpAddr;

use hwaddr::InterfaceName;
use ipnetwork::IpNetwork;

pub(super) use dialect::Dialect;
pub(super) use main_file::warnings;

use super::configured::{Configured, configured};
use super::lines::Lines;
use super::resolver_words;
use super::{Rendered, RenderedFile};
use crate::plan::model::{Child, Ipv6, NicConfig};
use crate::plan::{NicId, Plan, Role};

/// Renders a plan. A device without a stanza is unmanaged, so dummy NICs need no stanza.
pub(super) fn render(plan: &Plan, dialect: Dialect) -> Rendered {
    let files = configured(plan).map(|nic| Stanzas::of(&nic, plan.role, dialect));
    Rendered {
        files: files.collect(),
        ..Rendered::default()
    }
}

/// The stanzas of one NIC.
struct Stanzas<'a> {
    lines: Lines,
    config: &'a NicConfig,
    dialect: Dialect,
    /// Whether one-context has already set the addresses when ifupdown starts.
    has_addresses: bool,
}

impl<'a> Stanzas<'a> {
    fn of(nic: &Configured<'a>, role: Role, dialect: Dialect) -> RenderedFile {
        let mut stanzas = Self {
            lines: Lines::for_nic(nic.nic),
            config: nic.config,
            dialect,
            has_addresses: role == Role::Companion && matches!(nic.nic.id, NicId::Pci(..)),
        };
        let is_here = nic
            .nic
            .device
            .as_ref()
            .is_some_and(|device| device.matched_by.is_present());
        if let Some((child, name)) = &nic.child {
            stanzas.start(nic.device, is_here);
            stanzas.parent(nic.device);
            stanzas.start(name, is_here);
            stanzas.carrier(name, Some((*child, nic.device)));
        } else {
            stanzas.start(nic.device, is_here);
            stanzas.carrier(nic.device, None);
        }
        let path = main_file::path_of(nic.device);
        stanzas.lines.into_file(path, nic.nic.id, nic.device)
    }

    fn start(&mut self, device: &InterfaceName, is_here: bool) {
        // With `auto`, a missing device would make the start of the whole network fail.
        let when = if is_here || self.dialect == Dialect::Alpine {
            "auto"
        } else {
            "allow-hotplug"
        };
        self.lines.raw(format_args!("{when} {device}"));
    }

    fn iface(&mut self, device: &InterfaceName, family: &str, method: &str) {
        self.lines
            .raw(format_args!("iface {device} {family} {method}"));
    }

    fn option(&mut self, key: &str, value: impl Display) {
        self.lines.raw(format_args!("    {key} {value}"));
    }

    /// Writes the stanzas of the device that carries the addresses.
    fn carrier(&mut self, device: &InterfaceName, child: Option<(Child, &InterfaceName)>) {
        match self.dialect {
            Dialect::Debian => self.debian(device, child),
            Dialect::Alpine => self.alpine(device, child),
        }
    }

    /// Writes the stanza of a port, which only has to be up, because the child carries the addresses.
    fn parent(&mut self, device: &InterfaceName) {
        self.iface(device, "inet", "manual");
        self.mode_and_mtu(device);
        self.no_ipv6(device);
        self.up_and_down(device);
    }

    fn up_and_down(&mut self, device: &InterfaceName) {
        self.option("up", format_args!("ip link set dev {device} up"));
        self.option("down", format_args!("ip link set dev {device} down"));
    }

    /// Writes the commands to run before any address is set.
    fn link_options(&mut self, device: &InterfaceName, child: Option<(Child, &InterfaceName)>) {
        match child {
            Some((Child::Partition(pkey), parent)) => {
                let (make, remove) = ("create_child", "delete_child");
                let file = |name: &str| format!("/sys/class/net/{parent}/{name}");
                let pkey = pkey.full_member();
                self.option(
                    "pre-up",
                    format_args!(
                        "test -d /sys/class/net/{device} || echo {pkey} > {}",
                        file(make)
                    ),
                );
                self.option("post-down", format_args!("echo {pkey} > {}", file(remove)));
            }
            Some((Child::Vlan(id), parent)) => {
                self.option(
                    "pre-up",
                    format_args!(
                        "test -d /sys/class/net/{device} || ip link add link {parent} name {device} type vlan id {id}"
                    ),
                );
                self.option(
                    "post-down",
                    format_args!("ip link delete dev {device} 2> /dev/null || true"),
                );
            }
            None => {}
        }
        self.mode_and_mtu(device);
        if self.config.ipv6 == Ipv6::Disabled {
            self.no_ipv6(device);
        }
    }

    /// Disables IPv6 until the device goes down: another context may use IPv6 on it.
    fn no_ipv6(&mut self, device: &InterfaceName) {
        self.sysctl("pre-up", device, "disable_ipv6", 1);
        self.sysctl("post-down", device, "disable_ipv6", 0);
    }

    fn mode_and_mtu(&mut self, device: &InterfaceName) {
        // The mode comes first: only connected mode supports a large MTU.
        if let Some(mode) = self.config.mode() {
            let file = format!("/sys/class/net/{device}/mode");
            self.option(
                "pre-up",
                format_args!("test ! -e {file} || echo {mode} > {file}"),
            );
        }
        if let Some(mtu) = self.config.mtu {
            self.option("pre-up", format_args!("ip link set dev {device} mtu {mtu}"));
        }
    }

    fn sysctl(&mut self, when: &str, device: &InterfaceName, key: &str, value: u8) {
        let file = format!("/proc/sys/net/ipv6/conf/{device}/{key}");
        self.option(
            when,
            format_args!("test ! -e {file} || echo {value} > {file}"),
        );
    }

    /// Removes the addresses that one-context has set, because all readers fail if an address already exists. Without
    /// one-context, existing addresses stay: the root file system may depend on one.
    fn flush(&mut self, ip: &str, device: &InterfaceName) {
        if self.has_addresses {
            self.option(
                "pre-up",
                format_args!("{ip} address flush dev {device} scope global"),
            );
        }
    }

    fn metric(&mut self, metric: Option<u32>) {
        if let Some(metric) = metric {
            self.option("metric", metric);
        }
    }

    /// Writes the gateway as a command, because not all readers support a metric or an off-link gateway in its key.
    fn gateway6(&mut self, device: &InterfaceName) {
        let Some(gateway) = self.config.gateway6 else {
            return;
        };
        if self.config.gateway6_is_off_link() {
            self.route_to("ip -6", gateway.into(), device);
        }
        let metric = super::lines::metric(self.config.metric6);
        self.up_route(
            "ip -6",
            &format!("default via {gateway} dev {device}{metric}"),
        );
    }

    /// Writes the route to OneGate, if it is a proxy on the link.
    fn onegate(&mut self, device: &InterfaceName) {
        if let Some(host) = self.config.onegate {
            self.up_route("ip", &format!("{host}/32 dev {device} scope link"));
        }
    }

    fn routes(&mut self, ip: &str, device: &InterfaceName, family: fn(&IpAddr) -> bool) {
        let config = self.config;
        // IPv6 supports `onlink` since Linux 4.16, but not every `ip` of busybox does.
        let is_debian = self.dialect == Dialect::Debian;
        let has_onlink = |via: &IpAddr| is_debian && via.is_ipv4();
        for gateway in config.off_link_gateways(family) {
            if !has_onlink(&gateway) {
                self.route_to(ip, gateway, device);
            }
        }
        for route in config.routes.iter().filter(|route| family(&route.via())) {
            let (destination, via) = (route.destination(), route.via());
            let onlink = if has_onlink(&via) && config.is_off_link(via) {
                " onlink"
            } else {
                ""
            };
            let metric = super::lines::metric(route.metric());
            self.up_route(
                ip,
                &format!("{destination} via {via} dev {device}{onlink}{metric}"),
            );
        }
    }

    /// Writes the route to an off-link gateway, which must precede the routes through it.
    fn route_to(&mut self, ip: &str, gateway: IpAddr, device: &InterfaceName) {
        let host = IpNetwork::from(gateway);
        self.up_route(ip, &format!("{host} dev {device} scope link"));
    }

    fn up_route(&mut self, ip: &str, route: &str) {
        self.option("up", format_args!("{ip} route replace {route}"));
    }

    /// Writes name servers and search domains for resolvconf, which may be installed.
    fn names(&mut self, device: &InterfaceName) {
        let servers = resolver_words::servers(&self.config.dns, device);
        if !servers.is_empty() {
            self.option("dns-nameservers", servers.join(" "));
        }
        let domains = resolver_words::domains(&self.config.search);
        if !domains.is_empty() {
            self.option("dns-search", domains.join(" "));
        }
    }
}
