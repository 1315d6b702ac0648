//! Programs: run without a shell, their arguments as a list.
//!
//! ```text
//! virsh --connect qemu:///system list --uuid      captured, within a bound
//! ../kvm/deploy /var/lib/one/.../deployment.0 ... in our place: same signals, same stdin
//! ```
//!
//! | | stdin | stdout | stderr | process group | ends |
//! |---|---|---|---|---|---|
//! | [`Program::capture`] | `/dev/null` or bytes | returned | returned | its own | with the child, or killed at the limit |
//! | [`Program::delegate`] | ours or bytes | returned | passed on as it comes | ours | with the child |
//! | [`Program::exec`] | ours or bytes | ours | ours | ours | never: it replaces us |
//!
//! The end of a child is not the end of its pipes: what it left in the background may hold them
//! open for years. And pipes may end long before the child. Both are waited for apart: the child's
//! end counts, and what is in the pipes at that moment is the output.
//!
//! A child begins with `SIGPIPE` at its default. A signal that was blocked or ignored when we were
//! started stays so, as through every `exec`; none is that we have blocked ourselves.

mod capture;
mod delegate;
mod ended;
mod error;
mod input;
mod intake;
mod keep;
mod program;
mod relay;
mod running;
mod search;
mod signals;
mod supervise;

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

pub use capture::Captured;
pub use delegate::{Delegated, Delegation};
pub use error::ProcessError;
pub use input::Spool;
pub use program::Program;
pub use running::Running;

/// The exit code that a shell reports: the program's own, or 128 plus the signal.
#[must_use]
pub fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(255)
}
