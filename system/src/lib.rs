//! The only doors through which one-sriov touches a machine.
//!
//! [`Root`] is the door to files: the running machine, or an image mounted somewhere else.

mod root;

pub use root::Root;
