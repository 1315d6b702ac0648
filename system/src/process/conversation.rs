//! Line-based conversations with a program, from both ends: with a child process, and on our own standard input.
//!
//! ```text
//! ssh node2 ...    {"step":"lease",...}   >  stdin
//!                  {"answer":"leased"}    <  stdout
//! ```

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::PollFlags;

use super::ProcessError;
use super::intake::{CHUNK, Intake, ready};

/// A longer line ends the conversation.
const MAX_LINE: usize = 64 << 20;
/// How much of the program's standard error is kept, in bytes.
const MAX_SAID: usize = 64 << 10;

/// The result of waiting for a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A line, without the line break.
    Line(String),
    /// No line within the time.
    Nothing,
    /// End of input: the other end is closed.
    End,
}

/// Input that was received but not returned yet.
#[derive(Default)]
struct Buffer(Vec<u8>);

impl Buffer {
    fn line(&mut self) -> Option<String> {
        let end = self.0.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = self.0.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line[..end]).into_owned())
    }

    fn is_too_long(&self) -> bool {
        self.0.len() > MAX_LINE
    }
}

/// Lines from our own standard input.
pub struct Lines<R = File> {
    intake: Intake<R>,
    buffer: Buffer,
}

impl Lines {
    /// Reads standard input. Nothing else may read it: [`io::stdin`] has a buffer that poll(2) does not see.
    pub fn of_stdin() -> io::Result<Self> {
        Ok(Self::of(io::stdin().as_fd().try_clone_to_owned()?.into()))
    }

    /// Reads a pipe.
    #[must_use]
    pub fn of(pipe: File) -> Self {
        Self {
            intake: Intake::new(Some(pipe)),
            buffer: Buffer::default(),
        }
    }
}

impl<R: Read + AsFd> Lines<R> {
    /// Waits up to `wait` for the next line.
    pub fn next(&mut self, wait: Duration) -> io::Result<Heard> {
        let deadline = Instant::now() + wait;
        let mut chunk = [0; CHUNK];
        loop {
            if let Some(line) = self.buffer.line() {
                return Ok(Heard::Line(line));
            }
            let Some(fd) = self.intake.fd().filter(|_| !self.buffer.is_too_long()) else {
                return Ok(Heard::End);
            };
            let left = deadline.saturating_duration_since(Instant::now());
            let [has_some] = ready([Some((fd, PollFlags::POLLIN))], left)?;
            if has_some {
                self.buffer
                    .0
                    .extend_from_slice(self.intake.read(&mut chunk)?);
            } else if Instant::now() >= deadline {
                return Ok(Heard::Nothing);
            }
        }
    }
}

impl<R> fmt::Debug for Lines<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

/// A program that answers line by line. Dropping this kills it.
pub struct Conversation {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<ChildStdout>,
    stderr: Intake<ChildStderr>,
    said: Vec<u8>,
}

pub(super) fn converse(mut command: Command, program: &str) -> Result<Conversation, ProcessError> {
    let spawned = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.map_err(|cause| ProcessError::Start {
        program: program.to_owned(),
        cause,
    })?;
    Ok(Conversation {
        stdin: child.stdin.take(),
        lines: Lines {
            intake: Intake::new(child.stdout.take()),
            buffer: Buffer::default(),
        },
        stderr: Intake::new(child.stderr.take()),
        said: Vec::new(),
        child,
    })
}

impl Conversation {
    /// Sends a line, which must not contain a line break.
    pub fn say(&mut self, line: &str) -> io::Result<()> {
        let Some(stdin) = &mut self.stdin else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        stdin.write_all(format!("{line}\n").as_bytes())
    }

    /// The pipe to the program's standard input. The program sees the end of input only when all copies of it are closed, too.
    #[must_use]
    pub fn stdin(&self) -> Option<BorrowedFd<'_>> {
        self.stdin.as_ref().map(AsFd::as_fd)
    }

    /// Waits up to `wait` for the next line of the program's standard output.
    pub fn next(&mut self, wait: Duration) -> io::Result<Heard> {
        let deadline = Instant::now() + wait;
        let mut chunk = [0; CHUNK];
        loop {
            if let Some(line) = self.lines.buffer.line() {
                return Ok(Heard::Line(line));
            }
            let out = self.lines.intake.fd();
            if (out.is_none() && self.stderr.fd().is_none()) || self.lines.buffer.is_too_long() {
                return Ok(Heard::End);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let wanted = |fd| (fd, PollFlags::POLLIN);
            let [has_out, has_err] = ready([out.map(wanted), self.stderr.fd().map(wanted)], left)?;
            if has_out {
                let read = self.lines.intake.read(&mut chunk)?;
                self.lines.buffer.0.extend_from_slice(read);
            }
            if has_err {
                let read = self.stderr.read(&mut chunk)?;
                let room = MAX_SAID.saturating_sub(self.said.len());
                self.said.extend_from_slice(&read[..read.len().min(room)]);
            }
            if !(has_out || has_err) && Instant::now() >= deadline {
                return Ok(Heard::Nothing);
            }
        }
    }

    /// Returns what the program has written to its standard error since the last call.
    pub fn take_said(&mut self) -> String {
        let said = std::mem::take(&mut self.said);
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Closes the program's standard input, and waits up to `wait` for its end. Returns whether it ended.
    pub fn hang_up(&mut self, wait: Duration) -> bool {
        self.stdin = None;
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.next(left) {
                Ok(Heard::Line(_)) => {}
                Ok(Heard::End) => return true,
                Ok(Heard::Nothing) | Err(_) => return false,
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
    fn lines_go_both_ways_and_the_end_is_told() {
        let mut talk =
            sh("while read -r line; do echo \"<$line>\"; done; echo over; echo oops >&2");
        for word in ["a b", "", "$HOME"] {
            talk.say(word).unwrap();
            assert_eq!(talk.next(LONG).unwrap(), Heard::Line(format!("<{word}>")));
        }
        assert_eq!(talk.next(Duration::ZERO).unwrap(), Heard::Nothing);
        assert!(talk.hang_up(LONG));
        assert_eq!(talk.take_said(), "oops\n");
        assert_eq!(talk.next(LONG).unwrap(), Heard::End);
        assert!(talk.say("x").is_err());
    }

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let mut talk = sh("echo $$; exec sleep 1000");
        let Heard::Line(pid) = talk.next(LONG).unwrap() else {
            panic!("no answer");
        };
        assert!(!talk.hang_up(Duration::ZERO));
        drop(talk);
        assert!(!std::path::Path::new("/proc").join(pid).exists());
    }

    #[test]
    fn what_has_an_open_copy_of_its_input_keeps_the_program() {
        let mut talk = sh("cat >/dev/null; echo over");
        let copy = talk.stdin().unwrap().try_clone_to_owned().unwrap();
        assert!(!talk.hang_up(Duration::from_millis(50)));
        drop(copy);
        assert_eq!(talk.next(LONG).unwrap(), Heard::Line("over".into()));
    }

    #[test]
    fn one_that_has_gone_is_an_error_to_write_to_and_no_signal() {
        let mut talk = sh("exit 3");
        assert_eq!(talk.next(LONG).unwrap(), Heard::End);
        // A program that another test is starting at the moment may still have a copy of the pipe.
        while talk.say("x").is_ok() {}
    }
}
