//! A program to exchange lines with.
//!
//! ```text
//! ssh node2 ...    {"step":"lease",...}   >  stdin
//!                  {"answer":"leased"}    <  stdout
//! ```

use std::fmt;
use std::io::{self, PipeReader, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::PollFlags;

use super::ProcessErrorKind::{self, Start};
use super::ended::Watch;
use super::exit_code;
use super::intake::{CHUNK, Intake, ready};
use super::lines::{Lines, Received};

/// How much of the program's standard error is kept, in bytes.
const MAX_STDERR: usize = 64 << 10;
/// How long to wait for the end of a program after the end of its output. One of its children may keep standard error open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A program that answers line by line. Dropping this kills it.
pub struct Conversation {
    child: Child,
    /// A pipe that is closed when the program ends.
    ended: PipeReader,
    /// When the end of its output was reached.
    end: Option<Instant>,
    stdin: Option<ChildStdin>,
    lines: Lines<ChildStdout>,
    stderr: Intake<ChildStderr>,
    stderr_text: Vec<u8>,
}

pub(super) fn converse(mut command: Command) -> Result<Conversation, ProcessErrorKind> {
    let watch = Watch::new().map_err(Start)?;
    let spawned = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.map_err(Start)?;
    let stdin = child.stdin.take();
    let mut talk = Conversation {
        ended: watch.start(&child),
        end: None,
        stdin: None,
        lines: Lines::new(child.stdout.take()),
        stderr: Intake::new(child.stderr.take()),
        stderr_text: Vec::new(),
        child,
    };
    if let Some(stdin) = &stdin {
        // A program that does not read must not block the driver.
        let set = fcntl(stdin, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
        set.map_err(|errno| Start(errno.into()))?;
    }
    talk.stdin = stdin;
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
                    // Reading its answers lets it read further input.
                    self.take_in(left, true)?;
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
            if let Some(line) = self.lines.buffer.line() {
                return Ok(Received::Line(line));
            }
            if self.lines.buffer.is_too_long() {
                return Ok(Received::End);
            }
            let mut left = deadline.saturating_duration_since(Instant::now());
            if self.lines.intake.fd().is_none() {
                let end = *self.end.get_or_insert_with(Instant::now);
                let last = LAST_WORDS.saturating_sub(end.elapsed());
                if self.stderr.fd().is_none() || last.is_zero() {
                    return Ok(Received::End);
                }
                left = left.min(last);
            }
            let has_come = self.take_in(left, false)?;
            if !has_come && Instant::now() >= deadline {
                return Ok(Received::Timeout);
            }
        }
    }

    /// Waits for output of the program, or for room in the pipe to its standard input, and reads the output. Returns whether there
    /// was output or room.
    fn take_in(&mut self, wait: Duration, is_saying: bool) -> io::Result<bool> {
        let mut chunk = [0; CHUNK];
        let wanted = |fd| (fd, PollFlags::POLLIN);
        let room = self.stdin.as_ref().filter(|_| is_saying);
        let [has_out, has_err, has_room] = ready(
            [
                self.lines.intake.fd().map(wanted),
                self.stderr.fd().map(wanted),
                room.map(|room| (room.as_fd(), PollFlags::POLLOUT)),
            ],
            wait,
        )?;
        if has_out {
            self.lines.buffer.take(self.lines.intake.read(&mut chunk)?);
        }
        if has_err {
            let read = self.stderr.read(&mut chunk)?;
            let room = MAX_STDERR.saturating_sub(self.stderr_text.len());
            self.stderr_text
                .extend_from_slice(&read[..read.len().min(room)]);
        }
        Ok(has_out || has_err || has_room)
    }

    /// The exit code of a program whose output has ended; `None` if it keeps running.
    pub fn exit_code(&mut self) -> io::Result<Option<u8>> {
        ready([Some((self.ended.as_fd(), PollFlags::POLLIN))], LAST_WORDS)?;
        Ok(self.child.try_wait()?.map(exit_code))
    }

    /// Returns what the program has written to its standard error since the last call.
    pub fn take_stderr(&mut self) -> String {
        let said = std::mem::take(&mut self.stderr_text);
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
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("child", &self.child)
            .finish_non_exhaustive()
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
        let mut talk = sh("sleep 1000 >/dev/null & echo $!");
        let Received::Line(pid) = talk.next(LONG).unwrap() else {
            panic!("no answer");
        };
        assert_eq!(talk.next(LONG).unwrap(), Received::End);
        assert_eq!(talk.exit_code().unwrap(), Some(0));
        let pid = nix::unistd::Pid::from_raw(pid.parse().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    }
}
