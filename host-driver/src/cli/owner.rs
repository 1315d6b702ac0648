//! Runs commands as oneadmin, never as root.
//!
//! The files below `/var/tmp/one` belong to oneadmin, or to any local user who created the directory before OpenNebula did:
//! settings, VF maps, the stock driver and its `LIBVIRT_URI`, in which `?command=` names a program that libvirt's client starts.
//! The leases belong to oneadmin, too. So root becomes oneadmin before it reads any of them, and reads none if it cannot.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, User, geteuid, initgroups, setgid, setgroups, setuid};
use one_sriov_system::Root;

use crate::lease::user_name;

/// OpenNebula's user on every host. It is not taken from the owner of a file, because anyone may own that file.
const ONEADMIN: &str = "oneadmin";

/// Why the command refuses to run as root.
#[derive(Debug, thiserror::Error)]
pub(super) enum OwnerError {
    /// OpenNebula is not installed, or its user comes from a directory service that a static program cannot query.
    #[error(
        "refused to run as root: user 'oneadmin' is not in /etc/passwd; run it as OpenNebula's user: sudo -u <user> one-sriov ..."
    )]
    Unknown,
    /// oneadmin is another name for root.
    #[error("refused to run as root: user 'oneadmin' has user ID 0; give it an ID of its own")]
    IsRoot,
    /// The lease directory of a scratch root belongs to root, but the driver's directory to another user.
    #[error("refused to run as root: '{path}' belongs to '{owner}'")]
    Foreign {
        /// The file.
        path: String,
        /// Its owner.
        owner: String,
    },
    /// A system call failed.
    #[error("refused to run as root: failed to become user '{user}': {cause}")]
    Become {
        /// The user.
        user: String,
        /// The system's error.
        cause: Errno,
    },
    /// Users cannot be looked up.
    #[error("refused to run as root: failed to look up user 'oneadmin': {0}")]
    LookUp(Errno),
    /// The owner of the lease directory of a scratch root cannot be read.
    #[error("refused to run as root: failed to check '{path}': {cause}")]
    Look {
        /// The file.
        path: String,
        /// The system's error.
        cause: io::Error,
    },
}

/// Becomes oneadmin if this is root, and does nothing otherwise.
///
/// Below another root (for tests and staging) the owner of the lease directory takes the place of oneadmin, because that machine
/// has other users. Root stays root there only if it owns the lease directory and the driver's directory.
///
/// # Errors
/// Root cannot become another user.
pub(super) fn leave_root(root: &Root, home: &Path) -> Result<(), OwnerError> {
    if !geteuid().is_root() {
        return Ok(());
    }
    if !root.is_live() {
        return stand_in(root, home);
    }
    let user = User::from_name(ONEADMIN).map_err(OwnerError::LookUp)?;
    let user = user.ok_or(OwnerError::Unknown)?;
    if user.uid.is_root() {
        return Err(OwnerError::IsRoot);
    }
    let fail = |cause| OwnerError::Become {
        user: ONEADMIN.into(),
        cause,
    };
    let name = CString::new(ONEADMIN).map_err(|_| fail(Errno::EINVAL))?;
    // libvirt grants access to members of its group.
    initgroups(&name, user.gid).map_err(fail)?;
    // For root this sets the real, effective and saved ID (setuid(2)): there is no way back.
    setgid(user.gid)
        .and_then(|()| setuid(user.uid))
        .map_err(fail)
}

fn stand_in(root: &Root, home: &Path) -> Result<(), OwnerError> {
    let leases = Path::new("/run/one-sriov");
    let owner = |path: &Path| match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(OwnerError::Look {
            path: path.display().to_string(),
            cause,
        }),
        Ok(metadata) => Ok(Some((
            Uid::from_raw(metadata.uid()),
            Gid::from_raw(metadata.gid()),
        ))),
    };
    let place = root.path(leases).map_err(|cause| OwnerError::Look {
        path: leases.display().to_string(),
        cause,
    })?;
    if let Some((uid, gid)) = owner(&place)?.filter(|(uid, _)| !uid.is_root()) {
        let become_it = setgroups(&[gid])
            .and_then(|()| setgid(gid))
            .and_then(|()| setuid(uid));
        return become_it.map_err(|cause| OwnerError::Become {
            user: user_name(uid),
            cause,
        });
    }
    match owner(home)? {
        Some((uid, _)) if !uid.is_root() => Err(OwnerError::Foreign {
            path: home.display().to_string(),
            owner: user_name(uid),
        }),
        _ => Ok(()),
    }
}
