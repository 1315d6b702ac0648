//! Errors of creating VFs.

use std::io;
use std::path::PathBuf;

use hwaddr::{InterfaceName, PciAddress};

use super::plan::TooMany;
use super::user::VfUser;
use super::wanted::WantedError;
use crate::pool::HostUseError;

/// Why the VFs of a PF were not created.
#[derive(Debug, thiserror::Error)]
pub enum VfsError {
    /// The file with the number is missing.
    #[error(
        "failed to find the number of VFs of '{pf}': '{path}' is missing; write a number there: echo 8 > {path}",
        path = path.display()
    )]
    NoNumber {
        /// The PF.
        pf: InterfaceName,
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("failed to read '{}': {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// The file is invalid.
    #[error("failed to read '{}': {cause}", path.display())]
    WantedVfs {
        /// The file.
        path: PathBuf,
        /// The wrong line.
        cause: WantedError,
    },
    /// The device does not exist.
    #[error("failed to find '{pf}': no network device of that name")]
    NoDevice {
        /// The PF.
        pf: InterfaceName,
    },
    /// Not a PCI device: a bridge, for example.
    #[error("failed to create VFs of '{pf}': it is not a PCI device")]
    NotPci {
        /// The PF.
        pf: InterfaceName,
    },
    /// A card without SR-IOV, or with SR-IOV disabled.
    #[error(
        "failed to create VFs of '{pf}' ({address}): it does not support SR-IOV; enable it in the card's firmware"
    )]
    NoSriov {
        /// The PF.
        pf: InterfaceName,
        /// Its PCI address.
        address: PciAddress,
    },
    /// sysfs cannot be read.
    #[error("failed to read the VFs of '{pf}': {cause}")]
    Look {
        /// The PF.
        pf: InterfaceName,
        /// The system's error.
        cause: io::Error,
    },
    /// More than the card allows.
    #[error(
        "failed to create {} VFs of '{pf}': the card allows {}; allow more in its firmware, or write a smaller number",
        cause.wanted, cause.total
    )]
    TooMany {
        /// The PF.
        pf: InterfaceName,
        /// The numbers.
        cause: TooMany,
    },
    /// VFs that would be removed are in use.
    #[error(
        "refused to change the VFs of '{pf}' from {before} to {wanted}: {}; power off these VMs first",
        in_use_list(users)
    )]
    InUse {
        /// The PF.
        pf: InterfaceName,
        /// How many it has.
        before: u32,
        /// How many are wanted.
        wanted: u32,
        /// Those VFs, and how they are used.
        users: Vec<VfUser>,
    },
    /// It is unknown whether the host uses VFs.
    #[error(transparent)]
    HostUse(#[from] HostUseError),
    /// The leases cannot be read.
    #[error("failed to read the leases in '{}': {cause}", dir.display())]
    Leases {
        /// The lease directory.
        dir: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// An action holds the lock.
    #[error("failed to lock the leases in '{}' within {wait} s: an action is allocating VFs; try again", dir.display())]
    Locked {
        /// The lease directory.
        dir: PathBuf,
        /// How long the command waited, in seconds.
        wait: u64,
    },
    /// The kernel refused the number.
    #[error("failed to write {value} to '{name}' of '{pf}': {cause}; see the kernel's log")]
    Write {
        /// The PF.
        pf: InterfaceName,
        /// The attribute.
        name: &'static str,
        /// The number.
        value: u32,
        /// The system's error.
        cause: io::Error,
    },
    /// The kernel accepted the number, but the card has another one.
    #[error("failed to create {wanted} VFs of '{pf}': it has {found}; see the kernel's log")]
    Other {
        /// The PF.
        pf: InterfaceName,
        /// How many are wanted.
        wanted: u32,
        /// How many there are.
        found: u32,
    },
    /// Creating the VFs failed, and the card has its old number of VFs again.
    #[error("{cause}; its {number} VFs have been created again")]
    Restored {
        /// What failed.
        cause: Box<VfsError>,
        /// How many VFs it has again.
        number: u32,
    },
}

fn in_use_list(users: &[VfUser]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<String> = users.iter().take(SHOWN).map(ToString::to_string).collect();
    let shown = shown.join(", ");
    match users.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
