//! Stanzas for busybox's ifup and ifupdown-ng: one for each device and family.
//!
//! ```text
//! iface ib0 inet static
//!     address 192.168.7.5
//!     netmask 255.255.255.0
//!     gateway 192.168.7.1
//!     pre-up ip link set dev ib0 mtu 2044
//!     up ip address replace 192.168.8.5/24 dev ib0
//!     down ip address delete 192.168.8.5/24 dev ib0 2> /dev/null || true
//! ```
//! busybox does not bring up a NIC whose address has no `netmask`. It rejects the whole file because of an unknown method (for
//! IPv6, it knows `static` and `manual`), a duplicate key or, in old releases, a second stanza of a device and family. It
//! processes the stanzas of a device one by one, so all `pre-up` lines are in the first. ifupdown-ng merges them, with the
//! `netmask` of each stanza, and removes only addresses that it has added itself.
//! Sources: busybox's `networking/ifupdown.c`; ifupdown-ng's `interfaces(5)`, `interface-file.c` and executors.

use std::fmt::Display;
use std::net::IpAddr;

use hwaddr::InterfaceName;

use super::Stanzas;
use crate::plan::model::{Child, Ipv4, Ipv6};

impl Stanzas<'_> {
    pub(super) fn alpine(
        &mut self,
        device: &InterfaceName,
        child: Option<(Child, &InterfaceName)>,
    ) {
        let has_ipv4 = self.config.ipv4 != Ipv4::None;
        let has_ipv6 = !matches!(self.config.ipv6, Ipv6::None | Ipv6::Disabled);
        if has_ipv4 || !has_ipv6 {
            self.keys4(device);
            self.before(device, child);
            self.commands4(device);
        }
        if has_ipv6 {
            self.keys6(device);
            if !has_ipv4 {
                self.before(device, child);
            }
            self.commands6(device);
        }
    }

    /// Writes the commands to run before the device is up.
    fn before(&mut self, device: &InterfaceName, child: Option<(Child, &InterfaceName)>) {
        self.link_options(device, child);
        if matches!(self.config.ipv4, Ipv4::Static(_)) {
            self.flush("ip -4", device);
        }
        if matches!(self.config.ipv6, Ipv6::Static(_)) {
            self.flush("ip -6", device);
        }
        let accepted = match self.config.ipv6 {
            Ipv6::None | Ipv6::Disabled => return,
            Ipv6::Static(_) => 0,
            Ipv6::Auto | Ipv6::Dhcp(_) => 1,
        };
        self.sysctl("pre-up", device, "accept_ra", accepted);
        self.sysctl("pre-up", device, "use_tempaddr", 0);
    }

    fn keys4(&mut self, device: &InterfaceName) {
        let config = self.config;
        match &config.ipv4 {
            Ipv4::None => return self.iface(device, "inet", "manual"),
            Ipv4::Dhcp => {
                self.iface(device, "inet", "dhcp");
                self.metric(config.metric4);
            }
            Ipv4::Static(networks) => {
                self.iface(device, "inet", "static");
                for first in networks.iter().take(1) {
                    self.option("address", first.ip());
                    self.option("netmask", first.mask());
                }
                if let Some(gateway) = config
                    .gateway4
                    .filter(|_| config.gateway4_is_in_first_network())
                {
                    self.option("gateway", gateway);
                    self.metric(config.metric4);
                }
            }
        }
        self.names(device);
    }

    fn commands4(&mut self, device: &InterfaceName) {
        match &self.config.ipv4 {
            Ipv4::None => return self.up_and_down(device),
            Ipv4::Dhcp => {}
            Ipv4::Static(networks) => {
                self.further("ip", networks, device);
                self.gateway4_behind_them(device);
            }
        }
        self.onegate(device);
        self.routes("ip", device, IpAddr::is_ipv4);
    }

    /// Writes a gateway in the network of a further address, or an off-link one.
    fn gateway4_behind_them(&mut self, device: &InterfaceName) {
        let Some(gateway) = self.config.gateway4 else {
            return;
        };
        if self.config.gateway4_is_in_first_network() {
            return;
        }
        if self.config.gateway4_is_off_link() {
            self.route_to("ip", gateway.into(), device);
        }
        let metric = crate::render::lines::metric(self.config.metric4);
        self.up_route("ip", &format!("default via {gateway} dev {device}{metric}"));
    }

    fn keys6(&mut self, device: &InterfaceName) {
        let config = self.config;
        if let Ipv6::Static(networks) = &config.ipv6 {
            self.iface(device, "inet6", "static");
            for first in networks.iter().take(1) {
                self.option("address", first.ip());
                self.option("netmask", first.prefix());
            }
        } else {
            // The kernel itself processes router advertisements.
            self.iface(device, "inet6", "manual");
        }
        if config.ipv4 == Ipv4::None {
            self.names(device);
        }
    }

    fn commands6(&mut self, device: &InterfaceName) {
        let config = self.config;
        if let Ipv6::Static(networks) = &config.ipv6 {
            self.further("ip -6", networks, device);
            self.gateway6(device);
        } else if config.ipv4 == Ipv4::None {
            self.up_and_down(device);
        }
        self.routes("ip -6", device, IpAddr::is_ipv6);
    }

    /// Writes all addresses except the first.
    fn further(&mut self, ip: &str, networks: &[impl Display], device: &InterfaceName) {
        for network in networks.iter().skip(1) {
            let address = format!("{network} dev {device}");
            self.option("up", format_args!("{ip} address replace {address}"));
            self.option(
                "down",
                format_args!("{ip} address delete {address} 2> /dev/null || true"),
            );
        }
    }
}
