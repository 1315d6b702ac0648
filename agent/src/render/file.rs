//! The output of a backend: files, and settings that the files cannot express.

use std::path::PathBuf;

use hwaddr::InterfaceName;

use crate::plan::NicId;
use crate::plan::model::TransportMode;

/// A file for a network stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// Absolute path in the guest, for example `/etc/sysconfig/network-scripts/ifcfg-ib0`.
    pub path: PathBuf,
    /// Permission bits, for example `0o644`.
    pub mode: u32,
    /// The whole text; its first line is the header that marks the file as the agent's ([`HEADER`]).
    pub text: String,
    /// The NIC that the file configures; all files of a NIC are written and removed together.
    pub nic: NicId,
    /// The device that the file is written for, for example `ib0`.
    pub device: InterfaceName,
}

/// The output of a backend.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The files, in the order of the NICs.
    pub files: Vec<RenderedFile>,
    /// Settings that the network stack does not support, as messages.
    pub notes: Vec<String>,
    /// Transport modes that the network stack cannot set, so the agent sets them.
    pub modes: Vec<Mode>,
    /// IPv6 settings of the kernel that the network stack does not make, so the agent makes them.
    pub sysctls: Vec<Sysctl>,
}

/// A transport mode to set on an existing device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode {
    /// The device.
    pub device: InterfaceName,
    /// Its transport mode.
    pub mode: TransportMode,
}

/// An IPv6 setting of an existing device: `/proc/sys/net/ipv6/conf/<device>/<key>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sysctl {
    /// The device.
    pub device: InterfaceName,
    /// The setting, for example `accept_ra`.
    pub key: &'static str,
    /// Its value.
    pub value: u8,
}

/// The start of every file that the agent writes; a file without it is foreign.
///
/// `#` starts a comment in all supported network stacks.
pub const HEADER: &str = "# Written by one-sriov-agent";
