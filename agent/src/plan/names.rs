//! Rejects device names that the kernel does not accept, or that two NICs would share.

use std::collections::BTreeMap;

use hwaddr::InterfaceName;

use super::outcome::{DummyNic, MatchedBy, Outcome, PlannedNic};
use crate::inventory::Inventory;

/// Refuses NICs whose child would have too long a name for the kernel: the parent's name with the P_Key or VLAN appended.
pub(super) fn refuse_long_children(nics: &mut [PlannedNic]) {
    for nic in nics {
        let (Outcome::Configure(config), Some(device)) = (&nic.outcome, &nic.device) else {
            continue;
        };
        if let Some(child) = config.child()
            && child.name(&device.name).is_none()
        {
            let why = format!(
                "'{}' is too long a name for a child interface of {child}",
                device.name
            );
            nic.outcome = Outcome::Refused(vec![why]);
        }
    }
}

/// Prevents two NICs from getting a file for the same name: the NIC whose device exists keeps the name. A position never assumes
/// the name of an existing device: it was not paired with that device, which may belong to another NIC.
pub(super) fn forbid_shared_names(
    nics: &mut [PlannedNic],
    dummies: &[DummyNic],
    inventory: &Inventory,
) {
    let mut taken: BTreeMap<InterfaceName, String> = dummies
        .iter()
        .map(|dummy| (dummy.name.clone(), format!("a dummy NIC ({})", dummy.mac)))
        .collect();
    let is_present = |nic: &PlannedNic| {
        nic.device
            .as_ref()
            .is_some_and(|device| device.matched_by.is_present())
    };
    // The device of a present NIC belongs to that NIC, whatever its outcome.
    let present: BTreeMap<InterfaceName, String> = nics
        .iter()
        .filter(|nic| is_present(nic))
        .filter_map(|nic| Some((nic.device.as_ref()?.name.clone(), nic.label().into_owned())))
        .collect();
    let mut order: Vec<usize> = (0..nics.len()).collect();
    order.sort_by_key(|&index| !is_present(&nics[index]));
    for index in order {
        let nic = &mut nics[index];
        if !matches!(nic.outcome, Outcome::Configure(_)) {
            continue;
        }
        let Some(device) = &nic.device else { continue };
        if let Some(owner) = taken.get(&device.name) {
            let why = format!("'{}' is {owner}", device.name);
            nic.outcome = if is_present(nic) {
                Outcome::Refused(vec![why])
            } else {
                Outcome::Absent(why)
            };
        } else if device.matched_by == MatchedBy::Assumed
            && inventory.by_name(&device.name).is_some()
        {
            nic.outcome = Outcome::Absent(match present.get(&device.name) {
                Some(owner) => format!("'{}' is {owner}", device.name),
                None => format!(
                    "the position of '{}' cannot be identified before all devices have appeared",
                    device.name
                ),
            });
        } else {
            taken.insert(device.name.clone(), nic.label().into_owned());
        }
    }
}
