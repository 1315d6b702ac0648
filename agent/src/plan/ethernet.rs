//! Ethernet: finds dummy NICs, the device of each `ETH<k>`, and dummy NICs that only mark an Ethernet NIC.

use std::collections::{BTreeMap, BTreeSet};

use hwaddr::{DummyMac, DummyPrefix, Key};

use super::context_nics::ContextNics;
use super::outcome::{DummyNic, MatchedBy};
use super::uncertain::ports_last;
use crate::inventory::{AddressOrigin, Inventory, Nic};

/// The first two octets of OpenNebula's MACs (the default `MAC_PREFIX` of `oned.conf`).
pub(super) const CLOUD_PREFIX: [u8; 2] = [0x02, 0x00];

/// Finds the dummy NICs in the inventory.
///
/// A dummy NIC is an Ethernet NIC with the prefix, a MAC that is not random, a key that the context knows, and no VF driver.
/// One in 64 random MACs of VFs starts with `AA`, and an administrator may give a plain NIC such a MAC: neither is a dummy NIC.
pub(super) fn dummies(
    inventory: &Inventory,
    described: &ContextNics,
    prefix: DummyPrefix,
) -> Vec<DummyNic> {
    let dummy = |nic: &Nic| {
        let mac = nic.mac()?;
        let dummy = DummyMac::from_mac(mac, prefix)?;
        let is_dummy = !nic.has_vf_driver()
            && nic.origin != AddressOrigin::Random
            && described.may_have_key(dummy.key())
            && !described.has_mac(mac)
            && !described.has_pci_nic(nic.pci);
        is_dummy.then(|| DummyNic {
            name: nic.name.clone(),
            mac: dummy,
            ready: nic.ready,
            is_marker: false,
        })
    };
    inventory.nics.iter().filter_map(dummy).collect()
}

/// The Ethernet devices that may belong to an `ETH<k>`: neither dummy NICs, nor claimed by a PCI address.
pub(super) fn candidates<'a>(
    inventory: &'a Inventory,
    described: &ContextNics,
    dummies: &[DummyNic],
) -> Vec<&'a Nic> {
    let is_candidate = |nic: &&Nic| {
        nic.mac().is_some()
            && !described.has_pci_nic(nic.pci)
            && !dummies.iter().any(|dummy| dummy.name == nic.name)
    };
    let mut candidates = inventory
        .nics
        .iter()
        .filter(is_candidate)
        .collect::<Vec<_>>();
    ports_last(&mut candidates);
    candidates
}

/// Finds the device of each `ETH<k>` by its MAC or, in contexts without MACs, by the address in the MAC.
///
/// Two networks may assign the same MAC; then NICs and devices are paired in order.
pub(super) fn by_mac<'a>(
    described: &ContextNics,
    candidates: &[&'a Nic],
    notes: &mut Vec<String>,
) -> BTreeMap<u32, (&'a Nic, MatchedBy)> {
    let mut found = BTreeMap::new();
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    for (&index, nic) in &described.eth {
        let matched_by = if described.has_macs {
            MatchedBy::Mac
        } else {
            MatchedBy::AddressInMac
        };
        let is_it = |device: &&&Nic| {
            let mac = device.mac();
            let same = if described.has_macs {
                nic.mac.is_some() && mac == nic.mac
            } else {
                nic.ip.is_some() && mac.map(Key::from) == nic.ip.map(Key::from)
            };
            same && !taken.contains(device.name.as_str())
        };
        if let Some(device) = candidates.iter().find(is_it) {
            taken.insert(device.name.as_str());
            found.insert(index, (*device, matched_by));
        }
    }
    for device in candidates.iter().filter(|device| device.master.is_none()) {
        let mac = device
            .mac()
            .filter(|mac| described.has_mac(*mac) && !taken.contains(device.name.as_str()));
        if let Some(mac) = mac {
            notes.push(format!(
                "'{}' also has the MAC {mac}, but only one NIC of the context has it, so it is not managed",
                device.name
            ));
        }
    }
    found
}

/// Marks the dummy NICs that only accompany an Ethernet VF, which is found by its own MAC.
///
/// Per key: if E NICs of the context share D dummy NICs, then E - D NICs have no dummy NIC; all further NICs that were found by
/// MAC are VFs with a dummy NIC. Positions in `infiniband` are excluded.
pub(super) fn mark_markers(
    dummies: &mut [DummyNic],
    described: &ContextNics,
    candidates: &[&Nic],
    by_mac: &BTreeMap<u32, (&Nic, MatchedBy)>,
    infiniband: &BTreeSet<u8>,
) {
    let keys: BTreeSet<Key> = dummies.iter().map(|dummy| dummy.mac.key()).collect();
    for key in keys {
        let nics = described.with_key(key);
        let mut here: Vec<&mut DummyNic> = dummies
            .iter_mut()
            .filter(|dummy| dummy.mac.key() == key)
            .collect();
        let found = if nics.is_empty() {
            candidates
                .iter()
                .filter(|nic| nic.master.is_none() && nic.mac().map(Key::from) == Some(key))
                .count()
        } else {
            nics.iter()
                .filter(|index| by_mac.contains_key(index))
                .count()
        };
        let without_dummy = nics.len().saturating_sub(here.len());
        here.sort_by_key(|dummy| dummy.mac.position());
        let may_be = here
            .into_iter()
            .filter(|dummy| !infiniband.contains(&dummy.mac.position()));
        for dummy in may_be.take(found.saturating_sub(without_dummy)) {
            dummy.is_marker = true;
        }
    }
}

/// Finds the devices named `eth<k>`, in contexts without MACs, for NICs whose address is in no MAC.
pub(super) fn by_name<'a>(
    described: &ContextNics,
    candidates: &[&'a Nic],
    taken: &BTreeMap<u32, (&'a Nic, MatchedBy)>,
    positions: &BTreeSet<u32>,
) -> BTreeMap<u32, (&'a Nic, MatchedBy)> {
    let mut found = BTreeMap::new();
    if described.has_macs {
        return found;
    }
    let open = described
        .eth
        .keys()
        .filter(|index| !taken.contains_key(index) && !positions.contains(index));
    for &index in open {
        let name = format!("eth{index}");
        let is_free = |nic: &&&Nic| {
            nic.name.as_str() == name && !taken.values().any(|(other, _)| other.name == nic.name)
        };
        if let Some(device) = candidates.iter().find(is_free) {
            found.insert(index, (*device, MatchedBy::Name));
        }
    }
    found
}
