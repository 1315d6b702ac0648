//! Making IPv6 settings of devices that are there, where the network stack does not.

use std::io::ErrorKind;
use std::path::Path;

use super::transport::set;
use crate::render::Sysctl;

/// Where the kernel has the settings of its devices.
const CONF: &str = "/proc/sys/net/ipv6/conf";

/// Makes what is not so yet, before the network stack brings a device up. One that is not there gets it by udev; a kernel
/// without IPv6 has nothing to set.
pub fn set_sysctls(sysctls: &[Sysctl]) {
    for Sysctl { device, key, value } in sysctls {
        let path = Path::new(CONF).join(device.as_str()).join(key);
        match set(&path, &value.to_string()) {
            Ok(true) => log::info!("set {key} of '{device}' to {value}"),
            Ok(false) => {}
            // Where /proc/sys is read-only, as in containers, the file of settings is what there is.
            Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => {
                log::debug!("failed to set {key} of '{device}' to {value}: {error}");
            }
            Err(error) => log::warn!("failed to set {key} of '{device}' to {value}: {error}"),
        }
    }
}
