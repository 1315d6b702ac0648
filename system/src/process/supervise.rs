//! The one loop that supervises a child: its outputs, the signals to pass on to it, and the time limit.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ChildStderr, ChildStdout};
use std::time::{Duration, Instant};

use nix::poll::PollFlags;

use super::ended::pid_of;
use super::intake::{CHUNK, Intake, ready};
use super::signals::Signals;

/// How long to wait, after the end of the child, for a reader of our standard error that has stopped reading.
pub(super) const PEER: Duration = Duration::from_secs(5);

/// Where the standard error of a child goes.
pub(super) trait ErrorSink {
    /// Takes what the child wrote: at most [`CHUNK`] bytes, and only when nothing is pending.
    fn take(&mut self, bytes: &[u8]);

    /// The descriptor that bytes still have to be written to.
    fn pending(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Writes some of them; call it when `poll` reports room.
    fn flush(&mut self) {}
}

impl ErrorSink for Vec<u8> {
    fn take(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// What to do while a child runs.
pub(super) struct Meanwhile<'a> {
    /// When to give up, if ever.
    pub(super) deadline: Option<Instant>,
    /// The signals to pass on.
    pub(super) signals: Option<&'a Signals>,
    /// A function to call, and how often at least.
    pub(super) tick: Option<(Duration, &'a mut dyn FnMut())>,
}

/// The outputs of a child.
pub(super) struct Outputs<E> {
    out: Intake<ChildStdout>,
    err: Intake<ChildStderr>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: E,
}

impl<E: ErrorSink> Outputs<E> {
    /// Those of a child with two pipes.
    pub(super) fn of(child: &mut Child, stderr: E) -> Self {
        Self {
            out: Intake::new(child.stdout.take()),
            err: Intake::new(child.stderr.take()),
            stdout: Vec::new(),
            stderr,
        }
    }

    /// Waits until the child has ended and its pipes are empty; `false` if the time ran out first.
    pub(super) fn watch(
        &mut self,
        child: &Child,
        ended: &impl AsFd,
        mut meanwhile: Meanwhile<'_>,
    ) -> io::Result<bool> {
        let mut ticked = Instant::now();
        let mut is_running = true;
        let mut buffer = [0; CHUNK];
        loop {
            let pending = self.stderr.pending();
            let is_full = pending.is_some();
            let Some(time) = meanwhile.time(is_running, is_full, ticked) else {
                return Ok(false);
            };
            let wanted = |fd| (fd, PollFlags::POLLIN);
            let signals = meanwhile.signals;
            let [has_ended, has_signal, has_out, has_err, has_room] = ready(
                [
                    is_running.then(|| wanted(ended.as_fd())),
                    signals.map(|signals| wanted(signals.fd.as_fd())),
                    self.out.fd().map(wanted),
                    self.err.fd().filter(|_| !is_full).map(wanted),
                    pending.map(|fd| (fd, PollFlags::POLLOUT)),
                ],
                time,
            )?;
            if let Some(signals) = signals.filter(|_| has_signal) {
                // A child that has ended is not reaped yet, so its ID is still its own.
                signals.forward(pid_of(child));
            }
            if has_out {
                self.stdout.extend_from_slice(self.out.read(&mut buffer)?);
            }
            if has_err {
                self.stderr.take(self.err.read(&mut buffer)?);
            }
            if has_room {
                self.stderr.flush();
            }
            if has_ended {
                is_running = false;
                self.out.child_has_ended();
                self.err.child_has_ended();
            } else if !(is_running || has_signal || has_out || has_err || has_room) {
                return Ok(true);
            }
            if is_running {
                meanwhile.tick(&mut ticked);
            }
        }
    }
}

impl Meanwhile<'_> {
    /// How long to wait for the next event; `None` if the time has run out.
    fn time(&self, is_running: bool, is_full: bool, ticked: Instant) -> Option<Duration> {
        if !is_running {
            return Some(if is_full { PEER } else { Duration::ZERO });
        }
        let left = match self.deadline {
            Some(deadline) => deadline.checked_duration_since(Instant::now()),
            None => Some(Duration::MAX),
        };
        let left = left.filter(|left| !left.is_zero())?;
        let every = self.tick.as_ref().map(|(every, _)| *every);
        Some(every.map_or(left, |every| {
            left.min(every.saturating_sub(ticked.elapsed()))
        }))
    }

    fn tick(&mut self, ticked: &mut Instant) {
        if let Some((every, tick)) = &mut self.tick
            && ticked.elapsed() >= *every
        {
            tick();
            *ticked = Instant::now();
        }
    }
}
