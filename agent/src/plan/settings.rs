//! What a plan depends on besides the context and the NICs.

use std::collections::BTreeMap;

use hwaddr::{DummyPrefix, InterfaceName};

use super::NicId;

/// The agent's settings, and what earlier runs wrote.
#[derive(Debug, Clone, Default)]
pub struct PlanSettings {
    /// First octet of dummy MACs.
    pub prefix: DummyPrefix,
    /// Which NICs are ours.
    pub role: Role,
    /// The names that earlier runs wrote for.
    pub known: BTreeMap<NicId, InterfaceName>,
    /// Whether a plain NIC that no variable describes gets the address in its MAC; not said: in contexts before OpenNebula
    /// 4.14 alone.
    pub decodes_macs: Option<bool>,
}

/// Which NICs this agent configures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Role {
    /// All of them.
    #[default]
    Whole,
    /// Those that one-context cannot: dummy, InfiniBand and PCI NICs. It keeps plain Ethernet.
    Companion,
}
