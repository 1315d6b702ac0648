//! Decides which files of earlier runs are kept.

use std::collections::{BTreeMap, BTreeSet};

use hwaddr::{InterfaceName, Key};

use super::NicId;
use super::outcome::{DummyNic, Outcome, Plan, PlannedNic};
use crate::inventory::Inventory;

impl Plan {
    /// Returns the recorded NICs that the context still describes although this run does not configure them: their files are
    /// kept. `recorded` are the NICs in the state record, each with the device that its files were written for.
    pub fn keep<'a>(
        &self,
        recorded: impl IntoIterator<Item = (&'a NicId, &'a InterfaceName)>,
        inventory: &Inventory,
    ) -> BTreeSet<NicId> {
        let planned = Planned::new(self, inventory);
        recorded
            .into_iter()
            .filter(|(id, device)| planned.still_names(id, device))
            .map(|(id, _)| *id)
            .collect()
    }
}

/// A plan, indexed for lookups of recorded NICs.
struct Planned<'a> {
    plan: &'a Plan,
    inventory: &'a Inventory,
    /// By the ID without its address: the number identifies the NIC.
    by_number: BTreeMap<NicId, &'a PlannedNic>,
    by_device: BTreeMap<&'a InterfaceName, Vec<&'a PlannedNic>>,
    dummies: BTreeMap<NicId, &'a DummyNic>,
    dummies_by_name: BTreeMap<&'a InterfaceName, Vec<&'a DummyNic>>,
    dummy_keys: BTreeSet<Key>,
    /// Whether the files of any NIC are kept.
    any_stays: bool,
}

impl<'a> Planned<'a> {
    fn new(plan: &'a Plan, inventory: &'a Inventory) -> Self {
        let mut planned = Self {
            plan,
            inventory,
            by_number: BTreeMap::new(),
            by_device: BTreeMap::new(),
            dummies: BTreeMap::new(),
            dummies_by_name: BTreeMap::new(),
            dummy_keys: plan.dummies.iter().map(|dummy| dummy.mac.key()).collect(),
            any_stays: plan.nics.iter().any(stays),
        };
        for nic in &plan.nics {
            planned.by_number.entry(nic.id.bare()).or_insert(nic);
            if let Some(device) = &nic.device {
                planned.by_device.entry(&device.name).or_default().push(nic);
            }
        }
        for dummy in &plan.dummies {
            planned.dummies.entry(dummy.id()).or_insert(dummy);
            let same_name = planned.dummies_by_name.entry(&dummy.name);
            same_name.or_default().push(dummy);
        }
        planned
    }

    /// Whether the device belongs to another NIC now, to which files with its name would apply. While udev may still rename the
    /// device, it belongs to no NIC.
    fn is_anothers(&self, id: &NicId, device: &InterfaceName) -> bool {
        let may_change = || self.inventory.by_name(device).is_some_and(|nic| !nic.ready);
        let nics = self.by_device.get(device).into_iter().flatten();
        let dummies = self.dummies_by_name.get(device).into_iter().flatten();
        (nics.into_iter().any(|nic| !nic.id.is_same(id))
            || dummies.into_iter().any(|dummy| dummy.id() != *id))
            && !may_change()
    }

    fn still_names(&self, id: &NicId, device: &InterfaceName) -> bool {
        if *id == NicId::NameServers {
            return self.any_stays;
        }
        if self.is_anothers(id, device) {
            return false;
        }
        if self.inventory.is_unreadable(device) {
            return true;
        }
        match self.by_number.get(&id.bare()) {
            Some(nic) if nic.id == *id => return stays(nic),
            Some(nic) if nic.id.is_same(id) && stays(nic) => return true,
            _ => {}
        }
        if let Some(dummy) = self.dummies.get(id) {
            return !dummy.ready;
        }
        match (&self.plan.keys, id) {
            // The file is named after the device, too: it is removed when another device has that name, or when the NIC has
            // another dummy NIC.
            (Some(keys), NicId::Dummy(dummy)) => {
                keys.contains(&dummy.key())
                    && self.inventory.by_name(device).is_none_or(|nic| !nic.ready)
                    && !self.dummy_keys.contains(&dummy.key())
            }
            // Without all keys, these NICs cannot be identified: an absent device may be late or gone, so nothing is removed.
            (None, NicId::Ib(..) | NicId::Dummy(_)) => true,
            (None, NicId::Mac(_)) => self.plan.decodes_macs,
            _ => false,
        }
    }
}

/// Whether the files of a NIC are kept unchanged.
fn stays(nic: &PlannedNic) -> bool {
    matches!(nic.outcome, Outcome::Absent(_) | Outcome::Refused(_))
}
