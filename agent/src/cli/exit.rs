//! How a run ends.

use std::process::ExitCode;

/// The exit codes, which `--help` and the man page list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// What is here is as it shall be; also when there is no context medium. A device may still come: a warning tells.
    Ok = 0,
    /// Files, devices or the agent's configuration could not be read or written.
    Failure = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There is a context medium, but it cannot be read, and nothing was changed; for `status` also: what the machine has is
    /// not what the context says.
    Context = 3,
    /// Some NICs could not be configured, for what the context or the machine says of them, or some values are left out; each is
    /// named.
    Partial = 4,
    /// Another agent works on this machine and did not finish in time.
    Busy = 5,
}

/// What `--help` says of the exit codes.
pub(super) const HELP: &str = "\
Exit codes:
  0  what is here is as it shall be (a NIC without a device is a warning); also when there is no context medium
  1  files, devices or the agent's configuration could not be read or written
  2  the command line is wrong
  3  the context medium cannot be read, and nothing was changed; with 'status' also: something is missing or has drifted
  4  some NICs that are here could not be configured, or some values of the context are left out; each is named
  5  another agent works on this machine and did not finish in time";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
