//! Looking after a child until it has ended: its outputs, the signals that are meant for it, and the time.

use std::io;
use std::os::fd::AsFd;
use std::process::{Child, ChildStderr, ChildStdout};
use std::time::{Duration, Instant};

use nix::poll::PollFlags;

use super::ended::pid_of;
use super::intake::{CHUNK, Intake, ready};
use super::relay::Relay;
use super::signals::Signals;

/// Once the child has ended, a peer that does not read our standard error has so long to go on.
pub(super) const PEER: Duration = Duration::from_secs(5);

/// What becomes of the standard error of a child.
pub(super) enum ErrorOutput {
    /// It is kept.
    Kept(Vec<u8>),
    /// It is passed on to ours as it comes.
    PassedOn(Relay<io::Stderr>),
}

/// What is done while a child runs.
pub(super) struct Meanwhile<'a> {
    /// When to give up; none: never.
    pub(super) deadline: Option<Instant>,
    /// The signals that are passed on to it.
    pub(super) signals: Option<&'a Signals>,
    /// What is called, and how often at least.
    pub(super) tick: Option<(Duration, &'a mut dyn FnMut())>,
}

/// The outputs of a child.
pub(super) struct Outputs {
    out: Intake<ChildStdout>,
    err: Intake<ChildStderr>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: ErrorOutput,
}

impl Outputs {
    /// Those of a child with two pipes.
    pub(super) fn of(child: &mut Child, stderr: ErrorOutput) -> Self {
        Self {
            out: Intake::new(child.stdout.take()),
            err: Intake::new(child.stderr.take()),
            stdout: Vec::new(),
            stderr,
        }
    }

    /// Looks on until the child has ended and its pipes are empty; `false` when the time was over before it ended.
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
            let pending = match &self.stderr {
                ErrorOutput::PassedOn(relay) => relay.pending(),
                ErrorOutput::Kept(_) => None,
            };
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
            match &mut self.stderr {
                ErrorOutput::Kept(bytes) if has_err => {
                    bytes.extend_from_slice(self.err.read(&mut buffer)?);
                }
                ErrorOutput::PassedOn(relay) if has_err => relay.take(self.err.read(&mut buffer)?),
                ErrorOutput::PassedOn(relay) if has_room => relay.flush(),
                _ => {}
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
    /// How long to wait for the next event; none: the time is over.
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
