//! A child and its outputs: the one loop of every program that does not replace us.

use std::io::{self, PipeReader};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::PollFlags;
use nix::unistd::Pid;

use super::ProcessErrorKind::{self, Lost};
use super::captured::Captured;
use super::ended::{Watch, pid_of};
use super::intake::{Intake, persist, ready};
use super::lines::Buffer;
use super::stderr::StandardError;

/// A child, from its start until it has ended and its outputs are read.
pub(super) struct Supervised {
    pub(super) child: Child,
    /// A pipe that hangs up when the child ends; `None` once it has ended and its outputs are read.
    ended: Option<PipeReader>,
    out: Intake<ChildStdout>,
    err: Intake<ChildStderr>,
    pub(super) stdout: Buffer,
    pub(super) stderr: StandardError,
}

impl Supervised {
    pub(super) fn start(command: &mut Command, stderr: StandardError) -> io::Result<Self> {
        let watch = Watch::new()?;
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        Ok(Self {
            ended: Some(watch.start(&child)),
            out: Intake::new(child.stdout.take()),
            err: Intake::new(child.stderr.take()),
            stdout: Buffer::default(),
            stderr,
            child,
        })
    }

    /// Whether it has not ended, or its outputs are not read yet.
    pub(super) fn is_running(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether its standard output has ended.
    pub(super) fn has_closed_stdout(&self) -> bool {
        self.out.fd().is_none()
    }

    /// Its process ID, which no other process gets before [`Self::finish`].
    pub(super) fn pid(&self) -> Pid {
        pid_of(&self.child)
    }

    /// Waits up to `time` for its end, for output, or until `other` is ready, and reads the output. Returns whether any of
    /// these happened.
    pub(super) fn step(
        &mut self,
        time: Duration,
        other: Option<(BorrowedFd<'_>, PollFlags)>,
    ) -> io::Result<bool> {
        let pending = self.stderr.pending();
        // Once it has ended, at most the capacity of the pipe is left to read.
        let has_room_for_err = pending.is_none() || !self.is_running();
        let wanted = |fd| (fd, PollFlags::POLLIN);
        let ready = ready(
            [
                self.ended.as_ref().map(|ended| wanted(ended.as_fd())),
                self.out.fd().map(wanted),
                self.err.fd().filter(|_| has_room_for_err).map(wanted),
                pending.map(|fd| (fd, PollFlags::POLLOUT)),
                other,
            ],
            time,
        )?;
        let [has_ended, has_out, has_err, has_room, _] = ready;
        if has_out {
            self.stdout.take(&self.out.read()?);
        }
        if has_err {
            self.stderr.take(&self.err.read()?);
        }
        if has_room {
            self.stderr.flush();
        }
        if has_ended {
            self.ended = None;
            self.out.child_has_ended();
            self.err.child_has_ended();
            while self.step(Duration::ZERO, None)? {}
        }
        Ok(ready.contains(&true))
    }

    /// Waits until it has ended and its outputs are read; `false` if the time ran out first.
    pub(super) fn watch(&mut self, limit: Duration) -> io::Result<bool> {
        let start = Instant::now();
        while self.is_running() {
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(false);
            }
            self.step(left, None)?;
        }
        Ok(true)
    }

    /// Waits for its end, reaps it, and returns its output.
    pub(super) fn finish(mut self) -> Result<Captured, ProcessErrorKind> {
        let stderr = self.stderr.finish();
        Ok(Captured {
            status: persist(|| self.child.wait()).map_err(Lost)?,
            stdout: self.stdout.bytes,
            stderr,
        })
    }
}
