//! The transport mode of an InfiniBand port, for stacks that cannot set it.
//!
//! ```text
//! # /etc/udev/rules.d/99-one-sriov-ib0.rules
//! ACTION=="add|move", SUBSYSTEM=="net", ATTR{type}=="32", KERNEL=="ib0", ATTR{mode}="connected"
//! ```
//! udev sets it when a device comes under its name, or gets it (`move`); on one that is there the agent writes it itself ([`Mode`]). It comes
//! before the MTU: connected mode is what has a large one (kernel, `ipoib_change_mtu`).

use std::path::PathBuf;

use super::configured::Configured;
use super::lines::Lines;
use super::{Mode, Rendered, RenderedFile};
use crate::plan::model::TransportMode;

/// The mode that a NIC asks for, if it does: by udev, and by the agent itself.
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
