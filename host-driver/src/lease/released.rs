//! Whether libvirt has released a VF.

use std::io;

use super::record::State;
use super::store::now;
use super::sweep::StaleLease;
use crate::config::Config;
use crate::pool::HostSysfs;

/// The driver that a device is bound to while a VM uses it.
pub const VFIO: &str = "vfio-pci";

/// Whether libvirt has released the VF of a stale lease.
///
/// When the domain ends, libvirt unbinds the VF from `vfio-pci`, unless it was bound to that before. If this does not happen
/// within `VF_RELEASE_WAIT`, the VF counts as released anyway: no domain has it.
///
/// # Errors
/// sysfs cannot be read.
pub fn is_released(sysfs: HostSysfs<'_>, config: &Config, stale: &StaleLease) -> io::Result<bool> {
    let Some(lease) = &stale.lease else {
        return Ok(true);
    };
    let driver = sysfs.driver(stale.address)?;
    let is_lent = driver.as_deref() == Some(VFIO) && lease.driver.as_deref() != Some(VFIO);
    let waited = now().saturating_sub(lease.since);
    let gave_up = lease.state == State::Releasing && waited >= config.release_wait.as_secs();
    Ok(!is_lent || gave_up)
}
