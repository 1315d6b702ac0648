//! Domains that move to another host, whose root is in `<root>/state/peer`.

use std::fs::{self, File};
use std::path::PathBuf;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use crate::place::Place;
use crate::virsh::Domain;

pub(crate) fn peer(place: &Place) -> Result<PathBuf, String> {
    let peer = place.switch("peer");
    let peer = peer.ok_or("ssh: connect to host node2 port 22: No route to host")?;
    Ok(peer.trim().into())
}

/// Locks `<root>/state/session`, for this process and what it becomes.
pub(crate) fn session(place: &Place) -> File {
    let session = File::create(place.path("state/session")).expect("a file");
    session.lock().expect("a lock");
    fcntl(&session, FcntlArg::F_SETFD(FdFlag::empty())).expect("a file that is inherited");
    session
}

/// QEMU moves no device of the host.
pub(crate) fn migrate(place: &Place, domain: &Domain) -> Result<(), String> {
    if !domain.devices.is_empty() {
        return Err("error: Requested operation is not valid: cannot migrate domain: VFIO migration init failed".into());
    }
    let file = format!("state/domains/{}.xml", domain.name);
    fs::write(peer(place)?.join(&file), &domain.text).expect("a domain");
    fs::remove_file(place.path(&file)).expect("the domain can be removed");
    Ok(())
}
