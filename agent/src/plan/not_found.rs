//! Explains why no device was found for a NIC, and lists the devices that exist.

use hwaddr::{DummyPrefix, Key, MacAddress, PciAddress};

use super::positions::Position;
use crate::inventory::{Inventory, listed};

/// No device has `ETH<k>_MAC`.
pub(super) fn by_mac(mac: MacAddress, prefix: DummyPrefix, inventory: &Inventory) -> String {
    format!(
        "no network device has MAC {mac}, and no dummy NIC or port GUID (prefix {prefix}) ends in {}; {}",
        Key::from(mac),
        inventory.listed()
    )
}

/// No device has `PCI<k>_ADDRESS` or `PCI<k>_MAC`; the context may lack one of them.
pub(super) fn by_pci(
    address: Option<PciAddress>,
    mac: Option<MacAddress>,
    inventory: &Inventory,
) -> String {
    let at = address.map(|address| format!("no network device is at PCI address {address}"));
    let with = mac.map(|mac| {
        let key = Key::from(mac);
        format!("none has MAC {mac} or a port GUID that ends in {key}")
    });
    let reasons: Vec<String> = at.into_iter().chain(with).collect();
    if reasons.is_empty() {
        return "the context gives neither its PCI address nor its MAC".into();
    }
    let at_pci = address.map(|_| inventory.listed_at_pci());
    let with_mac = mac.map(|_| inventory.listed());
    let here: Vec<String> = at_pci.into_iter().chain(with_mac).collect();
    format!("{}; {}", reasons.join(", and "), here.join("; "))
}

/// No dummy NIC and no GUID names the position of `IB<N>_*`.
pub(super) fn position(number: u32, positions: &[Position]) -> String {
    let here: Vec<u8> = positions.iter().map(|position| position.number).collect();
    format!(
        "IB{number}_* is set, but no dummy NIC and no port GUID names position {number}; positions here: {}",
        listed(&here)
    )
}
