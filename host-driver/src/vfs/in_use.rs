//! VFs that must not be removed.

use std::fs::File;
use std::io::ErrorKind;

use one_sriov_system::Root;

use super::card::Card;
use super::error::VfsError;
use super::user::{User, VfUser};
use crate::config::Config;
use crate::lease;
use crate::pool::{HostSysfs, HostUses};

/// Keeps actions from allocating VFs as long as the file is open.
pub(super) fn stop_decisions(root: &Root, config: &Config) -> Result<Option<File>, VfsError> {
    let (dir, wait) = (&config.lease_dir, config.lock_wait);
    lease::stop_decisions(root, dir, wait).map_err(|cause| match cause.kind() {
        ErrorKind::TimedOut => VfsError::Locked {
            dir: dir.clone(),
            wait: wait.as_secs(),
        },
        _ => VfsError::Leases {
            dir: dir.clone(),
            cause,
        },
    })
}

/// Finds the VFs of a card that a VM or the host uses.
pub(super) fn find(root: &Root, config: &Config, card: &Card<'_>) -> Result<Vec<VfUser>, VfsError> {
    let sysfs = HostSysfs::new(root);
    let host = HostUses::new(root);
    let leased = lease::claimed(root, &config.lease_dir).map_err(|cause| VfsError::Leases {
        dir: config.lease_dir.clone(),
        cause,
    })?;
    let look = |cause| VfsError::Look {
        pf: card.pf.clone(),
        cause,
    };
    let mut users = Vec::new();
    for vf in sysfs.vfs(card.address).map_err(look)?.into_values() {
        let user = if sysfs.driver(vf).map_err(look)?.as_deref() == Some(lease::VFIO) {
            Some(User::Vm)
        } else if leased.contains(&vf) {
            Some(User::Lease)
        } else {
            host.of(vf)?.map(User::Host)
        };
        users.extend(user.map(|user| VfUser { vf, user }));
    }
    Ok(users)
}
