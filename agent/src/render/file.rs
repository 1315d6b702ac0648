//! One file, as a backend wants it to be.

use std::path::PathBuf;

use hwaddr::InterfaceName;

use crate::plan::NicId;

/// A file that a network stack shall read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// Absolute path in the guest, for example `/etc/sysconfig/network-scripts/ifcfg-ib0`.
    pub path: PathBuf,
    /// Permission bits, for example `0o644`.
    pub mode: u32,
    /// The whole text; its first line is the header that marks the file as ours ([`HEADER`]).
    pub text: String,
    /// The NIC that the file configures; all files of a NIC come and go together.
    pub nic: NicId,
    /// The device that the file is written for, for example `ib0`.
    pub device: InterfaceName,
}

/// How every file of ours begins; a file without it is somebody else's.
///
/// All network stacks that we write for take `#` as a comment.
pub const HEADER: &str = "# Written by one-sriov-agent";
