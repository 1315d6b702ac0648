//! `/etc/sysconfig/network-scripts`, for initscripts (`ifup`, rdma's `ifup-ib`) and for NetworkManager's plugin.
//!
//! [`IfcfgReader`] selects what differs: only initscripts need `NM_CONTROLLED=no`, `METRIC` and a route to an off-link gateway;
//! NetworkManager needs `IPV4_ROUTE_METRIC` and does the rest itself.

use std::net::IpAddr;

use hwaddr::InterfaceName;
use ipnetwork::IpNetwork;

use crate::plan::model::{Child, Ipv4, Ipv6, NicConfig, TransportMode};
use crate::plan::{DummyNic, Plan, PlannedNic};
use crate::render::configured::{Configured, configured, dummies};
use crate::render::lines::{Lines, metric, path};
use crate::render::{Rendered, RenderedFile, network_manager, resolver_words, sysctl};

const DIR: &str = "/etc/sysconfig/network-scripts";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::render) enum IfcfgReader {
    Initscripts,
    NetworkManager,
}

pub(in crate::render) fn red_hat(plan: &Plan, reader: IfcfgReader) -> Rendered {
    let mut rendered = Rendered::default();
    for nic in configured(plan) {
        IfcfgFile::new(&nic, reader).render(&nic, &mut rendered);
    }
    let dummies = dummies(plan).map(|dummy| unmanaged(dummy, reader));
    rendered.files.extend(dummies);
    rendered
}

/// Renders the file of a dummy NIC, which both readers leave unmanaged.
fn unmanaged(dummy: &DummyNic, reader: IfcfgReader) -> RenderedFile {
    if reader == IfcfgReader::NetworkManager {
        return network_manager::unmanaged(dummy);
    }
    let mut lines = Lines::for_dummy(dummy);
    lines.set("DEVICE", &dummy.name);
    lines.set("TYPE", "Ethernet");
    lines.set("ONBOOT", "no");
    lines.set("BOOTPROTO", "none");
    lines.set("IPV6INIT", "no");
    lines.set("NM_CONTROLLED", "no");
    lines.into_file(path(DIR, "ifcfg", &dummy.name), dummy.id(), &dummy.name)
}

/// One NIC, its device, and the reader of its files.
struct IfcfgFile<'a> {
    nic: &'a PlannedNic,
    config: &'a NicConfig,
    parent: &'a InterfaceName,
    reader: IfcfgReader,
}

impl<'a> IfcfgFile<'a> {
    fn new(configured: &Configured<'a>, reader: IfcfgReader) -> Self {
        Self {
            nic: configured.nic,
            config: configured.config,
            parent: configured.device,
            reader,
        }
    }

    fn render(&self, configured: &Configured, rendered: &mut Rendered) {
        let Some((child, name)) = &configured.child else {
            self.device_files(self.parent, None, rendered);
            return;
        };
        // The port only has to be up; the child carries the addresses.
        let mut lines = self.head(self.parent, self.kind());
        lines.set("BOOTPROTO", "none");
        self.ipv6(&mut lines, self.parent, &Ipv6::Disabled);
        self.link(&mut lines);
        rendered.files.push(lines.into_file(
            path(DIR, "ifcfg", self.parent),
            self.nic.id,
            self.parent,
        ));
        self.sysctls(self.parent, &Ipv6::Disabled, rendered);
        self.device_files(name, Some(*child), rendered);
    }

    /// Renders `ifcfg-`, `route-` and `route6-` of the device that carries the addresses.
    fn device_files(&self, device: &InterfaceName, child: Option<Child>, rendered: &mut Rendered) {
        let mut lines = self.head_of(device, child);
        self.ipv4(&mut lines);
        self.ipv6(&mut lines, device, &self.config.ipv6);
        self.link(&mut lines);
        self.names(&mut lines, device);
        let id = || self.nic.id;
        rendered
            .files
            .push(lines.into_file(path(DIR, "ifcfg", device), id(), self.parent));
        self.sysctls(device, &self.config.ipv6, rendered);
        for (kind, routes) in [
            ("route", self.routes4(device)),
            ("route6", self.routes6(device)),
        ] {
            if !routes.is_empty() {
                let mut lines = Lines::for_nic(self.nic);
                lines.raw_all(&routes);
                rendered
                    .files
                    .push(lines.into_file(path(DIR, kind, device), id(), self.parent));
            }
        }
    }

    fn head_of(&self, device: &InterfaceName, child: Option<Child>) -> Lines {
        let kind = match (child, self.reader) {
            // NetworkManager checks `TYPE` before `VLAN`; initscripts do not know this type.
            (Some(Child::Vlan(_)), IfcfgReader::NetworkManager) => "Vlan",
            _ => self.kind(),
        };
        let mut lines = self.head(device, kind);
        match child {
            None => {}
            Some(Child::Partition(pkey)) => {
                lines.set("PKEY", "yes");
                lines.set("PKEY_ID", pkey);
                lines.set("PHYSDEV", self.parent);
            }
            Some(Child::Vlan(id)) => {
                lines.set("VLAN", "yes");
                lines.set("VID", id);
                lines.set("PHYSDEV", self.parent);
            }
        }
        lines
    }

    /// `InfiniBand` in this spelling, because initscripts compare it case-sensitively.
    fn kind(&self) -> &'static str {
        if self.config.infiniband.is_some() {
            "InfiniBand"
        } else {
            "Ethernet"
        }
    }

    fn head(&self, device: &InterfaceName, kind: &str) -> Lines {
        let mut lines = Lines::for_nic(self.nic);
        lines.set("DEVICE", device);
        lines.set("TYPE", kind);
        lines.set("ONBOOT", "yes");
        if self.reader == IfcfgReader::Initscripts {
            lines.set("NM_CONTROLLED", "no");
        }
        lines
    }

    fn ipv4(&self, lines: &mut Lines) {
        match &self.config.ipv4 {
            Ipv4::None => lines.set("BOOTPROTO", "none"),
            Ipv4::Dhcp => {
                lines.set("BOOTPROTO", "dhcp");
                if self.reader == IfcfgReader::Initscripts {
                    lines.set("PERSISTENT_DHCLIENT", 1);
                }
            }
            Ipv4::Static(addresses) => {
                lines.set("BOOTPROTO", "none");
                for (index, address) in addresses.iter().enumerate() {
                    let number = if index == 0 {
                        String::new()
                    } else {
                        index.to_string()
                    };
                    lines.set(&format!("IPADDR{number}"), address.ip());
                    lines.set(&format!("NETMASK{number}"), address.mask());
                    lines.set(&format!("PREFIX{number}"), address.prefix());
                }
            }
        }
        if !self.gateway4_by_route() {
            lines.set_some("GATEWAY", self.config.gateway4);
        }
        let metric = match self.reader {
            IfcfgReader::Initscripts => "METRIC",
            IfcfgReader::NetworkManager => "IPV4_ROUTE_METRIC",
        };
        lines.set_some(metric, self.config.metric4);
    }

    fn ipv6(&self, lines: &mut Lines, device: &InterfaceName, ipv6: &Ipv6) {
        let (init, autoconf, dhcp) = match ipv6 {
            Ipv6::None => return,
            Ipv6::Static(_) => (true, "no", false),
            Ipv6::Disabled => (false, "no", false),
            Ipv6::Auto => (true, "yes", false),
            // Only router advertisements provide a default route.
            Ipv6::Dhcp(_) => (true, "yes", true),
        };
        lines.set("IPV6INIT", if init { "yes" } else { "no" });
        lines.set("IPV6_AUTOCONF", autoconf);
        if dhcp {
            lines.set("DHCPV6C", "yes");
        }
        if *ipv6 == Ipv6::Disabled {
            if self.reader == IfcfgReader::NetworkManager {
                lines.set("IPV6_DISABLED", "yes");
            }
            return;
        }
        if let Ipv6::Static(addresses) = ipv6 {
            lines.set_some("IPV6ADDR", addresses.first());
            lines.set_list(
                "IPV6ADDR_SECONDARIES",
                addresses.get(1..).unwrap_or_default(),
            );
        }
        if let Some(gateway) = self.config.gateway6.filter(|_| !self.gateway6_by_route()) {
            // A link-local gateway must name its link.
            let scope = if gateway.is_unicast_link_local() {
                format!("%{device}")
            } else {
                String::new()
            };
            lines.set("IPV6_DEFAULTGW", format_args!("{gateway}{scope}"));
        }
        if self.reader == IfcfgReader::NetworkManager {
            lines.set_some("IPV6_ROUTE_METRIC", self.config.metric6);
        }
    }

    /// initscripts write name servers to `resolv.conf`; NetworkManager keeps them per link.
    fn names(&self, lines: &mut Lines, device: &InterfaceName) {
        let (dns, search) = (&self.config.dns, &self.config.search);
        let (servers, domains) = match self.reader {
            IfcfgReader::Initscripts => (
                resolver_words::servers(dns, device),
                resolver_words::domains(search),
            ),
            IfcfgReader::NetworkManager => (
                dns.iter().map(ToString::to_string).collect(),
                search.iter().map(ToString::to_string).collect(),
            ),
        };
        for (server, number) in servers.iter().zip(1..) {
            lines.set(&format!("DNS{number}"), server);
        }
        lines.set_list("DOMAIN", &domains);
    }

    /// Renders settings that the readers do not make, or make too late: `ifup` accepts router advertisements before it reads the
    /// setting, and `IPV6INIT=no` does not stop the kernel; NetworkManager disables IPv6 only since 1.20.
    fn sysctls(&self, device: &InterfaceName, ipv6: &Ipv6, rendered: &mut Rendered) {
        if self.reader == IfcfgReader::Initscripts || *ipv6 == Ipv6::Disabled {
            sysctl::render(self.nic, self.parent, device, ipv6, rendered);
        }
    }

    /// Writes the settings of the link: MTU and transport mode.
    fn link(&self, lines: &mut Lines) {
        lines.set_some("MTU", self.config.mtu);
        if let Some(mode) = self.config.mode() {
            lines.set(
                "CONNECTED_MODE",
                if mode == TransportMode::Connected {
                    "yes"
                } else {
                    "no"
                },
            );
        }
    }

    /// Whether the gateway needs a route: `ifup` does not set one outside the network of the NIC's first address.
    fn gateway4_by_route(&self) -> bool {
        self.reader == IfcfgReader::Initscripts && !self.config.gateway4_is_in_first_network()
    }

    /// Whether the gateway needs a route: `ifup` has no key for its metric, and does not set an off-link one.
    fn gateway6_by_route(&self) -> bool {
        self.reader == IfcfgReader::Initscripts
            && (self.config.metric6.is_some() || self.config.gateway6_is_off_link())
    }

    fn routes4(&self, device: &InterfaceName) -> Vec<String> {
        let mut routes = Vec::new();
        routes.extend(
            self.config
                .onegate
                .map(|host| format!("{host}/32 dev {device}")),
        );
        if let Some(gateway) = self.config.gateway4.filter(|_| self.gateway4_by_route()) {
            if self.config.gateway4_is_off_link() {
                routes.push(to_gateway(gateway.into(), device));
            }
            routes.push(format!(
                "default via {gateway} dev {device}{}",
                metric(self.config.metric4)
            ));
        }
        routes.extend(self.static_routes(device, IpAddr::is_ipv4));
        routes
    }

    fn routes6(&self, device: &InterfaceName) -> Vec<String> {
        let mut routes = Vec::new();
        if let Some(gateway) = self.config.gateway6.filter(|_| self.gateway6_by_route()) {
            if self.config.gateway6_is_off_link() {
                routes.push(to_gateway(gateway.into(), device));
            }
            routes.push(format!(
                "default via {gateway} dev {device}{}",
                metric(self.config.metric6)
            ));
        }
        routes.extend(self.static_routes(device, IpAddr::is_ipv6));
        routes
    }

    fn static_routes(
        &self,
        device: &InterfaceName,
        family: fn(&IpAddr) -> bool,
    ) -> impl Iterator<Item = String> {
        let gateways = self.config.off_link_gateways(family);
        let routes = self
            .config
            .routes
            .iter()
            .filter(move |route| family(&route.via()));
        gateways
            .into_iter()
            .map(|gateway| to_gateway(gateway, device))
            .chain(routes.map(move |route| {
                let metric = metric(route.metric());
                let (destination, via) = (route.destination(), route.via());
                format!("{destination} via {via} dev {device}{metric}")
            }))
    }
}

/// Returns the route to an off-link gateway, which must precede the routes through it.
fn to_gateway(gateway: IpAddr, device: &InterfaceName) -> String {
    format!("{} dev {device}", IpNetwork::from(gateway))
}
