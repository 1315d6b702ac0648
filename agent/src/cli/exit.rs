//! How a run ends.

use std::process::ExitCode;

/// The exit codes, which `--help` and the man page list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All is as it shall be; also when there is no context medium.
    Ok = 0,
    /// Files, devices or the agent's configuration could not be read or written.
    Failure = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There is a context medium, but it cannot be read. Nothing was changed.
    Context = 3,
    /// Some NICs are configured and others could not be; each is named.
    Partial = 4,
    /// Another agent works on this machine and did not finish in time.
    Busy = 5,
}

/// What `--help` says of the exit codes.
pub(super) const HELP: &str = "\
Exit codes:
  0  all is as it shall be; also when there is no context medium
  1  files, devices or the agent's configuration could not be read or written
  2  the command line is wrong
  3  there is a context medium, but it cannot be read; nothing was changed
  4  some NICs are configured and others could not be; each is named
  5  another agent works on this machine and did not finish in time";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
