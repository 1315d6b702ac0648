//! The only doors through which one-sriov touches a machine.
//!
//! - [`Root`] is the door to files: the running machine, or an image mounted somewhere else.
//! - [`process`] is the door to programs: run without a shell, within a bound, or in our place.
//! - [`logging`] is the door to the log of the machine.
//! - [`yaml`] reads what other programs are configured with.
//! - [`is_absent`] distinguishes an absent file from one that cannot be read.
//! - [`lock_within`] waits for another process, but not for ever.

mod absent;
mod lock;
pub mod logging;
pub mod netlink;
mod plain;
mod probe;
pub mod process;
pub mod release;
mod root;
pub mod yaml;

pub use absent::{is_absent, unless_absent};
pub use lock::{Locked, lock_within};
pub use netlink::{Netlink, NetlinkError, PfLink, VfInfo, VfLinkState, VfLinkStateError, VfVlan};
pub use plain::plain;
pub use probe::Probe;
pub use process::{Captured, Delegated, Delegation, ProcessError, Program, Spool, exit_code};
pub use root::Root;
