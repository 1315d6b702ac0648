//! A program that answers, within a bound.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::poll::PollFlags;
use nix::sys::signal::{Signal, killpg};

use super::ProcessError;
use super::ended::{Watch, pid_of};
use super::intake::{Intake, persist, ready};

/// A killed process is gone at once, unless the kernel itself hangs in its name.
const DEATH: Duration = Duration::from_secs(1);

/// How a program ended, and all that it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub stderr: Vec<u8>,
}

impl Captured {
    /// The last line of its standard error that is not empty, fit for a log line: trimmed, and
    /// without control characters.
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

pub(super) fn capture(
    mut command: Command,
    program: &str,
    limit: Duration,
) -> Result<Captured, ProcessError> {
    let start = |cause| ProcessError::Start {
        program: program.to_owned(),
        cause,
    };
    let watch = Watch::new().map_err(start)?;
    let begin = Instant::now();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(start)?;
    let ended = watch.start(&child);
    let lost = |cause| ProcessError::Lost {
        program: program.to_owned(),
        cause,
    };
    let collected = collect(&mut child, &ended, || {
        limit.checked_sub(begin.elapsed()).filter(|d| !d.is_zero())
    });
    if !matches!(collected, Ok(Some(_))) {
        // Not reaped yet: no other group can have this id. It may be gone all the same.
        let _ = killpg(pid_of(&child), Signal::SIGKILL);
        let [gone] = ready([Some((ended.as_fd(), PollFlags::POLLIN))], DEATH).map_err(lost)?;
        if gone {
            persist(|| child.wait()).map_err(lost)?;
        }
    }
    let (stdout, stderr) = collected
        .map_err(lost)?
        .ok_or_else(|| ProcessError::TimedOut {
            program: program.to_owned(),
            limit,
        })?;
    Ok(Captured {
        status: persist(|| child.wait()).map_err(lost)?,
        stdout,
        stderr,
    })
}

/// The two outputs, once the child has ended; `None` when no time was left before that.
#[allow(clippy::type_complexity)]
fn collect(
    child: &mut Child,
    ended: &impl AsFd,
    left: impl Fn() -> Option<Duration>,
) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut out = Intake::new(child.stdout.take());
    let mut err = Intake::new(child.stderr.take());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut buffer = vec![0; 65536];
    let mut is_running = true;
    loop {
        let time = match (is_running, left()) {
            (false, _) => Duration::ZERO,
            (true, None) => return Ok(None),
            (true, Some(left)) => left,
        };
        let wanted = |fd| (fd, PollFlags::POLLIN);
        let [has_ended, has_out, has_err] = ready(
            [
                is_running.then(|| wanted(ended.as_fd())),
                out.fd().map(wanted),
                err.fd().map(wanted),
            ],
            time,
        )?;
        if has_out {
            stdout.extend_from_slice(out.read(&mut buffer)?);
        }
        if has_err {
            stderr.extend_from_slice(err.read(&mut buffer)?);
        }
        if has_ended {
            is_running = false;
            out.child_has_ended();
            err.child_has_ended();
        } else if !is_running && !has_out && !has_err {
            return Ok(Some((stdout, stderr)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_one_that_says_something() {
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
