//! Working as the owner of the leases.
//!
//! `oneadmin` owns them. What root writes there, `oneadmin` could not change any more, and so root
//! becomes the owner first.

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::unistd::{Gid, Uid, User, geteuid, initgroups, setgid, setuid};

use super::error::Failure;
use crate::host::Host;
use crate::lease::user_name;

pub(super) fn become_owner(host: &Host) -> Result<(), Failure> {
    let dir = host.root.path(&host.config.lease_dir);
    let Some(metadata) = dir.ok().and_then(|dir| fs::symlink_metadata(dir).ok()) else {
        return Ok(());
    };
    let owner = Uid::from_raw(metadata.uid());
    if !geteuid().is_root() || owner.is_root() {
        return Ok(());
    }
    let fail = |cause| Failure::Owner {
        user: user_name(owner),
        cause,
    };
    let user = User::from_uid(owner).map_err(fail)?;
    let gid = user
        .as_ref()
        .map_or(Gid::from_raw(metadata.gid()), |user| user.gid);
    if let Some(name) = user.and_then(|user| CString::new(user.name).ok()) {
        // libvirt lets in who is of its group.
        initgroups(&name, gid).map_err(fail)?;
    }
    setgid(gid).and_then(|()| setuid(owner)).map_err(fail)
}
