//! A program in our place, while we look on.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::poll::PollFlags;

use super::ProcessError;
use super::ended::{Watch, pid_of};
use super::intake::{CHUNK, Intake, persist, ready};
use super::keep::Kept;
use super::relay::Relay;
use super::signals::Signals;

/// Once the child has ended, a peer that does not read our standard error has so long to go on.
const PEER: Duration = Duration::from_secs(5);

/// What a program in our place gets from us.
pub struct Delegation<'a> {
    /// Its standard input; `None` is our own, untouched.
    pub stdin: Option<&'a [u8]>,
    /// Descriptors that it inherits, under their own numbers. No other thread may start a program
    /// meanwhile, or that one inherits them, too.
    pub keep: &'a [BorrowedFd<'a>],
    /// So often `tick` is called while it runs, at least.
    pub every: Duration,
    /// What is to be done meanwhile.
    pub tick: &'a mut dyn FnMut(),
}

impl fmt::Debug for Delegation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delegation")
            .field("stdin", &self.stdin.map(<[u8]>::len))
            .field("keep", &self.keep)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

/// How a program in our place ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegated {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to its standard output; nobody else has seen it yet.
    pub stdout: Vec<u8>,
    /// The last 4 KiB, at most, of what it wrote to its standard error.
    pub stderr_tail: Vec<u8>,
    /// Whether that was nothing or ended in a newline. If it did not, the newline was written for
    /// it: OpenNebula's front-end reads lines, and waits for the end of one for ever.
    pub stderr_ended_with_newline: bool,
}

pub(super) fn delegate(
    mut command: Command,
    program: &str,
    delegation: Delegation<'_>,
) -> Result<Delegated, ProcessError> {
    let Delegation {
        stdin: _,
        keep,
        every,
        tick,
    } = delegation;
    let fail = |cause| ProcessError::Start {
        program: program.to_owned(),
        cause,
    };
    let lost = |cause| ProcessError::Lost {
        program: program.to_owned(),
        cause,
    };
    let signals = Signals::prepare().map_err(|errno| fail(errno.into()))?;
    let watch = Watch::new().map_err(fail)?;
    let mut child = {
        let _kept = Kept::new(keep).map_err(|errno| fail(errno.into()))?;
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(fail)?
    };
    let ended = watch.start(&child);
    // Setting a mask fails for no set that could be made.
    let signals = signals.take().map_err(|errno| lost(errno.into()))?;
    let mut look = Look {
        out: Intake::new(child.stdout.take()),
        err: Intake::new(child.stderr.take()),
        stdout: Vec::new(),
        relay: Relay::new(io::stderr()),
    };
    if let Err(error) = look.on(&child, &ended, &signals, every, tick) {
        // The child is at work all the same, and how it ends is what counts.
        log::error!("failed to read the output of '{program}': {error}");
    }
    let Look { stdout, relay, .. } = look;
    let (stderr_tail, stderr_ended_with_newline) = relay.finish(PEER);
    let status = persist(|| child.wait()).map_err(lost)?;
    Ok(Delegated {
        status,
        stdout,
        stderr_tail,
        stderr_ended_with_newline,
    })
}

/// The outputs of a child while it runs.
struct Look<O, E, W> {
    out: Intake<O>,
    err: Intake<E>,
    stdout: Vec<u8>,
    relay: Relay<W>,
}

impl<O: io::Read + AsFd, E: io::Read + AsFd, W: AsFd> Look<O, E, W> {
    /// Looks on until the child has ended and its pipes are empty.
    fn on(
        &mut self,
        child: &Child,
        ended: &impl AsFd,
        signals: &Signals,
        every: Duration,
        tick: &mut dyn FnMut(),
    ) -> io::Result<()> {
        // A clock that ticks all the time would leave no time for anything else.
        let every = every.max(Duration::from_millis(1));
        let mut ticked = Instant::now();
        let mut is_running = true;
        let mut buffer = [0; CHUNK];
        loop {
            let time = if is_running {
                every.saturating_sub(ticked.elapsed())
            } else if self.relay.pending().is_some() {
                PEER
            } else {
                Duration::ZERO
            };
            let wanted = |fd| (fd, PollFlags::POLLIN);
            let pending = self.relay.pending();
            let takes_more = pending.is_none();
            let [has_ended, has_signal, has_out, has_err, has_room] = ready(
                [
                    is_running.then(|| wanted(ended.as_fd())),
                    Some(wanted(signals.fd.as_fd())),
                    self.out.fd().map(wanted),
                    self.err.fd().filter(|_| takes_more).map(wanted),
                    pending.map(|fd| (fd, PollFlags::POLLOUT)),
                ],
                time,
            )?;
            if has_signal {
                // A child that has ended is not reaped yet: its id is nobody else's.
                signals.forward(pid_of(child));
            }
            if has_out {
                self.stdout.extend_from_slice(self.out.read(&mut buffer)?);
            }
            if has_err {
                self.relay.take(self.err.read(&mut buffer)?);
            }
            if has_room {
                self.relay.flush();
            }
            if has_ended {
                is_running = false;
                self.out.child_has_ended();
                self.err.child_has_ended();
            } else if !(is_running || has_signal || has_out || has_err || has_room) {
                return Ok(());
            }
            if is_running && ticked.elapsed() >= every {
                tick();
                ticked = Instant::now();
            }
        }
    }
}
