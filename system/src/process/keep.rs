//! File descriptors that a child inherits.

use std::io;
use std::os::fd::BorrowedFd;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

/// While this lives, every program that is started inherits these descriptors, also one that another thread starts. So a caller
/// must start programs from one thread only.
pub(super) struct Kept<'a>(Vec<(BorrowedFd<'a>, FdFlag)>);

impl<'a> Kept<'a> {
    pub(super) fn new(fds: &[BorrowedFd<'a>]) -> io::Result<Self> {
        let mut kept = Self(Vec::new());
        for &fd in fds {
            let flags = FdFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFD)?);
            fcntl(fd, FcntlArg::F_SETFD(flags - FdFlag::FD_CLOEXEC))?;
            kept.0.push((fd, flags));
        }
        Ok(kept)
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        for &(fd, flags) in &self.0 {
            // Cannot fail: a borrowed descriptor is open.
            let _ = fcntl(fd, FcntlArg::F_SETFD(flags));
        }
    }
}
