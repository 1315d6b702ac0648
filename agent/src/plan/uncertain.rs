//! NICs that cannot be configured now: their device does not carry addresses, or cannot be identified.

use super::outcome::{Outcome, PlannedNic};
use crate::inventory::{Inventory, Nic};

/// Marks ports of a bond, a bridge or a failover pair as absent: the device above them carries the addresses.
pub(super) fn leave_ports(nics: &mut [PlannedNic], inventory: &Inventory) {
    let master = |nic: &PlannedNic| {
        let device = &nic.device.as_ref()?.name;
        Some((device.clone(), inventory.by_name(device)?.master.clone()?))
    };
    for nic in nics {
        if let (Outcome::Configure(_), Some((device, master))) = (&nic.outcome, master(nic)) {
            nic.outcome = Outcome::Absent(format!(
                "'{device}' is a port of '{master}', which carries its addresses"
            ));
        }
    }
}

/// Marks NICs without a device as absent while any device is unreadable, because that device may be theirs.
pub(super) fn await_reading(
    nics: &mut [PlannedNic],
    inventory: &Inventory,
    notes: &mut Vec<String>,
) {
    if inventory.unreadable.is_empty() {
        return;
    }
    let unread = inventory.unreadable.iter();
    notes.extend(
        unread
            .clone()
            .map(|device| format!("'{}' cannot be identified: {}", device.name, device.reason)),
    );
    let names: Vec<String> = unread.map(|device| format!("'{}'", device.name)).collect();
    let why = format!(
        "its device may be {}, which cannot be read",
        names.join(" or ")
    );
    let is_here = |nic: &PlannedNic| {
        let device = nic.device.as_ref();
        device.is_some_and(|device| device.matched_by.is_present())
    };
    for nic in nics {
        let is_open = matches!(nic.outcome, Outcome::Configure(_) | Outcome::Absent(_));
        if is_open && !is_here(nic) {
            nic.outcome = Outcome::Absent(why.clone());
        }
    }
}

/// Sorts devices that carry addresses before ports of others: a failover pair has three devices with one MAC.
pub(super) fn ports_last(nics: &mut [&Nic]) {
    nics.sort_by_key(|nic| nic.master.is_some());
}
