//! Where a NIC's configuration comes from: its variables and more.

use std::net::Ipv4Addr;

use hwaddr::InterfaceName;

use super::context_nics::EthNic;
use crate::context::Context;
use crate::inventory::Inventory;

pub(super) struct ValueSource<'a> {
    pub(super) context: &'a Context,
    /// Prefixes of variable names, in order of precedence.
    pub(super) layers: Vec<String>,
    /// The `ETH<k>` among the layers, for its aliases.
    pub(super) eth: Option<(u32, &'a EthNic)>,
    pub(super) infiniband: bool,
    /// Whether the guest tags the VLAN of an Ethernet NIC itself: the host cannot if the NIC is passed through.
    pub(super) tags: bool,
    /// The IPv4 address to use if no variable sets one.
    pub(super) decoded: Option<Decoded>,
    pub(super) inventory: &'a Inventory,
    /// The NIC's own device.
    pub(super) device: Option<&'a InterfaceName>,
}

/// An IPv4 address decoded from a hardware address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decoded {
    pub(super) address: Ipv4Addr,
    /// Where it was found, for `explain`.
    pub(super) from: &'static str,
}

impl ValueSource<'_> {
    /// Whether a value names the existing device of another NIC. The author of the context may have expected other device names.
    pub(super) fn is_elsewhere(&self, name: &InterfaceName) -> bool {
        self.device != Some(name) && self.inventory.by_name(name).is_some()
    }
}
