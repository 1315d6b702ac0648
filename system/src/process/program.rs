//! A program and its arguments, ready to run.

use std::convert::Infallible;
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::ProcessErrorKind::{self, Input, Start};
use super::capture::{Captured, capture};
use super::conversation::{Conversation, converse};
use super::delegate::{Delegated, Delegation, delegate};
use super::input::file_of;
use super::{ProcessError, Spool, search};

/// A program with its arguments.
///
/// ```
/// use std::time::Duration;
///
/// use one_sriov_system::process::Program;
///
/// let echo = Program::new("echo").arg("a b").arg("$HOME");
/// let captured = echo.capture(Duration::from_secs(10))?;
/// assert_eq!(captured.stdout, b"a b $HOME\n");
/// # Ok::<(), one_sriov_system::process::ProcessError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    name: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    stdin: Option<Vec<u8>>,
}

impl Program {
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

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
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
        let value = Some(value.as_ref().to_owned());
        self.env.push((name.as_ref().to_owned(), value));
        self
    }

    /// Removes a variable from its environment.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), None));
        self
    }

    /// Sets its standard input for [`Self::capture`].
    #[must_use]
    pub fn stdin(mut self, bytes: Vec<u8>) -> Self {
        self.stdin = Some(bytes);
        self
    }

    /// Runs it for at most this long; then it and its process group are killed.
    pub fn capture(&self, limit: Duration) -> Result<Captured, ProcessError> {
        let stdin = self.stdin.as_deref();
        self.run(|mut command| {
            command.stdin(stdin.map_or_else(|| Ok(Stdio::null()), input)?);
            capture(command, limit)
        })
    }

    /// Starts the program for a conversation, line by line.
    pub fn converse(&self) -> Result<Conversation, ProcessError> {
        self.run(converse)
    }

    /// Replaces this process by the program; returns only on an error.
    ///
    /// A spool becomes its standard input: an unnamed file, which it may rewind, and which needs no other process.
    #[must_use]
    pub fn exec(&self, stdin: Option<&Spool>) -> ProcessError {
        let Err(error) = self.run::<Infallible>(|mut command| {
            if let Some(spool) = stdin {
                command.stdin(spool.file().map_err(Input)?);
            }
            Err(Start(command.exec()))
        });
        error
    }

    /// Runs it in our place: with our standard input or these bytes, in our process group, and with
    /// every signal that reaches us.
    ///
    /// A signal from the terminal is not passed on, because the terminal sends it to the whole group. One that another program
    /// sends to the whole group arrives twice.
    pub fn delegate(&self, delegation: Delegation<'_>) -> Result<Delegated, ProcessError> {
        self.run(|mut command| {
            if let Some(bytes) = delegation.stdin {
                command.stdin(input(bytes)?);
            }
            delegate(command, delegation)
        })
    }

    /// Calls a function with the command, and names the program in its error.
    fn run<T>(
        &self,
        run: impl FnOnce(Command) -> Result<T, ProcessErrorKind>,
    ) -> Result<T, ProcessError> {
        let done = self.command().and_then(run);
        done.map_err(|kind| ProcessError {
            program: self.name.to_string_lossy().into_owned(),
            kind,
        })
    }

    fn command(&self) -> Result<Command, ProcessErrorKind> {
        let ours = || env::var_os("PATH");
        let path = self
            .env
            .iter()
            .rfind(|(name, _)| name == "PATH")
            .map_or_else(ours, |(_, value)| value.clone());
        let path = search::with_system_directories(path);
        let mut command = Command::new(search::find(&self.name, &path)?);
        command.arg0(&self.name).args(&self.args);
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env("PATH", path);
        Ok(command)
    }
}

fn input(bytes: &[u8]) -> Result<Stdio, ProcessErrorKind> {
    Ok(file_of(bytes).map_err(Input)?.into())
}
