//! The inputs of a plan besides the context and the NICs.

use std::collections::BTreeMap;

use hwaddr::{DummyPrefix, InterfaceName};

use super::NicId;

/// The agent's settings, and what earlier runs wrote.
#[derive(Debug, Clone, Default)]
pub struct PlanSettings {
    /// First octet of dummy MACs.
    pub prefix: DummyPrefix,
    /// Which NICs the agent configures.
    pub role: Role,
    /// The device names for which earlier runs wrote files.
    pub known: BTreeMap<NicId, InterfaceName>,
    /// Whether a plain NIC that no variable describes gets the address that its MAC encodes; by default only in contexts before
    /// OpenNebula 4.14.
    pub decodes_macs: Option<bool>,
}

/// Which NICs the agent configures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Role {
    /// All NICs.
    #[default]
    Whole,
    /// NICs that one-context cannot configure: dummy, InfiniBand and PCI NICs. one-context configures plain Ethernet.
    Companion,
}
