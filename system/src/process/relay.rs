//! The standard error of a child, passed on as it comes.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::unistd::write;

use super::intake::{CHUNK, ready};

/// So much of the end is kept.
const TAIL: usize = 4096;

/// Bytes on their way to our own standard error.
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

    /// Takes over what the child wrote: at most [`CHUNK`] bytes, and only when nothing is pending.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        if !self.is_broken {
            self.pending.extend_from_slice(bytes);
        }
    }

    /// Our standard error, while something is to be written to it.
    pub(super) fn pending(&self) -> Option<BorrowedFd<'_>> {
        (!self.pending.is_empty()).then(|| self.to.as_fd())
    }

    /// Writes once; to be called when `poll` said that there is room.
    pub(super) fn flush(&mut self) {
        let length = self.pending.len().min(CHUNK);
        match write(self.to.as_fd(), &self.pending[..length]) {
            Ok(written) => drop(self.pending.drain(..written)),
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(error) => {
                // Nobody reads us any more. The child's work goes on, and somebody has to see it
                // to its end.
                log::debug!("failed to pass stderr on: {error}");
                self.is_broken = true;
                self.pending.clear();
            }
        }
    }

    /// Ends the last line, and says whether the child had done so itself.
    pub(super) fn finish(mut self, patience: Duration) -> (Vec<u8>, bool) {
        let has_ended = matches!(self.tail.last(), None | Some(b'\n'));
        if !has_ended {
            self.take_newline();
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
        (self.tail, has_ended)
    }

    /// The one byte that is not the child's.
    fn take_newline(&mut self) {
        if !self.is_broken {
            self.pending.push(b'\n');
        }
    }
}
