//! Runs programs, without a shell.
//!
//! ```text
//! virsh --connect qemu:///system list --uuid      captured, with a time limit
//! ../kvm/deploy /var/lib/one/.../deployment.0 ... in our place: same signals, same stdin
//! ```
//!
//! | | stdin | stdout | stderr | process group | ends |
//! |---|---|---|---|---|---|
//! | [`Program::capture`] | `/dev/null` or bytes | returned | returned | its own | with the child, or killed at the limit |
//! | [`Program::converse`] | lines | lines | kept | ours | killed when its value is dropped |
//! | [`Program::delegate`] | ours or bytes | returned | copied immediately | ours | with the child |
//! | [`Program::exec`] | ours or bytes | ours | ours | ours | never: it replaces us |
//!
//! A child and its pipes don't end together: its background processes may keep the pipes open for
//! years, and a pipe may end long before the child. So both are watched, and the output is what is
//! in the pipes when the child ends.
//!
//! A child starts with `SIGPIPE` at its default. A signal that was blocked or ignored when this
//! process was started stays so, as with every `exec`; signals that it blocked itself do not.

mod capture;
mod captured;
mod conversation;
mod delegate;
mod ended;
mod error;
mod input;
mod intake;
mod keep;
mod lines;
mod program;
mod search;
mod signals;
mod stderr;
mod supervise;

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

pub use captured::Captured;
pub use conversation::Conversation;
pub use error::{ProcessError, ProcessErrorKind};
pub use input::Spool;
pub use lines::{Lines, Received};
pub use program::Program;

/// The exit code that a shell reports: the program's own, or 128 plus the signal.
#[must_use]
pub fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(255)
}
