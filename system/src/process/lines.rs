//! Lines from a pipe, each with a time limit.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::PollFlags;

use super::intake::{Intake, ready};

/// A longer line counts as the end of the input.
const MAX_LINE: usize = 64 << 20;

/// The result of waiting for a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A line, without the line break.
    Line(String),
    /// No line within the time.
    Timeout,
    /// End of input: the other end is closed.
    End,
}

/// What a pipe has delivered, line by line.
#[derive(Default)]
pub(super) struct Buffer {
    pub(super) bytes: Vec<u8>,
    /// How many of these bytes were already searched for a line break.
    searched: usize,
}

impl Buffer {
    pub(super) fn line(&mut self) -> Option<String> {
        let mut rest = self.bytes[self.searched..].iter();
        let Some(end) = rest.position(|byte| *byte == b'\n') else {
            self.searched = self.bytes.len();
            return None;
        };
        let end = self.searched + end;
        self.searched = 0;
        let line: Vec<u8> = self.bytes.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line[..end]).into_owned())
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn is_too_long(&self) -> bool {
        self.bytes.len() > MAX_LINE
    }
}

/// Lines from our own standard input.
pub struct Lines {
    intake: Intake<File>,
    buffer: Buffer,
}

impl Lines {
    /// Reads standard input. Nothing else may read it: [`io::stdin`] has a buffer that poll(2) does not see.
    pub fn of_stdin() -> io::Result<Self> {
        Ok(Self::of(io::stdin().as_fd().try_clone_to_owned()?.into()))
    }

    /// Reads a pipe.
    #[must_use]
    pub fn of(pipe: File) -> Self {
        Self {
            intake: Intake::new(Some(pipe)),
            buffer: Buffer::default(),
        }
    }

    /// Waits up to `wait` for the next line.
    pub fn next(&mut self, wait: Duration) -> io::Result<Received> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(line) = self.buffer.line() {
                return Ok(Received::Line(line));
            }
            let Some(fd) = self.intake.fd().filter(|_| !self.buffer.is_too_long()) else {
                return Ok(Received::End);
            };
            let left = deadline.saturating_duration_since(Instant::now());
            let [has_some] = ready([Some((fd, PollFlags::POLLIN))], left)?;
            if has_some {
                self.buffer.take(&self.intake.read()?);
            } else if left.is_zero() {
                return Ok(Received::Timeout);
            }
        }
    }
}
