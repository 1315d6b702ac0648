//! Whether libvirt has returned a VF to the host.

use std::io;

use super::record::State;
use super::store::now;
use super::sweep::StaleLease;
use crate::config::Config;
use crate::pool::HostSysfs;

/// The driver of devices that are lent to VMs.
pub const VFIO: &str = "vfio-pci";

/// Whether libvirt has returned the VF of a stale lease to the host.
///
/// It unbinds the VF from `vfio-pci` when the domain ends. One that was bound so before is
/// back at once, and one that never comes back is taken as it is after a while: libvirt says
/// that nobody has it.
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
