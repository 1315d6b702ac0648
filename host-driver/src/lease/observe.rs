//! What root uses of another user's leases: the names of files, the boot ID, and the lock.
//!
//! Root must not be tricked by that user: it writes nothing there, follows no link, and does not block on a FIFO.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use hwaddr::PciAddress;
use nix::fcntl::OFlag;
use one_sriov_system::{Locked, Root, lock_within};

use super::store::{BOOT_ID, BOOT_ID_FILE, DEVICES, LOCK};

/// Returns the VFs that have a lease of this boot. There are none without a lease directory.
pub fn claimed(root: &Root, dir: &Path) -> io::Result<HashSet<PciAddress>> {
    let Some(file) = open(root, &dir.join(BOOT_ID_FILE))? else {
        return Ok(HashSet::new());
    };
    let mut written = String::new();
    // A boot id has 36 characters.
    file.take(64).read_to_string(&mut written)?;
    let boot_id = root.read_to_string(Path::new(BOOT_ID))?;
    if written.trim_end() != boot_id.trim_end() {
        return Ok(HashSet::new());
    }
    let names = match root.list(&dir.join(DEVICES)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        listed => listed?,
    };
    Ok(names
        .iter()
        .filter_map(|name| name.to_str()?.parse().ok())
        .collect())
}

/// Takes the lock on all leases, so that no action allocates VFs while the returned file is open. Returns `None` if there is no
/// lock file yet.
///
/// # Errors
/// The lock file cannot be opened, or an action holds the lock for longer than `wait` (`TimedOut`).
pub fn stop_decisions(root: &Root, dir: &Path, wait: Duration) -> io::Result<Option<File>> {
    let Some(file) = open(root, &dir.join(LOCK))? else {
        return Ok(None);
    };
    match lock_within(file, wait)? {
        Locked::AtOnce(file) | Locked::AfterWaiting(file) => Ok(Some(file)),
        Locked::Not => Err(ErrorKind::TimedOut.into()),
    }
}

fn open(root: &Root, path: &Path) -> io::Result<Option<File>> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(root.entry(path)?);
    match opened {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}
