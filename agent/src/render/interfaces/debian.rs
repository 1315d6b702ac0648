//! Stanzas for ifupdown, one for each address (ifupdown's `interfaces(5)`, `inet.defn` and `inet6.defn`).
//!
//! ```text
//! iface ib0 inet manual
//!     pre-up ip link set dev ib0 mtu 2044
//!     up ip link set dev ib0 up
//! iface ib0 inet static
//!     address 192.168.7.5/24
//!     gateway 192.168.7.1
//! ```

use std::net::IpAddr;

use hwaddr::InterfaceName;

use super::Stanzas;
use crate::plan::model::{Child, Dhcpv6Source, Ipv4, Ipv6};

impl Stanzas<'_> {
    pub(super) fn debian(
        &mut self,
        device: &InterfaceName,
        child: Option<(Child, &InterfaceName)>,
    ) {
        self.link(device, child);
        self.ipv4(device);
        self.ipv6(device);
    }

    /// Writes a stanza with the commands to run before any address is set, if there are any.
    fn link(&mut self, device: &InterfaceName, child: Option<(Child, &InterfaceName)>) {
        let is_needed = child.is_some()
            || self.config.mtu.is_some()
            || self.config.mode().is_some()
            || self.config.ipv6 == Ipv6::Disabled;
        if !is_needed {
            return;
        }
        self.iface(device, "inet", "manual");
        self.link_options(device, child);
        self.option("up", format_args!("ip link set dev {device} up"));
    }

    fn ipv4(&mut self, device: &InterfaceName) {
        let config = self.config;
        match &config.ipv4 {
            Ipv4::None => return,
            Ipv4::Dhcp => {
                self.iface(device, "inet", "dhcp");
                self.metric(config.metric4);
                self.names(device);
            }
            Ipv4::Static(networks) => {
                for (nth, network) in networks.iter().enumerate() {
                    self.iface(device, "inet", "static");
                    self.option("address", network);
                    if nth == 0 {
                        self.flush("ip -4", device);
                        self.gateway4();
                        self.names(device);
                    }
                }
            }
        }
        self.onegate(device);
        self.routes("ip", device, IpAddr::is_ipv4);
    }

    /// Writes the gateway, which ifupdown always sets as `onlink`.
    fn gateway4(&mut self) {
        if let Some(gateway) = self.config.gateway4 {
            self.option("gateway", gateway);
            self.metric(self.config.metric4);
        }
    }

    fn ipv6(&mut self, device: &InterfaceName) {
        let config = self.config;
        match &config.ipv6 {
            Ipv6::None | Ipv6::Disabled => return,
            // `dhclient -6` never gives up: without a server, it blocks `ifup -a` and the boot. So it only runs if the context
            // explicitly requests it.
            Ipv6::Auto | Ipv6::Dhcp(Dhcpv6Source::Method) => {
                self.iface(device, "inet6", "auto");
                self.accept(true);
            }
            Ipv6::Dhcp(Dhcpv6Source::Ipv6Method) => {
                self.iface(device, "inet6", "dhcp");
                self.accept(true);
            }
            Ipv6::Static(networks) => {
                for (nth, network) in networks.iter().enumerate() {
                    self.iface(device, "inet6", "static");
                    self.option("address", network);
                    if nth == 0 {
                        self.flush("ip -6", device);
                        self.accept(false);
                        self.gateway6(device);
                    }
                    // OpenNebula assigns each address only once, so ifupdown need not wait six seconds for duplicates.
                    self.option("dad-attempts", 0);
                }
            }
        }
        if config.ipv4 == Ipv4::None {
            self.names(device);
        }
        self.routes("ip -6", device, IpAddr::is_ipv6);
    }

    /// Writes whether router advertisements are accepted.
    fn accept(&mut self, accepted: bool) {
        if !accepted {
            self.option("autoconf", 0);
        }
        self.option("accept_ra", u8::from(accepted));
        self.option("privext", 0);
    }
}
