//! Runs a program in our place, and waits for its end.

use std::io;
use std::os::fd::BorrowedFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::ProcessErrorKind::{self, Lost, Start};
use super::capture::Captured;
use super::ended::Watch;
use super::intake::persist;
use super::keep::Kept;
use super::relay::Relay;
use super::signals::Signals;
use super::supervise::{Meanwhile, Outputs, PEER};

pub(super) fn delegate(
    mut command: Command,
    keep: &[BorrowedFd<'_>],
    pause: Duration,
    tick: &mut dyn FnMut(),
) -> Result<Captured, ProcessErrorKind> {
    let signals = Signals::prepare().map_err(|errno| Start(errno.into()))?;
    let watch = Watch::new().map_err(Start)?;
    let mut child = {
        let _kept = Kept::new(keep).map_err(|errno| Start(errno.into()))?;
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Start)?
    };
    let ended = watch.start(&child);
    // Cannot fail: the set is valid.
    let signals = signals.take().map_err(|errno| Lost(errno.into()))?;
    let mut outputs = Outputs::of(&mut child, Relay::new(io::stderr()));
    let meanwhile = Meanwhile {
        deadline: None,
        signals: Some(&signals),
        // Ticking without a pause would leave no time for anything else.
        tick: Some((pause.max(Duration::from_millis(1)), tick)),
    };
    if let Err(error) = outputs.watch(&child, &ended, meanwhile) {
        // The child keeps running, and its end is what matters.
        let program = command.get_program().display();
        log::error!("failed to read the output of '{program}': {error}");
    }
    let Outputs { stdout, stderr, .. } = outputs;
    let stderr = stderr.finish(PEER);
    Ok(Captured {
        status: persist(|| child.wait()).map_err(Lost)?,
        stdout,
        stderr,
    })
}
