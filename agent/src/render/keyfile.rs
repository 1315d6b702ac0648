//! `/etc/NetworkManager/system-connections`: NetworkManager's keyfiles (EL 8 to 10, Fedora, SLES 16, Leap 16, and below netplan).
//!
//! ```text
//! # Written by one-sriov-agent for ETH1 from the context of the VM. Do not edit: edited files are not updated.
//! [connection]
//! id=one-sriov-ib0
//! uuid=3d6c1f0e-...
//! type=infiniband
//! interface-name=ib0
//!
//! [infiniband]
//! transport-mode=datagram
//!
//! [ipv4]
//! method=manual
//! address1=192.168.7.5/24
//! ```
//! Sources: `nm-settings-keyfile(5)`, `nm-setting-infiniband.c` (a profile needs its `transport-mode`),
//! `nms-keyfile-utils.c` (files that others may read are rejected).

use std::fmt::Display;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use hwaddr::InterfaceName;
use sha2::{Digest as _, Sha256};

use super::configured::{Configured, configured, dummies};
use super::lines::Lines;
use super::{GuestFiles, Rendered, RenderedFile, network_manager};
use crate::plan::model::{Child, Ipv4, Ipv6, Mtu, NicConfig, TransportMode};
use crate::plan::{NicId, Plan};

const DIR: &str = "/etc/NetworkManager/system-connections";
/// Above 0, the priority of the generic profiles that images may contain.
const PRIORITY: u8 = 100;

pub(super) fn render(plan: &Plan) -> Rendered {
    let mut rendered = Rendered::default();
    for nic in configured(plan) {
        render_nic(&nic, &mut rendered);
    }
    rendered
        .files
        .extend(dummies(plan).map(network_manager::unmanaged));
    rendered
}

fn render_nic(nic: &Configured, rendered: &mut Rendered) {
    let Some((child, name)) = &nic.child else {
        let mut lines = head(nic, nic.device, kind(nic.config));
        link(&mut lines, nic.config, nic.config.mtu);
        addresses(&mut lines, nic, rendered);
        rendered.files.push(file(lines, nic, nic.device));
        return;
    };
    // The port only has to be up; the child carries the addresses.
    let mut lines = head(nic, nic.device, kind(nic.config));
    link(&mut lines, nic.config, nic.config.mtu);
    nothing(&mut lines);
    rendered.files.push(file(lines, nic, nic.device));
    let mut lines = match child {
        Child::Partition(_) => head(nic, name, "infiniband"),
        Child::Vlan(_) => head(nic, name, "vlan"),
    };
    match child {
        Child::Partition(pkey) => {
            link(&mut lines, nic.config, nic.config.mtu);
            // With the full-membership bit, as in the kernel's name of the child, for which NetworkManager waits.
            lines.set("p-key", pkey.full_member().bits());
            lines.set("parent", nic.device);
        }
        Child::Vlan(id) => {
            lines.section("vlan");
            lines.set("parent", nic.device);
            lines.set("id", id);
            if let Some(mtu) = nic.config.mtu {
                lines.section("ethernet");
                lines.set("mtu", mtu);
            }
        }
    }
    addresses(&mut lines, nic, rendered);
    rendered.files.push(file(lines, nic, name));
}

fn kind(config: &NicConfig) -> &'static str {
    if config.infiniband.is_some() {
        "infiniband"
    } else {
        "ethernet"
    }
}

fn head(nic: &Configured, device: &InterfaceName, kind: &str) -> Lines {
    let mut lines = Lines::for_nic(nic.nic);
    lines.raw("[connection]");
    lines.set("id", format_args!("one-sriov-{device}"));
    lines.set("uuid", uuid(&nic.nic.id, device != nic.device));
    lines.set("type", kind);
    lines.set("interface-name", device);
    lines.set("autoconnect", "true");
    lines.set("autoconnect-priority", PRIORITY);
    lines
}

/// The UUID of a profile: the same in all runs, whatever the name of the device (version 8, RFC 9562).
fn uuid(nic: &NicId, is_child: bool) -> String {
    let mut hash = Sha256::new();
    hash.update("one-sriov keyfile ");
    hash.update(nic.to_string());
    hash.update([u8::from(is_child)]);
    let mut octets = [0; 16];
    octets.copy_from_slice(&hash.finalize()[..16]);
    octets[6] = octets[6] & 0x0f | 0x80;
    octets[8] = octets[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(octets));
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| &hex[group]);
    groups.join("-")
}

/// Warns about profiles that NetworkManager is too old for: before 1.20, it rejects profiles with `ipv6.method=disabled`.
///
/// The version is in the name of a plugin directory, `/usr/lib/x86_64-linux-gnu/NetworkManager/1.14.6`; older releases have their
/// plugins in the parent directory. If neither is found, NetworkManager is newer.
pub(super) fn warnings(plan: &Plan, files: &dyn GuestFiles) -> Vec<String> {
    const FIRST: (u32, u32) = (1, 20);
    let is_disabled = |nic: &Configured| nic.child.is_some() || nic.config.ipv6 == Ipv6::Disabled;
    let mut nics = configured(plan).filter(is_disabled).peekable();
    if nics.peek().is_none() {
        return Vec::new();
    }
    let multiarch = format!(
        "/usr/lib/{}-linux-gnu/NetworkManager",
        std::env::consts::ARCH
    );
    let directories = [
        "/usr/lib64/NetworkManager",
        "/usr/lib/NetworkManager",
        &multiarch,
    ];
    let names = directories
        .into_iter()
        .map(Path::new)
        .flat_map(|path| files.names(path));
    let names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
    let found = names.iter().find_map(|name| network_manager::version(name));
    let this = match found {
        Some(version) if version >= FIRST => return Vec::new(),
        Some((major, minor)) => format!("this is {major}.{minor}"),
        None if names.iter().any(|name| name.starts_with("libnm-")) => "this one is older".into(),
        None => return Vec::new(),
    };
    nics.map(|nic| {
        format!(
            "{}: '{}' will not come up; NetworkManager supports a device without IPv6 from 1.20 on, and {this}",
            nic.nic.label(),
            nic.device
        )
    })
    .collect()
}

/// Writes the section of the link: transport mode and MTU.
fn link(lines: &mut Lines, config: &NicConfig, mtu: Option<Mtu>) {
    if config.infiniband.is_some() {
        lines.section("infiniband");
        lines.set(
            "transport-mode",
            config.mode().unwrap_or(TransportMode::Datagram),
        );
        lines.set_some("mtu", mtu);
    } else if mtu.is_some() {
        lines.section("ethernet");
        lines.set_some("mtu", mtu);
    }
}

/// The device is up, but has no addresses.
fn nothing(lines: &mut Lines) {
    lines.section("ipv4");
    lines.set("method", "disabled");
    lines.section("ipv6");
    lines.set("method", "disabled");
}

fn addresses(lines: &mut Lines, nic: &Configured, rendered: &mut Rendered) {
    let config = nic.config;
    let mut family = FamilySection {
        lines,
        config,
        // Search domains go to a single family, which must be in use.
        search: true,
    };
    family.ipv4();
    family.ipv6();
    for (is_used, family, is_of) in [
        (
            config.ipv4 != Ipv4::None,
            "IPv4",
            IpAddr::is_ipv4 as fn(&IpAddr) -> bool,
        ),
        (uses_ipv6(config), "IPv6", IpAddr::is_ipv6),
    ] {
        let lost: Vec<&IpAddr> = config.dns.iter().filter(|server| is_of(server)).collect();
        if !is_used && !lost.is_empty() {
            rendered.notes.push(format!(
                "{}: name servers {} are not written; NetworkManager accepts no {family} servers for a NIC without {family}",
                nic.nic.label(),
                joined(&lost, ", ")
            ));
        }
    }
}

fn uses_ipv6(config: &NicConfig) -> bool {
    !matches!(config.ipv6, Ipv6::None | Ipv6::Disabled)
}

/// Writes the sections of the two families.
struct FamilySection<'l, 'c> {
    lines: &'l mut Lines,
    config: &'c NicConfig,
    search: bool,
}

impl FamilySection<'_, '_> {
    fn ipv4(&mut self) {
        self.lines.section("ipv4");
        let config = self.config;
        match &config.ipv4 {
            Ipv4::None => {
                self.lines.set("method", "disabled");
                return;
            }
            Ipv4::Dhcp => self.lines.set("method", "auto"),
            Ipv4::Static(networks) => {
                self.lines.set("method", "manual");
                self.numbered("address", networks);
            }
        }
        self.lines.set_some("gateway", config.gateway4);
        self.lines.set_some("route-metric", config.metric4);
        let mut routes = self.routes(IpAddr::is_ipv4);
        // A route without a gateway is on-link.
        routes.extend(config.onegate.map(|host| format!("{host}/32")));
        self.numbered("route", &routes);
        self.names(IpAddr::is_ipv4);
    }

    fn ipv6(&mut self) {
        self.lines.section("ipv6");
        let config = self.config;
        match &config.ipv6 {
            // The kernel's default.
            Ipv6::None => {
                self.lines.set("method", "ignore");
                return;
            }
            Ipv6::Disabled => {
                self.lines.set("method", "disabled");
                return;
            }
            // Method 'dhcp' ignores router advertisements, which alone provide a default route.
            Ipv6::Auto | Ipv6::Dhcp(_) => {
                self.lines.set("method", "auto");
                self.lines.set("addr-gen-mode", "eui64");
                self.lines.set("ip6-privacy", 0);
            }
            Ipv6::Static(networks) => {
                self.lines.set("method", "manual");
                self.numbered("address", networks);
            }
        }
        self.lines.set_some("gateway", config.gateway6);
        self.lines.set_some("route-metric", config.metric6);
        let routes = self.routes(IpAddr::is_ipv6);
        self.numbered("route", &routes);
        self.names(IpAddr::is_ipv6);
    }

    fn routes(&self, family: fn(&IpAddr) -> bool) -> Vec<String> {
        let routes = self.config.routes.iter();
        routes
            .filter(|route| family(&route.via()))
            .map(|route| {
                let metric = route.metric().map(|metric| format!(",{metric}"));
                let metric = metric.unwrap_or_default();
                format!("{},{}{metric}", route.destination(), route.via())
            })
            .collect()
    }

    /// Writes `address1=`, `address2=`, ...
    fn numbered(&mut self, key: &str, values: &[impl Display]) {
        for (value, number) in values.iter().zip(1..) {
            self.lines.set(&format!("{key}{number}"), value);
        }
    }

    /// Writes the name servers of this family, and in the first family in use the search domains.
    fn names(&mut self, family: fn(&IpAddr) -> bool) {
        let servers: Vec<&IpAddr> = self
            .config
            .dns
            .iter()
            .filter(|server| family(server))
            .collect();
        if !servers.is_empty() {
            self.lines.set("dns", joined(&servers, ";"));
        }
        if std::mem::take(&mut self.search) && !self.config.search.is_empty() {
            self.lines
                .set("dns-search", joined(&self.config.search, ";"));
        }
    }
}

fn joined(values: &[impl Display], between: &str) -> String {
    let words: Vec<String> = values.iter().map(ToString::to_string).collect();
    words.join(between)
}

fn file(lines: Lines, nic: &Configured, device: &InterfaceName) -> RenderedFile {
    let path = PathBuf::from(format!("{DIR}/one-sriov-{device}.nmconnection"));
    lines.into_private_file(path, nic.nic.id, nic.device)
}
