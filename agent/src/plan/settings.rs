//! The settings of a plan, besides the context and the NICs.

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
    /// The names for which earlier runs wrote files.
    pub known: BTreeMap<NicId, InterfaceName>,
    /// Whether a plain NIC that no variable describes gets the address in its MAC; by default only in contexts before OpenNebula
    /// 4.14.
    pub decodes_macs: Option<bool>,
}

/// Which NICs this agent configures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Role {
    /// All of them.
    #[default]
    Whole,
    /// Those that one-context cannot: dummy, InfiniBand and PCI NICs. one-context configures plain Ethernet.
    Companion,
}
