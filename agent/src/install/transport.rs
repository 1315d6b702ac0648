//! Sets transport modes of InfiniBand ports, if the network stack cannot.

use std::fs;
use std::io;
use std::path::Path;

use crate::render::Mode;

/// Sets modes that differ, before the network stack sets an MTU. If a device rejects its mode, a warning is logged (enhanced
/// IPoIB supports only datagram mode).
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

/// Writes a value, and returns whether it differed. A missing device is skipped, because udev sets it up when it appears.
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
