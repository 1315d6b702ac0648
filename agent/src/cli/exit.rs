//! How a run ends.

use std::process::ExitCode;

/// The exit codes, which `--help` and the man page list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Success; also if a NIC has no device yet (a warning names it), or if there is no context medium.
    Ok = 0,
    /// Files, devices or the agent's configuration could not be read or written.
    Failure = 1,
    /// The command line is invalid.
    Usage = 2,
    /// The context medium could not be read, and nothing was changed; for `status` also: something is missing or differs
    /// from the context.
    Context = 3,
    /// Some NICs could not be configured, or some values of the context are ignored; each is named.
    Partial = 4,
    /// Another run of the agent did not finish in time.
    Busy = 5,
}

pub(super) const HELP: &str = "\
Exit codes:
  0  success; also if a NIC has no device yet, or if there is no context medium
  1  files, devices or the agent's configuration could not be read or written
  2  the command line is invalid
  3  the context medium could not be read, and nothing was changed; with 'status' also: something is missing or differs
  4  some NICs could not be configured, or some values of the context are ignored; the output names each
  5  another run of the agent did not finish in time";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
