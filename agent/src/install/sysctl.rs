//! Sets IPv6 settings of existing devices, if the network stack does not.

use std::io::ErrorKind;
use std::path::Path;

use super::transport::set;
use crate::render::Sysctl;

/// The kernel's directory of the settings.
const CONF: &str = "/proc/sys/net/ipv6/conf";

/// Sets what differs, before the network stack brings a device up. udev does this for a device that appears later; without IPv6
/// in the kernel there is nothing to set.
pub fn set_sysctls(sysctls: &[Sysctl]) {
    for Sysctl { device, key, value } in sysctls {
        let path = Path::new(CONF).join(device.as_str()).join(key);
        match set(&path, &value.to_string()) {
            Ok(true) => log::info!("set {key} of '{device}' to {value}"),
            Ok(false) => {}
            // In containers /proc/sys is read-only: then there is only the file.
            Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => {
                log::debug!("failed to set {key} of '{device}' to {value}: {error}");
            }
            Err(error) => log::warn!("failed to set {key} of '{device}' to {value}: {error}"),
        }
    }
}
