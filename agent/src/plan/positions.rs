//! InfiniBand: the positions, and the device of each.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use hwaddr::{DummyMac, DummyPrefix, InterfaceName, Key};

use super::context_nics::ContextNics;
use super::outcome::{Device, DummyNic, MatchedBy};
use super::pairing;
use super::port_number::PortNumber;
use crate::inventory::{Inventory, Nic};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) number: u8,
    pub(super) key: Key,
    /// All keys claimed for the position; more than one is a conflict.
    pub(super) keys: BTreeSet<Key>,
    pub(super) place: PositionState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PositionState {
    /// The device is known.
    Here(Device),
    /// The device is known, but udev has not finished it.
    Unready(InterfaceName),
    /// The device has not appeared yet.
    Open,
    /// The position has no device, because two claims conflict.
    Contradicted(String),
}

/// An InfiniBand device whose GUID contains a dummy MAC of this VM.
pub(super) struct Claim<'a> {
    nic: &'a Nic,
    dummy: DummyMac,
}

/// The devices that may have a position: InfiniBand ports that no PCI address claims, in order.
pub(super) fn candidates<'a>(inventory: &'a Inventory, described: &ContextNics) -> Vec<&'a Nic> {
    inventory
        .nics
        .iter()
        .filter(|nic| nic.is_infiniband() && !described.has_pci_device(nic.pci))
        .collect()
}

/// The claims in port GUIDs.
pub(super) fn claims<'a>(
    candidates: &[&'a Nic],
    described: &ContextNics,
    prefix: DummyPrefix,
) -> Vec<Claim<'a>> {
    let claim = |nic: &&'a Nic| {
        let dummy = DummyMac::from_guid(nic.guid()?, prefix)?;
        described
            .may_have_key(dummy.key())
            .then_some(Claim { nic, dummy })
    };
    candidates.iter().filter_map(claim).collect()
}

/// The positions that GUIDs claim.
pub(super) fn claimed(claims: &[Claim]) -> BTreeSet<u8> {
    claims.iter().map(|claim| claim.dummy.position()).collect()
}

/// Finds the device of each position: by GUID, else by order, else by rank. Only GUIDs are used while any device is unreadable.
pub(super) fn positions(
    candidates: &[&Nic],
    claims: &[Claim],
    dummies: &[DummyNic],
    all_are_read: bool,
    port_of: &dyn Fn(u8) -> Option<PortNumber>,
    notes: &mut Vec<String>,
) -> Vec<Position> {
    let wanted = wanted(claims, dummies);
    let unclaimed: Vec<&Nic> = candidates
        .iter()
        .filter(|nic| !claims.iter().any(|claim| claim.nic.name == nic.name))
        .copied()
        .collect();
    let is_open = |number: &u8| !claims.iter().any(|claim| claim.dummy.position() == *number);
    let open: Vec<u8> = wanted.keys().copied().filter(is_open).collect();
    let ethernet: BTreeSet<u8> = dummies
        .iter()
        .filter(|dummy| dummy.is_marker)
        .map(|dummy| dummy.mac.position())
        .collect();
    let paired = if all_are_read {
        pairing::pair(&open, &ethernet, candidates, &unclaimed)
    } else {
        BTreeMap::new()
    };
    let mut positions = Vec::new();
    for (&number, keys) in &wanted {
        let place = if let Some(why) = contradiction(number, claims, dummies) {
            PositionState::Contradicted(why)
        } else if let Some(claim) = claims.iter().find(|claim| claim.dummy.position() == number) {
            let others = claims.iter().filter(|other| {
                other.dummy.position() == number && other.nic.name != claim.nic.name
            });
            notes.extend(others.map(|other| {
                format!(
                    "'{}' has the same position and key in its GUID as '{}', so it is not managed",
                    other.nic.name, claim.nic.name
                )
            }));
            place(claim.nic, MatchedBy::Guid(claim.dummy))
        } else if let Some((nic, matched_by)) = paired.get(&number) {
            match pairing::port(number, nic, candidates, port_of(number), notes) {
                Ok(nic) => place(nic, matched_by.clone()),
                Err(why) => PositionState::Contradicted(why),
            }
        } else {
            PositionState::Open
        };
        positions.extend(keys.first().map(|&key| Position {
            number,
            key,
            keys: keys.clone(),
            place,
        }));
    }
    positions
}

/// All positions, each with the keys claimed for it.
fn wanted(claims: &[Claim], dummies: &[DummyNic]) -> BTreeMap<u8, BTreeSet<Key>> {
    let from_guids = claims.iter().map(|claim| claim.dummy);
    let from_dummies = dummies
        .iter()
        .filter(|dummy| !dummy.is_marker)
        .map(|dummy| dummy.mac);
    let mut wanted = BTreeMap::<u8, BTreeSet<Key>>::new();
    for dummy in from_guids.chain(from_dummies) {
        wanted
            .entry(dummy.position())
            .or_default()
            .insert(dummy.key());
    }
    wanted
}

/// Why the NIC of a position is ambiguous: two keys are claimed for it.
fn contradiction(number: u8, claims: &[Claim], dummies: &[DummyNic]) -> Option<String> {
    let by_guid = claims
        .iter()
        .filter(|claim| claim.dummy.position() == number);
    let by_dummy = dummies
        .iter()
        .filter(|dummy| !dummy.is_marker && dummy.mac.position() == number);
    let mut claims: Vec<(Key, String)> = by_guid
        .map(|claim| {
            (
                claim.dummy.key(),
                format!(
                    "the GUID of '{}' says {}",
                    claim.nic.name,
                    claim.dummy.key()
                ),
            )
        })
        .chain(by_dummy.map(|dummy| {
            (
                dummy.mac.key(),
                format!("dummy NIC '{}' says {}", dummy.name, dummy.mac.key()),
            )
        }))
        .collect();
    claims.sort();
    let contradicts = claims.iter().any(|(key, _)| *key != claims[0].0);
    let said: Vec<String> = claims.into_iter().map(|(_, said)| said).collect();
    contradicts.then(|| {
        format!(
            "position {number} is claimed with different keys: {}",
            said.join(", ")
        )
    })
}

fn place(nic: &Nic, matched_by: MatchedBy) -> PositionState {
    if nic.ready {
        PositionState::Here(Device {
            name: nic.name.clone(),
            matched_by,
        })
    } else {
        PositionState::Unready(nic.name.clone())
    }
}

/// The name that the scripts of 2013 used: `ib` and the position.
pub(super) fn assumed_name(number: u8) -> Option<InterfaceName> {
    InterfaceName::from_str(&format!("ib{number}")).ok()
}
