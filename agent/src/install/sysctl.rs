//! Makes IPv6 settings on existing devices, if the network stack does not.

use std::io::ErrorKind;
use std::path::Path;

use super::transport::set;
use crate::render::Sysctl;

const CONF: &str = "/proc/sys/net/ipv6/conf";

/// Makes settings that differ, before the network stack brings a device up. udev does this for devices that appear later. If the
/// kernel has no IPv6, nothing is set.
pub fn set_sysctls(sysctls: &[Sysctl]) {
    for Sysctl { device, key, value } in sysctls {
        let path = Path::new(CONF).join(device.as_str()).join(key);
        match set(&path, &value.to_string()) {
            Ok(true) => log::info!("set {key} of '{device}' to {value}"),
            Ok(false) => {}
            // In containers, /proc/sys is read-only; then only the file applies.
            Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => {
                log::debug!("failed to set {key} of '{device}' to {value}: {error}");
            }
            Err(error) => log::warn!("failed to set {key} of '{device}' to {value}: {error}"),
        }
    }
}
