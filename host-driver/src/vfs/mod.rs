//! Creates VFs of a PF at boot, as many as its file requests.
//!
//! ```text
//! /etc/one-sriov/vfs/ib0                                      8
//! /sys/class/net/ib0/device -> ../../../0000:81:00.0
//! /sys/bus/pci/devices/0000:81:00.0/sriov_totalvfs            16
//! /sys/bus/pci/devices/0000:81:00.0/sriov_numvfs              4: first 0 is written, then 8
//! /sys/bus/pci/devices/0000:81:00.0/sriov_drivers_autoprobe   1
//! ```
//!
//! The kernel accepts another number only after a 0 (`sriov_numvfs_store` of drivers/pci/iov.c), and a 0 removes every VF. While
//! a VM has one, vfio-pci would block that write, so the driver refuses it as long as a VF is in use.
//!
//! This runs as root. It trusts only root's files: of the leases it reads only the boot ID and the names of files.

mod card;
mod error;
mod in_use;
mod plan;
mod user;
mod wanted;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use hwaddr::InterfaceName;
use one_sriov_system::Root;

use self::card::Card;
pub use self::error::VfsError;
pub use self::plan::{CardState, TooMany, VfPlan, plan};
pub use self::wanted::{WantedError, WantedVfs};
use crate::config::{Config, HOST_DIR};

/// How many VFs a PF had and has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// Before.
    pub before: u32,
    /// Now.
    pub now: u32,
}

/// The file with the number of VFs of a PF.
#[must_use]
pub fn file_of(pf: &InterfaceName) -> PathBuf {
    Path::new(HOST_DIR).join("vfs").join(pf.as_str())
}

/// Gives a PF the number of VFs that its file requests.
///
/// The leases (`config`) are checked, too: the VM of a leased VF may just be starting.
///
/// # Errors
/// The file or the card cannot be read or written, the card allows fewer VFs, or a VF that would be removed is in use.
pub fn apply(root: &Root, config: &Config, pf: &InterfaceName) -> Result<Changed, VfsError> {
    let wanted = wanted(root, pf)?;
    let card = Card::find(root, pf)?;
    let state = card.state()?;
    let plan = plan(&state, wanted).map_err(|cause| VfsError::TooMany {
        pf: pf.clone(),
        cause,
    })?;
    if plan.removes {
        // No action may allocate VFs while they are removed.
        let _lock = in_use::stop_decisions(root, config)?;
        let users = in_use::find(root, config, &card)?;
        if !users.is_empty() {
            return Err(VfsError::InUse {
                pf: pf.clone(),
                before: state.number,
                wanted: wanted.number,
                users,
            });
        }
        card.set_number(0)?;
    }
    if let Some(is_on) = plan.autoprobe {
        card.set_autoprobe(is_on)?;
    }
    if let Some(number) = plan.creates {
        create(&card, number, &state)?;
    }
    Ok(Changed {
        before: state.number,
        now: wanted.number,
    })
}

fn wanted(root: &Root, pf: &InterfaceName) -> Result<WantedVfs, VfsError> {
    let path = file_of(pf);
    match root.read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(VfsError::NoNumber {
            pf: pf.clone(),
            path,
        }),
        Err(cause) => Err(VfsError::Read { path, cause }),
        Ok(bytes) => {
            let wanted = String::from_utf8_lossy(&bytes).parse();
            wanted.map_err(|cause| VfsError::WantedVfs { path, cause })
        }
    }
}

/// Creates VFs. If the card refuses the new number, the old one is restored: some VFs are better than none.
fn create(card: &Card<'_>, number: u32, before: &CardState) -> Result<(), VfsError> {
    let created = card.set_number(number).and_then(|()| card.confirm(number));
    let Err(error) = created else {
        return Ok(());
    };
    if before.number > 0 && card.set_number(before.number).is_ok() {
        return Err(VfsError::Restored {
            cause: Box::new(error),
            number: before.number,
        });
    }
    Err(error)
}
