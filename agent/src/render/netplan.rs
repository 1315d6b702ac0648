//! `/etc/netplan`: YAML from which netplan generates files for its renderer (Ubuntu, Debian's cloud images).
//!
//! ```text
//! # Written by one-sriov-agent for ETH0 from the context of the VM. Do not edit: edited files are not updated.
//! network:
//!   version: 2
//!   ethernets:
//!     eth0:
//!       renderer: networkd
//!       dhcp4: false
//!       addresses: ["10.0.0.5/24"]
//! ```
//! netplan reads the agent's file last, and it sets every key that an installer's file may set for the same device, so it
//! overrides that file. It also makes netplan start networkd.
//!
//! networkd itself uses the units of [`networkd`]. From the above, netplan generates `10-netplan-eth0.network`, and from an
//! image's `match: {name: "en*"}` it generates `10-netplan-all-en.network`: networkd uses the first one by name, whatever the
//! YAML, and the latter also matches a VLAN of the device. So children are only configured in units.
//!
//! NetworkManager uses the profile with the highest priority, which netplan cannot set: with the renderer NetworkManager, the
//! backend is [`super::keyfile`].
//! Sources: netplan's `doc/netplan-yaml.md`, `src/networkd.c`, `src/nm.c`.
//! Facts: netplan's `doc/netplan-yaml.md`, `src/networkd.c`, `src/nm.c`.

use std::fmt::Display;
use std::net::IpAddr;
use std::path::PathBuf;

use super::configured::{Configured, configured, dummies};
use super::lines::Lines;
use super::{Rendered, RenderedFile, networkd};
use crate::plan::Plan;
use crate::plan::model::{Ipv4, Ipv6, NicConfig};

/// Marks a gateway outside the NIC's networks.
const ON_LINK: &str = "          on-link: true";

pub(super) fn render(plan: &Plan) -> Rendered {
    let mut rendered = Rendered::default();
    for nic in configured(plan) {
        rendered.files.push(yaml(&nic));
        networkd::render_nic(&nic, &mut rendered);
    }
    rendered
        .files
        .extend(dummies(plan).map(networkd::unmanaged));
    rendered
}

fn yaml(nic: &Configured) -> RenderedFile {
    let mut lines = Lines::for_nic(nic.nic);
    lines.raw("network:\n  version: 2\n  ethernets:");
    lines.raw(format_args!("    {}:", quoted(nic.device)));
    lines.raw("      renderer: networkd");
    if nic.child.is_some() {
        lines.raw(
            "      dhcp4: false\n      dhcp6: false\n      accept-ra: false\n      link-local: []",
        );
        mtu(&mut lines, nic.config);
    } else {
        device(&mut lines, nic.config);
    }
    let path = PathBuf::from(format!("/etc/netplan/60-one-sriov-{}.yaml", nic.device));
    lines.into_private_file(path, nic.nic.id, nic.device)
}

/// Writes the keys of the device that carries the addresses.
fn device(lines: &mut Lines, config: &NicConfig) {
    let [metric4, metric6] = dhcp_metrics(config);
    for (key, is_used, metric) in [
        ("dhcp4", config.ipv4 == Ipv4::Dhcp, metric4),
        ("dhcp6", config.ipv6.is_dhcp(), metric6),
    ] {
        lines.raw(format_args!("      {key}: {is_used}"));
        if let Some(metric) = metric {
            lines.raw(format_args!(
                "      {key}-overrides:\n        route-metric: {metric}"
            ));
        }
    }
    match &config.ipv6 {
        // The renderer's default applies.
        Ipv6::None => {}
        Ipv6::Static(_) => lines.raw("      accept-ra: false"),
        Ipv6::Auto | Ipv6::Dhcp(_) => lines.raw("      accept-ra: true\n      ipv6-privacy: false"),
        Ipv6::Disabled => lines.raw("      accept-ra: false\n      link-local: []"),
    }
    mtu(lines, config);
    let mut addresses = Vec::new();
    if let Ipv4::Static(networks) = &config.ipv4 {
        addresses.extend(networks.iter().map(quoted));
    }
    if let Ipv6::Static(networks) = &config.ipv6 {
        addresses.extend(networks.iter().map(quoted));
    }
    list(lines, "      addresses", &addresses);
    if !config.dns.is_empty() || !config.search.is_empty() {
        lines.raw("      nameservers:");
        list(lines, "        addresses", &each_quoted(&config.dns));
        list(lines, "        search", &each_quoted(&config.search));
    }
    let routes = routes(config);
    if !routes.is_empty() {
        lines.raw("      routes:");
        lines.raw_all(&routes);
    }
}

/// Returns the metrics of routes from DHCP. With networkd, netplan rejects the whole file if they differ.
fn dhcp_metrics(config: &NicConfig) -> [Option<u32>; 2] {
    match (&config.ipv4, &config.ipv6) {
        (Ipv4::Dhcp, Ipv6::Dhcp(_)) => [config.metric4; 2],
        (Ipv4::Dhcp, _) => [config.metric4, None],
        (_, Ipv6::Dhcp(_)) => [None, config.metric6],
        _ => [None; 2],
    }
}

fn mtu(lines: &mut Lines, config: &NicConfig) {
    if let Some(mtu) = config.mtu {
        lines.raw(format_args!("      mtu: {mtu}"));
    }
}

fn routes(config: &NicConfig) -> Vec<String> {
    let mut routes = Vec::new();
    let gateways = [
        (
            "0.0.0.0/0",
            config.gateway4.map(IpAddr::from),
            config.metric4,
            config.gateway4_is_off_link(),
        ),
        (
            "::/0",
            config.gateway6.map(IpAddr::from),
            config.metric6,
            config.gateway6_is_off_link(),
        ),
    ];
    for (to, gateway, metric, is_off_link) in gateways {
        let Some(gateway) = gateway else { continue };
        routes.push(format!("        - to: {}", quoted(to)));
        routes.push(format!("          via: {}", quoted(gateway)));
        routes.extend(metric.map(|metric| format!("          metric: {metric}")));
        routes.extend(is_off_link.then(|| ON_LINK.to_owned()));
    }
    for route in &config.routes {
        routes.push(format!("        - to: {}", quoted(route.destination())));
        routes.push(format!("          via: {}", quoted(route.via())));
        let metric = route.metric();
        routes.extend(metric.map(|metric| format!("          metric: {metric}")));
        let is_off_link = config.is_off_link(route.via());
        routes.extend(is_off_link.then(|| ON_LINK.to_owned()));
    }
    if let Some(host) = config.onegate {
        routes.push(format!(
            "        - to: {}",
            quoted(format_args!("{host}/32"))
        ));
        routes.push("          scope: link".to_owned());
    }
    routes
}

/// Quotes a token, because YAML would read `1:2` as a base-60 number.
fn quoted(token: impl Display) -> String {
    format!("\"{token}\"")
}

fn each_quoted(tokens: &[impl Display]) -> Vec<String> {
    tokens.iter().map(quoted).collect()
}

fn list(lines: &mut Lines, key: &str, values: &[String]) {
    if !values.is_empty() {
        lines.raw(format_args!("{key}: [{}]", values.join(", ")));
    }
}
