//! Copies the standard error of a child immediately.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::unistd::write;

use super::intake::{CHUNK, ready};
use super::supervise::ErrorSink;

/// How much of its end is kept.
const TAIL: usize = 4096;

/// Passes bytes on to our own standard error.
pub(super) struct Relay<W> {
    to: W,
    pending: Vec<u8>,
    tail: Vec<u8>,
    is_broken: bool,
}

impl<W: AsFd> Relay<W> {
    pub(super) fn new(to: W) -> Self {
        Self {
            to,
            pending: Vec::new(),
            tail: Vec::new(),
            is_broken: false,
        }
    }

    /// Ends the last line if the child has not, because OpenNebula's front-end waits forever for the end of one. Returns what is
    /// kept.
    pub(super) fn finish(mut self, patience: Duration) -> Vec<u8> {
        let has_ended = matches!(self.tail.last(), None | Some(b'\n'));
        if !has_ended && !self.is_broken {
            self.pending.push(b'\n');
            while let Some(fd) = self.pending() {
                match ready([Some((fd, PollFlags::POLLOUT))], patience) {
                    Ok([true]) => self.flush(),
                    Ok([false]) => break,
                    Err(error) => {
                        log::error!("failed to wait for room on standard error: {error}");
                        break;
                    }
                }
            }
        }
        self.tail
    }
}

impl<W: AsFd> ErrorSink for Relay<W> {
    fn take(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        if !self.is_broken {
            self.pending.extend_from_slice(bytes);
        }
    }

    fn pending(&self) -> Option<BorrowedFd<'_>> {
        (!self.pending.is_empty()).then(|| self.to.as_fd())
    }

    fn flush(&mut self) {
        let length = self.pending.len().min(CHUNK);
        match write(self.to.as_fd(), &self.pending[..length]) {
            Ok(written) => drop(self.pending.drain(..written)),
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(error) => {
                // Our reader is gone, but the child keeps running, and its end matters.
                log::debug!("failed to pass stderr on: {error}");
                self.is_broken = true;
                self.pending.clear();
            }
        }
    }
}
