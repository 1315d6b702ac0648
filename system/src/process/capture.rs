//! Runs a program for its output, with a time limit.

use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::poll::PollFlags;
use nix::sys::signal::{Signal, killpg};

use super::ProcessErrorKind::{self, Lost, Start, TimedOut};
use super::ended::{Watch, pid_of};
use super::intake::{persist, ready};
use super::supervise::{Meanwhile, Outputs};

/// How long to wait for a killed process. It ends at once, unless it hangs in the kernel.
const DEATH: Duration = Duration::from_secs(1);

/// How a program ended, and its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, which the caller of [`Program::delegate`](super::Program::delegate) has to pass on.
    pub stdout: Vec<u8>,
    /// Its standard error. [`Program::delegate`](super::Program::delegate) has already passed it on, and keeps the last 4 KiB.
    pub stderr: Vec<u8>,
}

impl Captured {
    /// The last non-empty line of its standard error, trimmed and without control characters.
    #[must_use]
    pub fn stderr_line(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let lines = text.lines().rev().map(|line| {
            let line: String = line.chars().filter(|char| !char.is_control()).collect();
            line.trim().to_owned()
        });
        lines
            .into_iter()
            .find(|line| !line.is_empty())
            .unwrap_or_default()
    }
}

pub(super) fn capture(mut command: Command, limit: Duration) -> Result<Captured, ProcessErrorKind> {
    let watch = Watch::new().map_err(Start)?;
    let deadline = Instant::now().checked_add(limit);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(Start)?;
    let ended = watch.start(&child);
    let mut outputs = Outputs::of(&mut child, Vec::new());
    let meanwhile = Meanwhile {
        deadline,
        signals: None,
        tick: None,
    };
    let watched = outputs.watch(&child, &ended, meanwhile);
    if !matches!(watched, Ok(true)) {
        // It is not reaped yet, so no other group has its id. The group may be gone already.
        let _ = killpg(pid_of(&child), Signal::SIGKILL);
        let [gone] = ready([Some((ended.as_fd(), PollFlags::POLLIN))], DEATH).map_err(Lost)?;
        if gone {
            persist(|| child.wait()).map_err(Lost)?;
        }
    }
    if !watched.map_err(Lost)? {
        return Err(TimedOut(limit));
    }
    let Outputs { stdout, stderr, .. } = outputs;
    Ok(Captured {
        status: persist(|| child.wait()).map_err(Lost)?,
        stdout,
        stderr,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_last_one_that_is_not_blank() {
        for (stderr, line) in [
            ("", ""),
            ("\n \n", ""),
            ("error: no domain\n", "error: no domain"),
            ("one\n  two \n\n \t\n", "two"),
            ("\u{1b}[31merror\u{7}: x\r\n", "[31merror: x"),
            ("no end of line", "no end of line"),
        ] {
            let captured = Captured {
                status: ExitStatus::default(),
                stdout: Vec::new(),
                stderr: stderr.into(),
            };
            assert_eq!(captured.stderr_line(), line, "{stderr:?}");
        }
        let captured = Captured {
            status: ExitStatus::default(),
            stdout: Vec::new(),
            stderr: b"bad \xff\n".to_vec(),
        };
        assert_eq!(captured.stderr_line(), "bad \u{fffd}");
    }
}
