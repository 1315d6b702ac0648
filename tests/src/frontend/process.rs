//! A process that the front-end starts, with its output in order.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The pipe that output came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pipe {
    Out,
    Err,
}

/// What happened next.
#[derive(Debug)]
pub(super) enum Event {
    Output(Pipe, Vec<u8>),
    /// Both outputs have ended.
    End,
    /// The deadline has passed.
    Timeout,
}

/// A process. Its children don't outlive it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    writer: Option<Sender<Vec<u8>>>,
    output: Receiver<(Pipe, Vec<u8>)>,
    deadline: Instant,
}

impl Process {
    pub(super) fn start(mut command: Command, time_limit: Duration) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let (sender, output) = mpsc::channel();
        let stdout = child.stdout.take().expect("a pipe");
        let stderr = child.stderr.take().expect("a pipe");
        read(Pipe::Out, stdout, sender.clone());
        read(Pipe::Err, stderr, sender);
        let stdin = child.stdin.take().expect("a pipe");
        Self {
            child,
            writer: Some(write(stdin)),
            output,
            deadline: Instant::now() + time_limit,
        }
    }

    /// Queues bytes for standard input.
    pub(super) fn write(&self, bytes: impl Into<Vec<u8>>) {
        if let Some(writer) = &self.writer {
            let _ = writer.send(bytes.into());
        }
    }

    /// Closes standard input once everything is written.
    pub(super) fn close(&mut self) {
        self.writer = None;
    }

    pub(super) fn next(&self) -> Event {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.output.recv_timeout(left) {
            Ok((pipe, bytes)) => Event::Output(pipe, bytes),
            Err(RecvTimeoutError::Timeout) => Event::Timeout,
            Err(RecvTimeoutError::Disconnected) => Event::End,
        }
    }

    /// Waits for the process, but not for its children.
    pub(super) fn wait(mut self) -> Option<i32> {
        self.close();
        self.child.wait().expect("a child").code()
    }

    /// Kills the process and its children.
    pub(super) fn kill(mut self) {
        let group = i32::try_from(self.child.id()).expect("a process number");
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

fn read(pipe: Pipe, mut from: impl Read + Send + 'static, to: Sender<(Pipe, Vec<u8>)>) {
    thread::spawn(move || {
        // The front-end reads in chunks of this size.
        let mut bytes = [0; 100];
        while let Ok(length) = from.read(&mut bytes) {
            if length == 0 || to.send((pipe, bytes[..length].to_vec())).is_err() {
                return;
            }
        }
    });
}

/// Starts a thread that writes to the process. The pipe is closed when the last sender is dropped.
fn write(mut to: ChildStdin) -> Sender<Vec<u8>> {
    let (sender, receiver) = mpsc::channel::<Vec<u8>>();
    thread::spawn(move || {
        for bytes in receiver {
            // The process may not read its input.
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
    });
    sender
}
