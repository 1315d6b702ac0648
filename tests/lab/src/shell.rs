//! A shell in a machine, over a virtio port, so that it doesn't depend on the machine's network.
//!
//! A command is sent as one group, followed by an echo that marks its end: `one-sriov-lab 7 0` for command 7 with status 0.
//!
//! Input that is written before the machine has booted may be lost: if the shell opens the port before the kernel knows that
//! the other end is connected, the shell reads an end of file, and the pending input is dropped. So a greeting is repeated until
//! it is answered, and only then are commands sent.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::report::Failure;

/// The command that collects evidence after a failed check.
const EVIDENCE: &str = "one-sriov-agent status; ip -d address; cat /run/agent.log /run/ifup.log; \
     grep -r . /etc/systemd/network /etc/network /etc/NetworkManager/system-connections; journalctl -b --no-pager; true";
/// Prefix of the line that marks the end of a command.
const MARK: &str = "one-sriov-lab";

/// The greeting, which may be repeated or arrive in part without harm.
const GREETING: &str = "echo one-sriov-lab 0 0\n";
/// Prefix of the answer to the greeting.
const ANSWER: &str = "one-sriov-lab 0 ";
/// Seconds that the last attempt may take when a command is repeated until it succeeds.
const LAST_TRY: u64 = 30;
/// Time to wait for an answer before the greeting is repeated.
const AGAIN: Duration = Duration::from_secs(3);

/// A root shell.
pub(crate) struct Shell {
    /// The machine's name, for messages.
    name: String,
    to: Box<dyn Write + Send>,
    lines: Receiver<Vec<u8>>,
    count: usize,
    /// Whether the greeting was answered.
    is_greeted: bool,
    /// The program that connects to the shell, if any.
    carrier: Option<Child>,
}

/// The output of a command, stdout and stderr together, and its exit status.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) status: i32,
}

impl Shell {
    /// Connects to the shell on a local socket.
    pub(crate) fn at(name: &str, socket: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::of("open", socket, &error);
        let to = UnixStream::connect(socket).map_err(failed)?;
        let from = to.try_clone().map_err(failed)?;
        Ok(Self::new(name, from, to, None))
    }

    /// Connects to the shell through a program such as ssh.
    pub(crate) fn through(name: &str, mut program: Command) -> Result<Self, Failure> {
        let child = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child =
            child.map_err(|error| Failure::new(format!("failed to run {program:?}: {error}")))?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::new(format!("{program:?} has no pipes")));
        };
        Ok(Self::new(name, from, to, Some(child)))
    }

    fn new(
        name: &str,
        from: impl Read + Send + 'static,
        to: impl Write + Send + 'static,
        carrier: Option<Child>,
    ) -> Self {
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(from).split(b'\n') {
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            name: name.to_owned(),
            to: Box::new(to),
            lines,
            count: 0,
            is_greeted: false,
            carrier,
        }
    }

    /// Runs a command for at most this many seconds.
    pub(crate) fn run(&mut self, command: &str, seconds: u64) -> Result<Said, Failure> {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        self.greet(deadline);
        self.count += 1;
        let (name, count) = (&self.name, self.count);
        let line =
            format!("{{ {command}\n}} </dev/null 2>&1; printf '\\n{MARK} {count} %d\\n' $?\n");
        let sent = self
            .to
            .write_all(line.as_bytes())
            .and_then(|()| self.to.flush());
        sent.map_err(|error| Failure::new(format!("{name}: the shell is gone: {error}")))?;
        let end = format!("{MARK} {count} ");
        let mut text = String::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    let line = String::from_utf8_lossy(&line);
                    if let Some(status) = line.strip_prefix(&end) {
                        let status = status.trim().parse().unwrap_or(-1);
                        return Ok(Said {
                            text: text.trim_end().to_owned(),
                            status,
                        });
                    }
                    if line.starts_with(MARK) {
                        // The end of an earlier command that timed out, or an answer to a repeated greeting.
                        text.clear();
                    } else {
                        text.push_str(&line);
                        text.push('\n');
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Failure::new(format!(
                        "{name}: no end of '{command}' in {seconds} s: {text}"
                    )));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::new(format!(
                        "{name}: the shell closed during '{command}': {text}"
                    )));
                }
            }
        }
    }

    /// Waits for the first answer. If there is none, the next command reports the error.
    fn greet(&mut self, deadline: Instant) {
        while !self.is_greeted && Instant::now() < deadline {
            let said = self.to.write_all(GREETING.as_bytes());
            if said.and_then(|()| self.to.flush()).is_err() {
                return;
            }
            let again = deadline.min(Instant::now() + AGAIN);
            loop {
                let left = again.saturating_duration_since(Instant::now());
                match self.lines.recv_timeout(left) {
                    Ok(line) if line.starts_with(ANSWER.as_bytes()) => {
                        self.is_greeted = true;
                        return;
                    }
                    Ok(_) => {}
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        }
    }

    /// Returns the output of a command, which must succeed.
    pub(crate) fn get(&mut self, command: &str, seconds: u64) -> Result<String, Failure> {
        let said = self.run(command, seconds)?;
        if said.status == 0 {
            return Ok(said.text);
        }
        let (name, Said { text, status }) = (&self.name, said);
        Err(Failure::new(format!(
            "{name}: '{command}' ended with {status}: {text}"
        )))
    }

    /// Writes evidence of the machine's state into a file.
    pub(crate) fn keep_evidence(&mut self, file: &Path) {
        let said = self.run(EVIDENCE, 60);
        let text = said.map_or_else(|error| error.to_string(), |said| said.text);
        let _ = fs::write(file, text);
    }

    /// Repeats a command until it succeeds, for states that can't be waited for otherwise.
    pub(crate) fn until(&mut self, command: &str, seconds: u64) -> Result<String, Failure> {
        self.get(
            &format!("({})", until(command, seconds)),
            seconds + LAST_TRY,
        )
    }
}

/// A script that repeats a command until it succeeds. After the timeout it fails; an attempt is not interrupted.
pub(crate) fn until(command: &str, seconds: u64) -> String {
    format!(
        "end=$(($(date +%s) + {seconds})); until {command}; do [ $(date +%s) -lt $end ] || exit 1; sleep 0.5; done"
    )
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Some(carrier) = &mut self.carrier {
            let _ = carrier.kill();
            let _ = carrier.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn shell() -> Shell {
        Shell::through("here", Command::new("sh")).unwrap()
    }

    #[test]
    fn a_command_returns_its_own_output_and_status() {
        let mut shell = shell();
        let said = shell.run(
            "echo one; echo two >&2; exit_code() { return 3; }; exit_code",
            60,
        );
        let said = said.unwrap();
        assert_eq!((said.text.as_str(), said.status), ("one\ntwo", 3));
        assert_eq!(shell.get("printf three", 60).unwrap(), "three");
        let failed = shell.get("echo four; false", 60).unwrap_err();
        assert_eq!(
            failed.to_string(),
            "here: 'echo four; false' ended with 1: four"
        );
    }

    #[test]
    fn output_of_a_command_that_timed_out_does_not_reach_the_next() {
        let mut shell = shell();
        let _ = shell.get("true", 60).unwrap();
        let late = shell.run("sleep 2; echo late", 1).unwrap_err();
        assert_eq!(
            late.to_string(),
            "here: no end of 'sleep 2; echo late' in 1 s: "
        );
        assert_eq!(shell.get("echo next", 60).unwrap(), "next");
    }

    #[test]
    fn a_command_is_retried_until_it_succeeds_or_times_out() {
        let mut shell = shell();
        let count = "count=$((count + 1)); [ $count = 2 ]";
        assert_eq!(
            shell.until(&format!("{count} && echo $count"), 60).unwrap(),
            "2"
        );
        let failed = shell.until("false", 0).unwrap_err().to_string();
        assert!(failed.ends_with(" ended with 1: "), "{failed}");
        let gone = shell.run("exit", 60).unwrap_err().to_string();
        assert!(
            gone.starts_with("here: the shell closed during 'exit'"),
            "{gone}"
        );
    }
}
