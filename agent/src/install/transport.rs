//! Sets transport modes of InfiniBand ports, if the network stack cannot.

use std::fs;
use std::io;
use std::path::Path;

use crate::render::Mode;

/// Sets modes that differ, before the network stack sets an MTU. A device that refuses keeps its mode (enhanced IPoIB supports
/// only datagram mode), with a warning.
pub fn set_modes(sysfs: &Path, modes: &[Mode]) {
    for Mode { device, mode } in modes {
        let path = sysfs.join("class/net").join(device.as_str()).join("mode");
        let mode = mode.to_string();
        match set(&path, &mode) {
            Ok(true) => log::info!("set the transport mode of '{device}' to {mode}"),
            Ok(false) => {}
            Err(error) => {
                log::warn!("failed to set the transport mode of '{device}' to {mode}: {error}");
            }
        }
    }
}

/// Whether it had to be written. udev does this for a device that appears later.
pub(super) fn set(path: &Path, value: &str) -> io::Result<bool> {
    let known = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        read => read?,
    };
    if known.trim_end() == value {
        return Ok(false);
    }
    // The kernel requires the newline.
    fs::write(path, format!("{value}\n"))?;
    Ok(true)
}
