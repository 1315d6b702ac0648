//! Looking for what keeps VMs from getting their VFs.
//!
//! ```text
//! ok       the IOMMU is on: dmar0, dmar1
//! PROBLEM  failed to find a VF of 'ib0': it has none; check its sriov_numvfs
//!          echo 8 > /sys/class/net/ib0/device/sriov_numvfs
//! ```
//!
//! Each check looks at one matter and stands for itself: one that cannot look says so, and the
//! others go on. Nothing is changed.

mod bridge;
mod cards;
mod finding;
mod guids;
mod iommu;
mod leases;
mod libvirt;
mod memlock;
mod pci_probe;
mod pools;
mod ports;
mod qemu;
mod remotes;
mod settings;
mod sudo;
mod vfs;

pub use finding::{Finding, Level};

use crate::host::Host;

/// One matter.
pub type Check = fn(&Host) -> Vec<Finding>;

/// What the user who started us is to look at: some of it only root may read.
pub const OF_THE_HOST: [Check; 3] = [iommu::check, qemu::check, memlock::check];

/// What is to be looked at as the user who runs the actions.
pub const OF_THE_DRIVER: [Check; 13] = [
    cards::check,
    settings::check,
    settings::mac_prefix,
    pools::check,
    guids::check,
    vfs::check,
    ports::check,
    pci_probe::check,
    bridge::check,
    libvirt::check,
    remotes::check,
    leases::check,
    sudo::check,
];

/// All that these checks find, in their order.
#[must_use]
pub fn examine(host: &Host, checks: &[Check]) -> Vec<Finding> {
    checks.iter().flat_map(|check| check(host)).collect()
}

#[cfg(test)]
mod tests;
