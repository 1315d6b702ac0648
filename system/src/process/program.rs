//! A program and its arguments, ready to run.

use std::convert::Infallible;
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::fd::BorrowedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::ProcessErrorKind::{self, Input, Start};
use super::capture::capture;
use super::captured::Captured;
use super::conversation::{Conversation, converse};
use super::delegate::delegate;
use super::{ProcessError, Spool, search};

/// A program with its arguments.
///
/// ```
/// use std::time::Duration;
///
/// use one_sriov_system::process::Program;
///
/// let echo = Program::new("echo").args(["a b", "$HOME"]);
/// let captured = echo.capture(Duration::from_secs(10))?;
/// assert_eq!(captured.stdout, b"a b $HOME\n");
/// # Ok::<(), one_sriov_system::process::ProcessError>(())
/// ```
#[derive(Debug)]
pub struct Program<'a> {
    name: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdin: Option<&'a Spool>,
}

impl<'a> Program<'a> {
    /// A program by its name, which is looked up in `PATH`, or by its path, if it has a slash.
    ///
    /// `/usr/sbin` and `/sbin` are appended to the `PATH` of the search and of the program, because that of an ssh session has
    /// neither.
    pub fn new(name: impl AsRef<OsStr>) -> Self {
        Self {
            name: name.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            stdin: None,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of its environment, which is otherwise ours.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets its standard input: an unnamed file, which it may rewind, and which needs no other process.
    #[must_use]
    pub fn stdin(mut self, stdin: Option<&'a Spool>) -> Self {
        self.stdin = stdin;
        self
    }

    /// Runs it for at most this long; then it and its process group are killed.
    pub fn capture(&self, limit: Duration) -> Result<Captured, ProcessError> {
        self.run(Stdio::null(), |command| capture(command, limit))
    }

    /// Starts the program for a conversation, line by line.
    pub fn converse(&self) -> Result<Conversation, ProcessError> {
        self.run(Stdio::piped(), converse)
    }

    /// Replaces this process by the program; returns only on an error.
    #[must_use]
    pub fn exec(&self) -> ProcessError {
        let Err(error) =
            self.run::<Infallible>(Stdio::inherit(), |mut command| Err(Start(command.exec())));
        error
    }

    /// Runs it in our place: in our process group, and with every signal that reaches us.
    ///
    /// A signal from the terminal is not passed on, because the terminal sends it to the whole group. One that another program
    /// sends to the whole group arrives twice.
    ///
    /// It inherits the descriptors `keep`, with the same numbers. A program that another thread starts meanwhile inherits them,
    /// too. While it runs, `tick` is called after each `pause` at the latest.
    pub fn delegate(
        &self,
        keep: &[BorrowedFd<'_>],
        pause: Duration,
        tick: &mut dyn FnMut(),
    ) -> Result<Captured, ProcessError> {
        self.run(Stdio::inherit(), |command| {
            delegate(command, keep, pause, tick)
        })
    }

    /// Calls a function with the command, and names the program in its error.
    fn run<T>(
        &self,
        stdin: Stdio,
        run: impl FnOnce(Command) -> Result<T, ProcessErrorKind>,
    ) -> Result<T, ProcessError> {
        let done = self.command(stdin).and_then(run);
        done.map_err(|kind| ProcessError {
            program: self.name.to_string_lossy().into_owned(),
            kind,
        })
    }

    /// The command. Its standard input is the one that was set, else `stdin`.
    fn command(&self, stdin: Stdio) -> Result<Command, ProcessErrorKind> {
        let given = self.env.iter().rfind(|(name, _)| name == "PATH");
        let path = given.map_or_else(|| env::var_os("PATH"), |(_, path)| Some(path.clone()));
        let path = search::with_system_directories(path);
        let mut command = Command::new(search::find(&self.name, &path)?);
        command
            .arg0(&self.name)
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .env("PATH", path)
            .stdin(match self.stdin {
                Some(spool) => spool.file().map_err(Input)?.into(),
                None => stdin,
            });
        Ok(command)
    }
}
