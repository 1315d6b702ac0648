//! The transport mode of an InfiniBand port, for stacks that cannot set it.
//!
//! ```text
//! # /etc/udev/rules.d/99-one-sriov-ib0.rules
//! ACTION=="add|move", SUBSYSTEM=="net", ATTR{type}=="32", KERNEL=="ib0", ATTR{mode}="connected"
//! ```
//! udev sets the mode when a device with this name appears or is renamed to it (`move`). On an existing device, the agent sets it
//! itself ([`Mode`]), before the MTU, because only connected mode supports a large one (the kernel's `ipoib_change_mtu`).

use std::path::PathBuf;

use super::configured::Configured;
use super::lines::Lines;
use super::{Mode, Rendered, RenderedFile};
use crate::plan::model::TransportMode;

/// Sets the transport mode of a NIC, if the context does: by udev, and by the agent itself.
pub(super) fn render(nic: &Configured, rendered: &mut Rendered) {
    if let Some(mode) = nic.config.mode() {
        rendered.files.push(rule(nic, mode));
        rendered.modes.push(Mode {
            device: nic.device.clone(),
            mode,
        });
    }
}

fn rule(nic: &Configured, mode: TransportMode) -> RenderedFile {
    let device = nic.device;
    let mut lines = Lines::for_nic(nic.nic);
    lines.raw(format_args!(
        r#"ACTION=="add|move", SUBSYSTEM=="net", ATTR{{type}}=="32", KERNEL=="{device}", ATTR{{mode}}="{mode}""#
    ));
    let path = PathBuf::from(format!("/etc/udev/rules.d/99-one-sriov-{device}.rules"));
    lines.into_file(path, nic.nic.id, device)
}
