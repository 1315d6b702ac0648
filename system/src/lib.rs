//! Everything that one-sriov reads or changes on a machine goes through this crate.
//!
//! - [`Root`] accesses files: of the running machine, or of an image mounted elsewhere.
//! - [`process`] runs programs: without a shell, with a time limit, or in place of this process.
//! - [`Running`] is a process that another program has started.
//! - [`logging`] writes to the log of the machine.
//! - [`yaml`] reads the configuration of other programs.
//! - [`is_absent`] distinguishes an absent file from one that cannot be read.
//! - [`names_in`] lists a directory.
//! - [`lock_within`] waits for another process, but not forever.

mod absent;
mod listing;
mod lock;
pub mod logging;
pub mod netlink;
mod plain;
mod probe;
pub mod process;
pub mod release;
mod root;
mod running;
pub mod yaml;

pub use absent::{is_absent, unless_absent};
pub use listing::{names_in, open_directory};
pub use lock::{Locked, lock_within};
pub use netlink::{Netlink, NetlinkError, PfLink, VfInfo, VfLinkState, VfLinkStateError, VfVlan};
pub use plain::plain;
pub use probe::Probe;
pub use process::{
    Captured, Conversation, Lines, ProcessError, ProcessErrorKind, Program, Received, Spool,
    exit_code,
};
pub use root::Root;
pub use running::Running;
