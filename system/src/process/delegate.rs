//! A program in our place, while we look on.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use super::ProcessError;
use super::ended::Watch;
use super::intake::persist;
use super::keep::Kept;
use super::relay::Relay;
use super::signals::Signals;
use super::supervise::{ErrorOutput, Meanwhile, Outputs, PEER};

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
    /// Its standard output, which has not been passed on yet.
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
    let mut outputs = Outputs::of(&mut child, ErrorOutput::PassedOn(Relay::new(io::stderr())));
    let meanwhile = Meanwhile {
        deadline: None,
        signals: Some(&signals),
        // A clock that ticks all the time would leave no time for anything else.
        tick: Some((every.max(Duration::from_millis(1)), tick)),
    };
    if let Err(error) = outputs.watch(&child, &ended, meanwhile) {
        // The child is at work all the same, and how it ends is what counts.
        log::error!("failed to read the output of '{program}': {error}");
    }
    let Outputs { stdout, stderr, .. } = outputs;
    let (stderr_tail, stderr_ended_with_newline) = match stderr {
        ErrorOutput::PassedOn(relay) => relay.finish(PEER),
        ErrorOutput::Kept(_) => (Vec::new(), true),
    };
    let status = persist(|| child.wait()).map_err(lost)?;
    Ok(Delegated {
        status,
        stdout,
        stderr_tail,
        stderr_ended_with_newline,
    })
}
