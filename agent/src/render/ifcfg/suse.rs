//! `/etc/sysconfig/network`, for wicked: the same file names as Red Hat's, but other keys.

use std::net::IpAddr;

use hwaddr::InterfaceName;
use ipnetwork::IpNetwork;

use crate::plan::model::{Child, Infiniband, Ipv4, Ipv6, NicConfig};
use crate::plan::{DummyNic, Plan, PlannedNic};
use crate::render::configured::{Configured, configured, dummies};
use crate::render::lines::{Lines, metric, path};
use crate::render::{Rendered, RenderedFile, sysctl};

const DIR: &str = "/etc/sysconfig/network";

pub(in crate::render) fn suse(plan: &Plan) -> Rendered {
    let mut rendered = Rendered::default();
    for nic in configured(plan) {
        render_nic(&nic, &mut rendered);
    }
    rendered.files.extend(dummies(plan).map(unmanaged));
    rendered
}

fn unmanaged(dummy: &DummyNic) -> RenderedFile {
    let mut lines = Lines::for_dummy(dummy);
    lines.set("STARTMODE", "off");
    lines.set("BOOTPROTO", "none");
    lines.into_file(path(DIR, "ifcfg", &dummy.name), dummy.id(), &dummy.name)
}

fn render_nic(configured: &Configured, rendered: &mut Rendered) {
    let (nic, config) = (configured.nic, configured.config);
    let (parent, device) = (configured.device, configured.carrier());
    let mut file = |lines: Lines, kind: &str, device: &InterfaceName| {
        rendered
            .files
            .push(lines.into_file(path(DIR, kind, device), nic.id, parent));
    };
    if let Some((child, name)) = &configured.child {
        let mut lines = Lines::for_nic(nic);
        lines.set("STARTMODE", "auto");
        lines.set("BOOTPROTO", "static");
        link(&mut lines, config, None);
        file(lines, "ifcfg", parent);
        let mut lines = addresses(nic, config);
        link(&mut lines, config, Some((parent, *child)));
        file(lines, "ifcfg", name);
    } else {
        let mut lines = addresses(nic, config);
        link(&mut lines, config, None);
        file(lines, "ifcfg", parent);
    }
    let routes = routes(config, device);
    if !routes.is_empty() {
        let mut lines = Lines::for_nic(nic);
        lines.raw_all(&routes);
        file(lines, "ifroute", device);
    }
    let parent_ipv6 = configured
        .child
        .is_some()
        .then_some((parent, &Ipv6::Disabled));
    for (device, ipv6) in parent_ipv6.into_iter().chain([(device, &config.ipv6)]) {
        let settings = sysctl::settings(ipv6);
        if !settings.is_empty() {
            let mut lines = Lines::for_nic(nic);
            // wicked replaces `$SYSCTL_IF` with the name of the device.
            for (key, value) in settings {
                lines.raw(format_args!("net.ipv6.conf.$SYSCTL_IF.{key} = {value}"));
            }
            file(lines, "ifsysctl", device);
        }
    }
}

fn addresses(nic: &PlannedNic, config: &NicConfig) -> Lines {
    let mut lines = Lines::for_nic(nic);
    lines.set("STARTMODE", "auto");
    // wicked also uses static addresses with DHCP.
    lines.set(
        "BOOTPROTO",
        match (&config.ipv4, &config.ipv6) {
            (Ipv4::Dhcp, Ipv6::Dhcp(_)) => "dhcp",
            (Ipv4::Dhcp, _) => "dhcp4",
            (_, Ipv6::Dhcp(_)) => "dhcp6",
            _ => "static",
        },
    );
    if config.ipv4 == Ipv4::Dhcp {
        lines.set_some("DHCLIENT_ROUTE_PRIORITY", config.metric4);
    }
    let mut networks = Vec::new();
    if let Ipv4::Static(addresses) = &config.ipv4 {
        networks.extend(addresses.iter().map(ToString::to_string));
    }
    if let Ipv6::Static(addresses) = &config.ipv6 {
        networks.extend(addresses.iter().map(ToString::to_string));
    }
    for (index, network) in networks.iter().enumerate() {
        let suffix = if index == 0 {
            String::new()
        } else {
            format!("_{index}")
        };
        lines.set(&format!("IPADDR{suffix}"), network);
    }
    lines
}

fn link(lines: &mut Lines, config: &NicConfig, child_of: Option<(&InterfaceName, Child)>) {
    lines.set_some("MTU", config.mtu);
    if let Some((parent, Child::Vlan(id))) = child_of {
        lines.set("ETHERDEVICE", parent);
        lines.set("VLAN_ID", id);
    }
    let Some(Infiniband { mode, .. }) = config.infiniband else {
        return;
    };
    // Without this, wicked treats only names like `ib0` or `ib0.8001` as InfiniBand (`try_infiniband`).
    lines.set("IPOIB", "yes");
    if let Some((parent, Child::Partition(pkey))) = child_of {
        lines.set("IPOIB_DEVICE", parent);
        lines.set("IPOIB_PKEY", pkey);
    }
    lines.set_some("IPOIB_MODE", mode);
}

/// Returns the route to an off-link gateway, which must precede the routes through it.
fn to_gateway(gateway: IpAddr, device: &InterfaceName) -> String {
    format!("{} - - {device}", IpNetwork::from(gateway))
}

/// Returns lines of the form `DESTINATION GATEWAY - DEVICE [metric N]`.
fn routes(config: &NicConfig, device: &InterfaceName) -> Vec<String> {
    let mut routes = Vec::new();
    routes.extend(config.onegate.map(|host| format!("{host}/32 - - {device}")));
    if let Some(gateway) = config.gateway4 {
        if config.gateway4_is_off_link() {
            routes.push(to_gateway(gateway.into(), device));
        }
        routes.push(format!(
            "default {gateway} - {device}{}",
            metric(config.metric4)
        ));
    }
    if let Some(gateway) = config.gateway6 {
        if config.gateway6_is_off_link() {
            routes.push(to_gateway(gateway.into(), device));
        }
        routes.push(format!(
            "default {gateway} - {device}{}",
            metric(config.metric6)
        ));
    }
    let gateways = config.off_link_gateways(|_| true).into_iter();
    routes.extend(gateways.map(|gateway| to_gateway(gateway, device)));
    routes.extend(config.routes.iter().map(|route| {
        let metric = metric(route.metric());
        format!("{} {} - {device}{metric}", route.destination(), route.via())
    }));
    routes
}
