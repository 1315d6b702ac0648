//! Exit codes.

use std::process::ExitCode;

/// The exit codes of the commands. An action exits with the stock action's code or with 1, but never with 42, on which the
/// front-end would copy the scripts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Success.
    Ok = 0,
    /// Leases, configuration, libvirt or the host could not be read or written.
    Failure = 1,
    /// The command line is wrong.
    Usage = 2,
    /// `doctor` has found a problem that stops VMs from getting VFs.
    Problems = 3,
    /// `reconcile`, `repair` or `import-legacy` could not handle some VFs, which the output names.
    Partial = 4,
}

/// The exit codes in `--help`.
pub(super) const HELP: &str = "\
Exit codes:
  0  success; 'probe' always exits with 0
  1  leases, configuration, libvirt or the host could not be read or written
  2  the command line is invalid
  3  'doctor' found a problem that stops VMs from getting VFs
  4  'reconcile', 'repair' or 'import-legacy' could not handle some VFs; the output names each
An action exits with the code of the stock action, or with 1.";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
