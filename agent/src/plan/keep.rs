//! Which files of earlier runs stay.

use std::collections::{BTreeMap, BTreeSet};

use hwaddr::{DummyMac, InterfaceName, Key};

use super::NicId;
use super::outcome::{DummyNic, Outcome, Plan, PlannedNic};
use crate::inventory::Inventory;

impl Plan {
    /// The recorded NICs that the context still names although this run does not configure them:
    /// their files stay. `recorded` are the NICs of the state record, each with the device that its files were written for.
    pub fn keep<'a>(
        &self,
        recorded: impl IntoIterator<Item = (&'a NicId, &'a InterfaceName)>,
        inventory: &Inventory,
    ) -> BTreeSet<NicId> {
        let planned = Planned::new(self, inventory);
        recorded
            .into_iter()
            .filter(|(id, device)| planned.still_names(id, device))
            .map(|(id, _)| id.clone())
            .collect()
    }
}

/// A plan as its recorded NICs look it up: a VM with many NICs has as many recorded ones.
struct Planned<'a> {
    plan: &'a Plan,
    inventory: &'a Inventory,
    /// NICs by the number of their id: `ETH1`.
    by_number: BTreeMap<&'a str, Vec<&'a PlannedNic>>,
    by_device: BTreeMap<&'a InterfaceName, Vec<&'a PlannedNic>>,
    dummies: BTreeMap<NicId, &'a DummyNic>,
    dummies_by_name: BTreeMap<&'a InterfaceName, Vec<&'a DummyNic>>,
    dummy_keys: BTreeSet<Key>,
    /// Whether the files of any NIC stay.
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
            let same_number = planned.by_number.entry(split(&nic.id).0);
            same_number.or_default().push(nic);
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

    /// Whether a device is another NIC's now, whatever becomes of that: files for it would speak of that one. A name that udev
    /// may still change is nobody's.
    fn is_anothers(&self, id: &NicId, device: &InterfaceName) -> bool {
        let may_change = || self.inventory.by_name(device).is_some_and(|nic| !nic.ready);
        let nics = self.by_device.get(device).into_iter().flatten();
        let dummies = self.dummies_by_name.get(device).into_iter().flatten();
        (nics.into_iter().any(|nic| !is_same(&nic.id, id))
            || dummies.into_iter().any(|dummy| dummy.id() != *id))
            && !may_change()
    }

    fn still_names(&self, id: &NicId, device: &InterfaceName) -> bool {
        if *id == NicId::name_servers() {
            return self.any_stays;
        }
        if self.is_anothers(id, device) {
            return false;
        }
        if self.inventory.is_unreadable(device) {
            return true;
        }
        let same_number = self.by_number.get(split(id).0);
        let mut same_number = same_number.into_iter().flatten();
        if let Some(nic) = same_number.clone().find(|nic| &nic.id == id) {
            return stays(nic);
        }
        if same_number.any(|nic| stays(nic) && is_same(&nic.id, id)) {
            return true;
        }
        if let Some(dummy) = self.dummies.get(id) {
            return !dummy.ready;
        }
        let dummy = id
            .as_str()
            .strip_prefix("DUMMY/")
            .and_then(|mac| mac.parse::<DummyMac>().ok());
        match (&self.plan.keys, dummy) {
            // Its file speaks of its name as well: it goes once that is another device's, or once the NIC has another dummy.
            (Some(keys), Some(dummy)) => {
                keys.contains(&dummy.key())
                    && self.inventory.by_name(device).is_none_or(|nic| !nic.ready)
                    && !self.dummy_keys.contains(&dummy.key())
            }
            (Some(_), None) => false,
            // A context that does not tell all keys names these NICs by nothing, so that an absent
            // device cannot be told from a NIC that is gone; nothing is removed then.
            (None, _) => {
                let of_kind = |kind| id.as_str().starts_with(kind);
                of_kind("IB") || of_kind("DUMMY/") || (self.plan.decodes_macs && of_kind("MAC/"))
            }
        }
    }
}

/// Whether the files of a NIC stay as they are.
fn stays(nic: &PlannedNic) -> bool {
    matches!(nic.outcome, Outcome::Absent(_) | Outcome::Refused(_))
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
