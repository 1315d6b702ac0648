//! Runs a program for its output, with a time limit.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};

use super::ProcessErrorKind::{self, Lost, Start, TimedOut};
use super::captured::Captured;
use super::stderr::StandardError;
use super::supervise::Supervised;

/// How long to wait for a killed process. It ends at once, unless it hangs in the kernel.
const DEATH: Duration = Duration::from_secs(1);

pub(super) fn capture(mut command: Command, limit: Duration) -> Result<Captured, ProcessErrorKind> {
    let stderr = StandardError::keep(usize::MAX);
    let mut child = Supervised::start(command.process_group(0), stderr).map_err(Start)?;
    let watched = child.watch(limit);
    if matches!(watched, Ok(true)) {
        return child.finish();
    }
    // It is not reaped yet, so no other group has its id. The group may be gone already.
    let _ = killpg(child.pid(), Signal::SIGKILL);
    if child.watch(DEATH).map_err(Lost)? {
        child.finish()?;
    }
    Err(watched.map_or_else(Lost, |_| TimedOut(limit)))
}
