//! `/etc/systemd/network`: units for systemd-networkd (Amazon Linux 2023, Flatcar, Arch, and below netplan).
//!
//! ```text
//! # Written by one-sriov-agent for ETH1 from the context of the VM. Do not edit: edited files are not updated.
//! [Match]
//! Name=ib0
//!
//! [Network]
//! Address=192.168.7.5/24
//! Gateway=192.168.7.1
//! ```
//! Devices are matched by name: networkd compares all 20 octets of an InfiniBand address, of which only the last 8 are stable,
//! and a child has the address of its parent (`net-condition.c`). The agent writes the files for the current names at each boot.
//! networkd uses the first matching file by name, so the agent's start with `05-`. Sources: `systemd.network(5)`,
//! `systemd.netdev(5)`.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use hwaddr::InterfaceName;

use super::configured::{Configured, configured, dummies};
use super::lines::Lines;
use super::{GuestFiles, Rendered, RenderedFile, transport};
use crate::plan::model::{Child, Ipv4, Ipv6, NicConfig};
use crate::plan::{DummyNic, Plan};

const DIR: &str = "/etc/systemd/network";

pub(super) fn render(plan: &Plan) -> Rendered {
    let mut rendered = Rendered::default();
    for nic in configured(plan) {
        render_nic(&nic, &mut rendered);
    }
    rendered.files.extend(dummies(plan).map(unmanaged));
    rendered
}

/// Renders the unit of a dummy NIC: no DHCP, no link-local address, and the boot does not wait for it.
pub(super) fn unmanaged(dummy: &DummyNic) -> RenderedFile {
    let mut lines = Lines::for_dummy(dummy);
    lines.section("Match");
    lines.set("Name", &dummy.name);
    lines.section("Link");
    lines.set("Unmanaged", "yes");
    lines.set("RequiredForOnline", "no");
    lines.into_file(path(&dummy.name, "network"), dummy.id(), &dummy.name)
}

/// Warns about settings that networkd is too old for: it ignores them with at most a line in its log.
///
/// networkd creates P_Key children since 250, and supports DHCP on InfiniBand since 247 (systemd's pull request 17444). The
/// version is in the name of a library, `/usr/lib/systemd/libsystemd-shared-247.so`; if that is not found, networkd is newer.
pub(super) fn warnings(plan: &Plan, files: &dyn GuestFiles) -> Vec<String> {
    const PARTITIONS: u32 = 250;
    const DHCP: u32 = 247;
    let is_partition = |nic: &Configured| matches!(nic.child, Some((Child::Partition(_), _)));
    let asks_dhcp = |nic: &Configured| {
        nic.config.infiniband.is_some()
            && (nic.config.ipv4 == Ipv4::Dhcp || nic.config.ipv6.is_dhcp())
    };
    let mut nics = configured(plan)
        .filter(|nic| is_partition(nic) || asks_dhcp(nic))
        .peekable();
    if nics.peek().is_none() {
        return Vec::new();
    }
    let version = |name: OsString| -> Option<u32> {
        let name = name.to_str()?.strip_prefix("libsystemd-shared-")?;
        let digits = name.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    };
    let directories = ["/usr/lib/systemd", "/lib/systemd"].map(Path::new);
    let Some(version) = directories
        .into_iter()
        .flat_map(|path| files.names(path))
        .find_map(version)
    else {
        return Vec::new();
    };
    let warning = |nic: Configured| {
        let (label, carrier) = (nic.nic.label(), nic.carrier());
        if is_partition(&nic) && version < PARTITIONS {
            Some(format!(
                "{label}: '{carrier}' will not come up; systemd-networkd creates P_Key children from {PARTITIONS} on, \
                 and this is {version}"
            ))
        } else if asks_dhcp(&nic) && version < DHCP {
            Some(format!(
                "{label}: '{carrier}' will get no address; systemd-networkd supports DHCP on InfiniBand from {DHCP} \
                 on, and this is {version}"
            ))
        } else {
            None
        }
    };
    nics.filter_map(warning).collect()
}

pub(super) fn render_nic(nic: &Configured, rendered: &mut Rendered) {
    transport::render(nic, rendered);
    if nic.child.is_some() {
        let mut lines = matching(nic, nic.device);
        lines.section("Link");
        lines.set_some("MTUBytes", nic.config.mtu);
        // There is no address to wait for, but this makes the boot wait until networkd has created the child (`networkd-link.c`:
        // a link is configured once its stacked devices are created).
        lines.set("RequiredForOnline", "carrier");
        lines.section("Network");
        lines.set("LinkLocalAddressing", "no");
        lines.set("IPv6AcceptRA", "no");
        name_child(&mut lines, nic);
        rendered.files.push(file(lines, nic, nic.device, "network"));
        render_child(nic, rendered);
    } else {
        rendered.files.push(addresses(nic));
    }
}

/// Names the child in `[Network]` of the parent, so that networkd creates it.
fn name_child(lines: &mut Lines, nic: &Configured) {
    match &nic.child {
        Some((Child::Partition(_), name)) => lines.set("IPoIB", name),
        Some((Child::Vlan(_), name)) => lines.set("VLAN", name),
        None => {}
    }
}

/// Renders the units of the child: `.netdev`, and `.network` with the addresses.
fn render_child(nic: &Configured, rendered: &mut Rendered) {
    let Some((child, name)) = &nic.child else {
        return;
    };
    let mut lines = Lines::for_nic(nic.nic);
    lines.section("NetDev");
    lines.set("Name", name);
    match child {
        Child::Partition(pkey) => {
            lines.set("Kind", "ipoib");
            // Otherwise networkd generates a GUID (systemd.netdev(5)), which differs from the port's.
            lines.set("MACAddress", "none");
            lines.section("IPoIB");
            lines.set("PartitionKey", pkey.full_member());
            lines.set_some("Mode", nic.config.mode());
        }
        Child::Vlan(id) => {
            lines.set("Kind", "vlan");
            lines.section("VLAN");
            lines.set("Id", id);
        }
    }
    rendered.files.push(file(lines, nic, name, "netdev"));
    rendered.files.push(addresses(nic));
}

/// Renders the `.network` of the device that carries the addresses.
fn addresses(nic: &Configured) -> RenderedFile {
    let config = nic.config;
    let mut lines = matching(nic, nic.carrier());
    if let Some(mtu) = config.mtu {
        lines.section("Link");
        lines.set("MTUBytes", mtu);
    }
    network(&mut lines, config);
    routes(&mut lines, config);
    clients(&mut lines, config);
    file(lines, nic, nic.carrier(), "network")
}

fn network(lines: &mut Lines, config: &NicConfig) {
    lines.section("Network");
    match (&config.ipv4, &config.ipv6) {
        (Ipv4::Dhcp, Ipv6::Dhcp(_)) => lines.set("DHCP", "yes"),
        (Ipv4::Dhcp, _) => lines.set("DHCP", "ipv4"),
        (_, Ipv6::Dhcp(_)) => lines.set("DHCP", "ipv6"),
        _ => lines.set("DHCP", "no"),
    }
    match &config.ipv6 {
        // networkd's default applies.
        Ipv6::None => no_wait_for_routers(lines, config),
        Ipv6::Static(_) => lines.set("IPv6AcceptRA", "no"),
        Ipv6::Auto | Ipv6::Dhcp(_) => {
            lines.set("IPv6AcceptRA", "yes");
            lines.set("IPv6PrivacyExtensions", "no");
        }
        Ipv6::Disabled => {
            lines.set("LinkLocalAddressing", "no");
            lines.set("IPv6AcceptRA", "no");
        }
    }
    if let Ipv4::Static(networks) = &config.ipv4 {
        for network in networks {
            lines.set("Address", network);
        }
    }
    if let Ipv6::Static(networks) = &config.ipv6 {
        for network in networks {
            lines.set("Address", network);
        }
    }
    for server in &config.dns {
        lines.set("DNS", server);
    }
    if !config.search.is_empty() {
        let domains: Vec<String> = config.search.iter().map(ToString::to_string).collect();
        lines.set("Domains", domains.join(" "));
    }
}

/// Makes a device with a static address ready without router advertisements, which it still accepts: without an IPv6 router, the
/// boot would wait twelve seconds. networkd does not wait for them if it does not wait for a carrier (`networkd-link.c`,
/// `link_check_ready`), and a VF always has one.
fn no_wait_for_routers(lines: &mut Lines, config: &NicConfig) {
    if waits_for_routers(config) {
        lines.set("ConfigureWithoutCarrier", "yes");
    }
}

/// Whether networkd would wait only for a router, which may not exist.
fn waits_for_routers(config: &NicConfig) -> bool {
    config.ipv6 == Ipv6::None && matches!(config.ipv4, Ipv4::Static(_))
}

fn routes(lines: &mut Lines, config: &NicConfig) {
    let gateways = [
        (
            config.gateway4.map(IpAddr::from),
            config.metric4,
            config.gateway4_is_off_link(),
        ),
        (
            config.gateway6.map(IpAddr::from),
            config.metric6,
            config.gateway6_is_off_link(),
        ),
    ];
    for (gateway, metric, is_off_link) in gateways {
        let Some(gateway) = gateway else { continue };
        lines.section("Route");
        lines.set("Gateway", gateway);
        lines.set_some("Metric", metric);
        if is_off_link {
            lines.set("GatewayOnLink", "yes");
        }
    }
    for route in &config.routes {
        lines.section("Route");
        lines.set("Destination", route.destination());
        lines.set("Gateway", route.via());
        lines.set_some("Metric", route.metric());
        if config.is_off_link(route.via()) {
            lines.set("GatewayOnLink", "yes");
        }
    }
    if let Some(host) = config.onegate {
        lines.section("Route");
        lines.set("Destination", format_args!("{host}/32"));
        lines.set("Scope", "link");
    }
}

/// Writes the settings of DHCP and router advertisements.
fn clients(lines: &mut Lines, config: &NicConfig) {
    if config.ipv4 == Ipv4::Dhcp
        && let Some(metric) = config.metric4
    {
        lines.section("DHCPv4");
        lines.set("RouteMetric", metric);
    }
    match config.ipv6 {
        Ipv6::Auto => {
            lines.section("IPv6AcceptRA");
            lines.set("DHCPv6Client", "no");
            lines.set_some("RouteMetric", config.metric6);
        }
        Ipv6::Dhcp(_) => {
            // Even if no router offers it.
            lines.section("DHCPv6");
            lines.set("WithoutRA", "solicit");
            if let Some(metric) = config.metric6 {
                lines.section("IPv6AcceptRA");
                lines.set("RouteMetric", metric);
            }
        }
        _ => {}
    }
}

fn matching(nic: &Configured, device: &InterfaceName) -> Lines {
    let mut lines = Lines::for_nic(nic.nic);
    lines.section("Match");
    lines.set("Name", device);
    lines
}

fn path(device: &InterfaceName, kind: &str) -> PathBuf {
    PathBuf::from(format!("{DIR}/05-one-sriov-{device}.{kind}"))
}

fn file(lines: Lines, nic: &Configured, device: &InterfaceName, kind: &str) -> RenderedFile {
    lines.into_file(path(device, kind), nic.nic.id, nic.device)
}
