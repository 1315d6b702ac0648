//! NICs of the context without a device on this machine: because of a wrong dummy MAC prefix, or the CD of another VM.

use std::borrow::Cow;

use hwaddr::{DummyPrefix, Key, MacAddress};

use super::Finding;
use crate::inventory::{AddressOrigin, Inventory, Nic};

/// Finds dummy NICs and port GUIDs that would belong to a missing NIC if the prefix were their first octet.
///
/// `missing` are the MACs of the context's NICs without a device, each with the NIC's label.
pub(super) fn other_prefix(
    missing: &[(Cow<'_, str>, MacAddress)],
    inventory: &Inventory,
    prefix: DummyPrefix,
) -> Vec<Finding> {
    let finding = |(label, mac): &(Cow<'_, str>, MacAddress)| {
        let (key, mac) = (Key::from(*mac), *mac);
        let mut carriers = inventory.nics.iter();
        let (nic, first, what) = carriers.find_map(|nic| {
            carrier(nic, key, mac).filter(|(_, first, _)| *first != prefix.octet())
        })?;
        let text = format!(
            "{label} has no device, but {what} ends in its key {key} and begins with {first:02x}, not with the prefix {prefix}: \
             set 'prefix = {first:02x}' in '{}' (DUMMY_MAC_PREFIX of the hosts)",
            crate::config::PATH,
        );
        Some(Finding::problem("dummy-prefix", text).of(nic.name.as_str()))
    };
    missing.iter().filter_map(finding).collect()
}

/// Returns the first octet of a device's MAC or GUID that contains the key of a NIC, and its name for messages.
fn carrier(nic: &Nic, key: Key, own: MacAddress) -> Option<(&Nic, u8, String)> {
    if let Some(guid) = nic.guid() {
        let [_, _, first, _, rest @ ..] = guid.octets();
        let carries = rest == key.octets();
        return carries.then(|| {
            (
                nic,
                first,
                format!("the port GUID {guid} of '{}'", nic.name),
            )
        });
    }
    let mac = nic.mac()?;
    let may_be_dummy = mac != own && !nic.has_vf_driver() && nic.origin != AddressOrigin::Random;
    let carries = may_be_dummy && Key::from(mac) == key;
    carries.then(|| {
        let what = format!("the MAC {mac} of '{}'", nic.name);
        (nic, mac.octets()[0], what)
    })
}

/// Reports that this machine has none of the context's NICs.
pub(super) fn other_vm(
    source: &str,
    missing: &[(Cow<'_, str>, MacAddress)],
    inventory: &Inventory,
) -> Finding {
    let wanted: Vec<String> = missing
        .iter()
        .map(|(label, mac)| format!("{label} {mac}"))
        .collect();
    let text = format!(
        "this machine has none of the context's NICs, so '{source}' may be the CD of another VM or cloud: it has {}; {}",
        wanted.join(", "),
        inventory.listed()
    );
    Finding::problem("other-vm", text)
}
