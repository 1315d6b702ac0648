//! Runs a program in our place, and waits for its end.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::poll::PollFlags;

use super::ProcessErrorKind::{self, Start};
use super::captured::Captured;
use super::keep::Kept;
use super::signals::Signals;
use super::stderr::StandardError;
use super::supervise::Supervised;

pub(super) fn delegate(
    mut command: Command,
    keep: &[BorrowedFd<'_>],
    pause: Duration,
    tick: &mut dyn FnMut(),
) -> Result<Captured, ProcessErrorKind> {
    let signals = Signals::new().map_err(Start)?;
    let mut child = {
        let _kept = Kept::new(keep).map_err(Start)?;
        Supervised::start(&mut command, StandardError::pass_on()).map_err(Start)?
    };
    signals.block();
    if let Err(error) = watch(&mut child, &signals, pause, tick) {
        // The child keeps running, and its end is what matters.
        let program = command.get_program().display();
        log::error!("failed to read the output of '{program}': {error}");
    }
    child.finish()
}

fn watch(
    child: &mut Supervised,
    signals: &Signals,
    pause: Duration,
    tick: &mut dyn FnMut(),
) -> io::Result<()> {
    let mut ticked = Instant::now();
    while child.is_running() {
        let left = pause.saturating_sub(ticked.elapsed());
        if left.is_zero() {
            tick();
            ticked = Instant::now();
        }
        child.step(left, Some((signals.fd.as_fd(), PollFlags::POLLIN)))?;
        signals.forward(child.pid());
    }
    Ok(())
}
