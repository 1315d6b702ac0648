//! One program, ready to be run.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::capture::{Captured, capture};
use super::delegate::{Delegated, Delegation, delegate};
use super::{ProcessError, Spool, input, search};

/// One program with its arguments.
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
    /// `/usr/sbin` and `/sbin` come at the end of the `PATH`, that of the search and that of the
    /// program: the `PATH` of an ssh session has neither.
    pub fn new(name: impl AsRef<OsStr>) -> Self {
        Self {
            name: name.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            stdin: None,
        }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// A variable of its environment, which is ours otherwise.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let value = Some(value.as_ref().to_owned());
        self.env.push((name.as_ref().to_owned(), value));
        self
    }

    /// Takes a variable out of its environment.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), None));
        self
    }

    /// What [`Self::capture`] gives it to read, instead of nothing.
    #[must_use]
    pub fn stdin(mut self, bytes: Vec<u8>) -> Self {
        self.stdin = Some(bytes);
        self
    }

    /// Runs it to its end, and at most so long; then it is killed, with all that it started and
    /// that is still in its process group.
    pub fn capture(&self, limit: Duration) -> Result<Captured, ProcessError> {
        let mut command = self.command()?;
        command.stdin(match &self.stdin {
            Some(bytes) => self.input(bytes)?,
            None => Stdio::null(),
        });
        capture(command, &self.name(), limit)
    }

    /// Becomes this program; comes back only with an error.
    ///
    /// With a spool it reads exactly that, from a file without a name: from its first byte, as often
    /// as it rewinds it, and with no other process behind it.
    #[must_use]
    pub fn exec(&self, stdin: Option<&Spool>) -> ProcessError {
        let prepared = self.command().and_then(|mut command| {
            if let Some(spool) = stdin {
                command.stdin(self.stdio(spool.file())?);
            }
            Ok(command)
        });
        match prepared {
            Err(error) => error,
            Ok(mut command) => ProcessError::Start {
                program: self.name(),
                cause: command.exec(),
            },
        }
    }

    /// Runs it in our place: with our standard input or these bytes, in our process group, and with
    /// every signal that reaches us.
    ///
    /// Signals on the terminal, which the whole group gets, are not sent a second time. A signal
    /// sent to the whole group arrives twice.
    pub fn delegate(&self, delegation: Delegation<'_>) -> Result<Delegated, ProcessError> {
        let mut command = self.command()?;
        if let Some(bytes) = delegation.stdin {
            command.stdin(self.input(bytes)?);
        }
        delegate(command, &self.name(), delegation)
    }

    fn command(&self) -> Result<Command, ProcessError> {
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

    fn input(&self, bytes: &[u8]) -> Result<Stdio, ProcessError> {
        self.stdio(input::file_of(bytes))
    }

    fn stdio(&self, file: io::Result<File>) -> Result<Stdio, ProcessError> {
        let file = file.map_err(|cause| ProcessError::Input {
            program: self.name(),
            cause,
        })?;
        Ok(file.into())
    }

    fn name(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }
}
