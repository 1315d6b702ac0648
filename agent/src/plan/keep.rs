//! Which files of earlier runs stay.

use std::collections::BTreeSet;

use hwaddr::{DummyMac, InterfaceName};

use super::NicId;
use super::outcome::{Outcome, Plan, PlannedNic};
use crate::inventory::Inventory;

impl Plan {
    /// The recorded NICs that the context still names although this run does not configure them:
    /// their files stay. `recorded` are the NICs of the state record, each with the device that its files were written for.
    pub fn keep<'a>(
        &self,
        recorded: impl IntoIterator<Item = (&'a NicId, &'a InterfaceName)>,
        inventory: &Inventory,
    ) -> BTreeSet<NicId> {
        recorded
            .into_iter()
            .filter(|(id, device)| self.still_names(id, device, inventory))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Whether a device is another NIC's now, whatever becomes of that: files for it would speak of that one. A name that udev
    /// may still change is nobody's.
    fn is_anothers(&self, id: &NicId, device: &InterfaceName, inventory: &Inventory) -> bool {
        let may_change = || inventory.by_name(device).is_some_and(|nic| !nic.ready);
        let has_it = |nic: &PlannedNic| nic.device.as_ref().is_some_and(|own| own.name == *device);
        let mut nics = self.nics.iter().filter(|nic| !is_same(&nic.id, id));
        let mut dummies = self.dummies.iter().filter(|dummy| dummy.id() != *id);
        (nics.any(has_it) || dummies.any(|dummy| dummy.name == *device)) && !may_change()
    }

    fn still_names(&self, id: &NicId, device: &InterfaceName, inventory: &Inventory) -> bool {
        let stays =
            |nic: &PlannedNic| matches!(nic.outcome, Outcome::Absent(_) | Outcome::Refused(_));
        if *id == NicId::name_servers() {
            return self.nics.iter().any(stays);
        }
        if self.is_anothers(id, device, inventory) {
            return false;
        }
        if inventory.is_unreadable(device) {
            return true;
        }
        if let Some(nic) = self.nics.iter().find(|nic| &nic.id == id) {
            return stays(nic);
        }
        if self
            .nics
            .iter()
            .any(|nic| stays(nic) && is_same(&nic.id, id))
        {
            return true;
        }
        if let Some(dummy) = self.dummies.iter().find(|dummy| &dummy.id() == id) {
            return !dummy.ready;
        }
        let dummy = id
            .as_str()
            .strip_prefix("DUMMY/")
            .and_then(|mac| mac.parse::<DummyMac>().ok());
        match (&self.keys, dummy) {
            // Its file speaks of its name as well: it goes once that is another device's, or once the NIC has another dummy.
            (Some(keys), Some(dummy)) => {
                keys.contains(&dummy.key())
                    && inventory.by_name(device).is_none_or(|nic| !nic.ready)
                    && !self
                        .dummies
                        .iter()
                        .any(|here| here.mac.key() == dummy.key())
            }
            (Some(_), None) => false,
            // A context that does not tell all keys names these NICs by nothing, so that an absent
            // device cannot be told from a NIC that is gone; nothing is removed then.
            (None, _) => {
                let of_kind = |kind| id.as_str().starts_with(kind);
                of_kind("IB") || of_kind("DUMMY/") || (self.decodes_macs && of_kind("MAC/"))
            }
        }
    }
}

/// The same NIC, be it under the id that another release, or a value that cannot be read, gives it.
fn is_same(nic: &NicId, recorded: &NicId) -> bool {
    let (number, rest) = split(nic);
    let (recorded, recorded_rest) = split(recorded);
    number == recorded && (rest == recorded_rest || rest.is_none() || recorded_rest.is_none())
}

/// `ETH1` and, where it is there, what follows it: a MAC, a PCI address, a key.
fn split(id: &NicId) -> (&str, Option<&str>) {
    let (number, rest) = id.as_str().split_once('/').unwrap_or((id.as_str(), ""));
    (number, Some(rest).filter(|rest| !rest.is_empty()))
}
