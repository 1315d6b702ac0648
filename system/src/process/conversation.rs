//! A program to exchange lines with.
//!
//! ```text
//! ssh node2 ...    {"step":"lease",...}   >  stdin
//!                  {"answer":"leased"}    <  stdout
//! ```

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{ChildStdin, Command};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::PollFlags;

use super::ProcessErrorKind::{self, Start};
use super::exit_code;
use super::lines::Received;
use super::stderr::StandardError;
use super::supervise::Supervised;

/// How much of the end of the program's standard error is kept, in bytes.
const MAX_STDERR: usize = 64 << 10;
/// How long to wait for the end of a program after the end of its output.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A program that answers line by line. Dropping this kills it.
pub struct Conversation {
    program: Supervised,
    stdin: Option<ChildStdin>,
}

pub(super) fn converse(mut command: Command) -> Result<Conversation, ProcessErrorKind> {
    let stderr = StandardError::keep(MAX_STDERR);
    let mut program = Supervised::start(&mut command, stderr).map_err(Start)?;
    let stdin = program.child.stdin.take();
    let talk = Conversation { program, stdin };
    if let Some(stdin) = &talk.stdin {
        // A program that does not read must not block the driver.
        let set = fcntl(stdin, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
        set.map_err(|errno| Start(errno.into()))?;
    }
    Ok(talk)
}

impl Conversation {
    /// Sends a line, which must not contain a line break. Waits up to `wait` for the program to read it.
    pub fn send(&mut self, line: &str, wait: Duration) -> io::Result<()> {
        let deadline = Instant::now() + wait;
        let line = format!("{line}\n");
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            let Some(stdin) = &mut self.stdin else {
                return Err(io::ErrorKind::BrokenPipe.into());
            };
            match stdin.write(rest) {
                Ok(length) => rest = &rest[length..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    if !self.program.is_running() {
                        return Err(io::ErrorKind::BrokenPipe.into());
                    }
                    // Reading its answers lets it read further input.
                    let room = (stdin.as_fd(), PollFlags::POLLOUT);
                    self.program.step(left, Some(room))?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The pipe to the program's standard input. The program sees the end of input only when all copies of it are closed, too.
    #[must_use]
    pub fn stdin(&self) -> Option<BorrowedFd<'_>> {
        self.stdin.as_ref().map(AsFd::as_fd)
    }

    /// Waits up to `wait` for the next line of the program's standard output.
    pub fn next(&mut self, wait: Duration) -> io::Result<Received> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(line) = self.program.stdout.line() {
                return Ok(Received::Line(line));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if self.program.has_closed_stdout() {
                self.program.watch(left.min(LAST_WORDS))?;
                return Ok(Received::End);
            }
            if !self.program.is_running() || self.program.stdout.is_too_long() {
                return Ok(Received::End);
            }
            if !self.program.step(left, None)? && left.is_zero() {
                return Ok(Received::Timeout);
            }
        }
    }

    /// The exit code of a program whose output has ended; `None` if it keeps running.
    pub fn exit_code(&mut self) -> io::Result<Option<u8>> {
        self.program.watch(LAST_WORDS)?;
        Ok(self.program.child.try_wait()?.map(exit_code))
    }

    /// Returns the end of what the program has written to its standard error since the last call.
    pub fn take_stderr(&mut self) -> String {
        let said = std::mem::take(&mut self.program.stderr.kept);
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Closes the program's standard input, and waits up to `wait` for its end. Returns whether it ended.
    pub fn close(&mut self, wait: Duration) -> bool {
        self.stdin = None;
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.next(left) {
                Ok(Received::Line(_)) => {}
                Ok(Received::End) => return true,
                Ok(Received::Timeout) | Err(_) => return false,
            }
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // It has ended, or the caller does not wait any longer.
        let _ = self.program.child.kill();
        let _ = self.program.child.wait();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::process::Program;

    const LONG: Duration = Duration::from_secs(60);

    fn sh(script: &str) -> Conversation {
        Program::new("/bin/sh")
            .args(["-c", script])
            .converse()
            .unwrap()
    }

    #[test]
    fn lines_go_both_ways_and_the_end_is_reported() {
        let mut talk =
            sh("while read -r line; do echo \"<$line>\"; done; echo over; echo oops >&2");
        for word in ["a b", "", "$HOME"] {
            talk.send(word, LONG).unwrap();
            assert_eq!(
                talk.next(LONG).unwrap(),
                Received::Line(format!("<{word}>"))
            );
        }
        assert_eq!(talk.next(Duration::ZERO).unwrap(), Received::Timeout);
        assert!(talk.close(LONG));
        assert_eq!(talk.take_stderr(), "oops\n");
        assert_eq!(talk.next(LONG).unwrap(), Received::End);
        assert!(talk.send("x", LONG).is_err());
        assert_eq!(talk.exit_code().unwrap(), Some(0));
    }

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let mut talk = sh("echo $$; exec sleep 1000");
        let Received::Line(pid) = talk.next(LONG).unwrap() else {
            panic!("no answer");
        };
        assert!(!talk.close(Duration::ZERO));
        drop(talk);
        assert!(!std::path::Path::new("/proc").join(pid).exists());
    }

    #[test]
    fn a_program_keeps_running_while_a_copy_of_its_stdin_is_open() {
        let mut talk = sh("cat >/dev/null; echo over");
        let copy = talk.stdin().unwrap().try_clone_to_owned().unwrap();
        assert!(!talk.close(Duration::from_millis(50)));
        drop(copy);
        assert_eq!(talk.next(LONG).unwrap(), Received::Line("over".into()));
    }

    #[test]
    fn writing_to_an_ended_program_is_an_error_and_not_a_signal() {
        let mut talk = sh("exit 3");
        assert_eq!(talk.next(LONG).unwrap(), Received::End);
        // A program that another test is starting at the moment may still have a copy of the pipe.
        while talk.send("x", LONG).is_ok() {}
        assert_eq!(talk.exit_code().unwrap(), Some(3));
    }

    #[test]
    fn a_line_larger_than_the_pipe_buffers_goes_both_ways() {
        let line = "x".repeat(4 << 20);
        let mut talk = sh("exec cat");
        talk.send(&line, LONG).unwrap();
        assert_eq!(talk.next(LONG).unwrap(), Received::Line(line));
    }

    #[test]
    fn sending_to_a_program_that_does_not_read_times_out() {
        let mut talk = sh("exec sleep 1000");
        let line = "x".repeat(1 << 20);
        let said = talk.send(&line, Duration::from_millis(50));
        assert_eq!(said.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(talk.exit_code().unwrap(), None);
    }

    #[test]
    fn a_background_process_does_not_hide_the_end_of_its_program() {
        for kept_open in [">/dev/null", "2>/dev/null", ""] {
            let mut talk = sh(&format!("sleep 1000 {kept_open} & echo $!"));
            let Received::Line(pid) = talk.next(LONG).unwrap() else {
                panic!("no answer");
            };
            assert_eq!(talk.next(LONG).unwrap(), Received::End, "{kept_open}");
            assert_eq!(talk.exit_code().unwrap(), Some(0), "{kept_open}");
            let pid = nix::unistd::Pid::from_raw(pid.parse().unwrap());
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        }
    }
}
