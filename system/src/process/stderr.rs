//! The standard error of a child: kept, and passed on at once if that is wanted.

use std::io::{self, Stderr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::unistd::write;

use super::intake::{CHUNK, ready};

/// How much of its end is kept if it is passed on.
const TAIL: usize = 4096;
/// How long to wait, after the end of the child, for a reader of our standard error that has stopped reading.
const PEER: Duration = Duration::from_secs(5);

/// What a child has written to its standard error.
pub(super) struct StandardError {
    pub(super) kept: Vec<u8>,
    most: usize,
    /// Our own standard error, as long as it has a reader.
    to: Option<Stderr>,
    pending: Vec<u8>,
}

impl StandardError {
    /// Keeps the last bytes, at most this many.
    pub(super) fn keep(most: usize) -> Self {
        Self {
            kept: Vec::new(),
            most,
            to: None,
            pending: Vec::new(),
        }
    }

    /// Passes it on to our own standard error, and keeps the end of it.
    pub(super) fn pass_on() -> Self {
        Self {
            to: Some(io::stderr()),
            ..Self::keep(TAIL)
        }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
        let excess = self.kept.len().saturating_sub(self.most);
        self.kept.drain(..excess);
        if self.to.is_some() {
            self.pending.extend_from_slice(bytes);
        }
    }

    /// The descriptor that bytes still have to be written to.
    pub(super) fn pending(&self) -> Option<BorrowedFd<'_>> {
        let to = self.to.as_ref().filter(|_| !self.pending.is_empty());
        to.map(AsFd::as_fd)
    }

    /// Writes some of them. Call it when `poll` reports room.
    pub(super) fn flush(&mut self) {
        let Some(to) = &self.to else { return };
        let length = self.pending.len().min(CHUNK);
        match write(to, &self.pending[..length]) {
            Ok(written) => drop(self.pending.drain(..written)),
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(error) => {
                // Our reader is gone, but the child keeps running, and its end matters.
                log::debug!("failed to pass stderr on: {error}");
                self.to = None;
            }
        }
    }

    /// Passes on the rest, and ends the last line if the child has not: OpenNebula's front-end waits forever for the end of a
    /// line. Returns what is kept.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if !matches!(self.kept.last(), None | Some(b'\n')) {
            self.pending.push(b'\n');
        }
        while let Some(fd) = self.pending() {
            match ready([Some((fd, PollFlags::POLLOUT))], PEER) {
                Ok([true]) => self.flush(),
                Ok([false]) => break,
                Err(error) => {
                    log::error!("failed to wait for room on standard error: {error}");
                    break;
                }
            }
        }
        self.kept
    }
}
