//! Checks for problems that stop VMs from getting VFs.
//!
//! ```text
//! ok       the IOMMU is on: dmar0, dmar1
//! PROBLEM  failed to find a VF of 'ib0': it has none; check its sriov_numvfs
//!          echo 8 > /sys/class/net/ib0/device/sriov_numvfs
//! ```
//!
//! Each check is independent: one that fails reports that, and the others continue. Nothing is changed.

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

pub use finding::{Finding, Severity};

use crate::host::Host;

/// A check.
pub type Check = fn(&Host) -> Vec<Finding>;

/// The checks that run as the user who started the command, because some files are readable only by root.
pub const OF_THE_HOST: [Check; 3] = [iommu::check, qemu::check, memlock::check];

/// The checks that run as the user who runs the actions.
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

/// Runs checks, and returns their findings in order.
#[must_use]
pub fn examine(host: &Host, checks: &[Check]) -> Vec<Finding> {
    checks.iter().flat_map(|check| check(host)).collect()
}

#[cfg(test)]
mod tests;
