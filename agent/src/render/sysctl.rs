//! IPv6 settings of the kernel that a network stack does not set, or sets too late.
//!
//! ```text
//! # /etc/sysctl.d/90-one-sriov-eth0.conf
//! net/ipv6/conf/eth0/disable_ipv6 = 0
//! net/ipv6/conf/eth0/accept_ra = 0
//! ```
//! udev applies the settings when a device appears (systemd's `99-systemd.rules`); initscripts apply them after starting the
//! network and before starting a VLAN; on an existing device, the agent applies them itself ([`Sysctl`]). Keys are written with
//! slashes because device names may contain dots (`sysctl.d(5)`).

use std::path::PathBuf;

use hwaddr::InterfaceName;

use super::lines::Lines;
use super::{Rendered, Sysctl};
use crate::plan::PlannedNic;
use crate::plan::model::Ipv6;

/// The settings of a device, by their names in the device's directory.
///
/// IPv6 is enabled if it is used, because an image or an earlier context may have disabled it.
pub(super) fn settings(ipv6: &Ipv6) -> &'static [(&'static str, u8)] {
    match ipv6 {
        Ipv6::None => &[],
        Ipv6::Static(_) => &[("disable_ipv6", 0), ("accept_ra", 0), ("autoconf", 0)],
        Ipv6::Auto | Ipv6::Dhcp(_) => &[("disable_ipv6", 0), ("accept_ra", 1), ("autoconf", 1)],
        Ipv6::Disabled => &[("disable_ipv6", 1)],
    }
}

/// Renders a file with the settings of a device: that of the NIC (`owner`) or its child.
pub(super) fn render(
    nic: &PlannedNic,
    owner: &InterfaceName,
    device: &InterfaceName,
    ipv6: &Ipv6,
    rendered: &mut Rendered,
) {
    let settings = settings(ipv6);
    if settings.is_empty() {
        return;
    }
    let mut lines = Lines::for_nic(nic);
    for (key, value) in settings {
        lines.raw(format_args!("net/ipv6/conf/{device}/{key} = {value}"));
    }
    let path = PathBuf::from(format!("/etc/sysctl.d/90-one-sriov-{device}.conf"));
    rendered.files.push(lines.into_file(path, nic.id, owner));
    let made = settings.iter().map(|&(key, value)| Sysctl {
        device: device.clone(),
        key,
        value,
    });
    rendered.sysctls.extend(made);
}
