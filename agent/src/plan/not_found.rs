//! Why a NIC of the context has no device, with what there is instead.

use hwaddr::{DummyPrefix, Key, MacAddress};

use crate::inventory::Inventory;

/// No device for `ETH<k>_MAC`.
pub(super) fn by_mac(mac: MacAddress, prefix: DummyPrefix, inventory: &Inventory) -> String {
    format!(
        "no network device has MAC {mac}, and no dummy NIC or port GUID (prefix {prefix}) ends in {}; {}",
        Key::from(mac),
        inventory.listed()
    )
}
