//! Which variables a NIC has, and what else its configuration depends on.

use std::net::Ipv4Addr;

use hwaddr::InterfaceName;

use super::context_nics::EthNic;
use crate::context::Context;
use crate::inventory::Inventory;

/// Which variables a NIC has and what it is.
pub(super) struct ValueSource<'a> {
    pub(super) context: &'a Context,
    /// Prefixes of variable names, the strongest first.
    pub(super) layers: Vec<String>,
    /// `ETH<k>` among the layers, for its aliases.
    pub(super) eth: Option<(u32, &'a EthNic)>,
    pub(super) infiniband: bool,
    /// Whether the guest tags an Ethernet NIC's VLAN itself: the host cannot for one passed through.
    pub(super) tags: bool,
    /// The IPv4 address that counts where no variable has one.
    pub(super) decoded: Option<Decoded>,
    pub(super) inventory: &'a Inventory,
    /// The NIC's own device.
    pub(super) device: Option<&'a InterfaceName>,
}

/// An IPv4 address that a hardware address holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decoded {
    pub(super) address: Ipv4Addr,
    /// What holds it, for `explain`.
    pub(super) from: &'static str,
}

impl ValueSource<'_> {
    /// Whether a device that a value names is here and is another one. What the author of a context calls `eth0` may have
    /// any name in the guest.
    pub(super) fn is_elsewhere(&self, name: &InterfaceName) -> bool {
        self.device != Some(name) && self.inventory.by_name(name).is_some()
    }
}
