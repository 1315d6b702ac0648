//! Pairs positions with InfiniBand devices that are not identified by a GUID.
//!
//! A VF may have several ports, as with ConnectX-3: the position identifies the VF, but no dummy NIC identifies the port.
//!
//! ```text
//! 0000:05:00.1  ib0 (port 1)  ib1 (port 2)     position 0; its network may be on either port
//! 0000:05:00.2  ib2 (port 1)  ib3 (port 2)     position 1
//! ```
//! A port GUID that the host set identifies the port; with a card that rejects GUIDs, `IB<N>_PORT` does.

use std::collections::{BTreeMap, BTreeSet};

use super::outcome::MatchedBy;
use super::port_number::PortNumber;
use crate::inventory::Nic;

/// Pairs open positions with VFs or, if there are too few VFs or each has one port, with devices. `ethernet` are the positions
/// that are known to be Ethernet; `unclaimed` are the devices among `all` that are not identified by a GUID.
pub(super) fn pair<'a>(
    open: &[u8],
    ethernet: &BTreeSet<u8>,
    all: &[&'a Nic],
    unclaimed: &[&'a Nic],
) -> BTreeMap<u8, (&'a Nic, MatchedBy)> {
    by_function(open, ethernet, all, unclaimed)
        .unwrap_or_else(|| by_place(open, ethernet, all, unclaimed))
}

/// Pairs open positions with devices that no GUID identifies, if no guess is needed.
///
/// The place of a position is the number of InfiniBand positions that may precede it: the position itself, minus the positions
/// below it that are known to be Ethernet. If there are enough devices for the places of all open positions, each gets the device
/// at its place, counting devices identified by a GUID. Otherwise, if there are as many open positions as remaining devices, they
/// are paired in order: a VM with an Ethernet and an InfiniBand SR-IOV NIC has InfiniBand position 1 and one device, whether or
/// not the Ethernet device has appeared yet.
fn by_place<'a>(
    open: &[u8],
    ethernet: &BTreeSet<u8>,
    all: &[&'a Nic],
    unclaimed: &[&'a Nic],
) -> BTreeMap<u8, (&'a Nic, MatchedBy)> {
    let nth = |&number: &u8| {
        let place = usize::from(number) - ethernet.range(..number).count();
        let nic = *all.get(place)?;
        let is_free = unclaimed.iter().any(|free| free.name == nic.name);
        is_free.then_some((number, (nic, MatchedBy::Order)))
    };
    if let Some(paired) = open.iter().map(nth).collect() {
        return paired;
    }
    if open.len() != unclaimed.len() {
        return BTreeMap::new();
    }
    open.iter()
        .zip(unclaimed)
        .map(|(&number, &nic)| (number, (nic, MatchedBy::Rank)))
        .collect()
}

/// Pairs open positions with whole VFs, each represented by its first port, as [`by_place`] does with devices. Returns `None` if
/// each device has its own VF, or if there are fewer VFs than positions.
fn by_function<'a>(
    open: &[u8],
    ethernet: &BTreeSet<u8>,
    all: &[&'a Nic],
    unclaimed: &[&'a Nic],
) -> Option<BTreeMap<u8, (&'a Nic, MatchedBy)>> {
    let firsts = |nics: &[&'a Nic]| -> Vec<&'a Nic> {
        let mut firsts: Vec<&Nic> = Vec::new();
        for nic in nics {
            if !firsts.iter().any(|first| is_one_function(first, nic)) {
                firsts.push(nic);
            }
        }
        firsts
    };
    let of_all = firsts(all);
    if of_all.len() == all.len() {
        return None;
    }
    // A VF with a claimed port belongs to that claim.
    let is_free = |first: &&Nic| {
        let mut ports = all.iter().filter(|nic| is_one_function(first, nic));
        ports.all(|port| unclaimed.iter().any(|free| free.name == port.name))
    };
    let free: Vec<&Nic> = of_all
        .iter()
        .filter(|first| is_free(first))
        .copied()
        .collect();
    let paired = by_place(open, ethernet, &of_all, &free);
    (paired.len() == open.len()).then_some(paired)
}

/// Chooses the port of a position on the VF that it was paired with.
pub(super) fn port<'a>(
    position: u8,
    paired: &'a Nic,
    all: &[&'a Nic],
    wanted: Option<PortNumber>,
    notes: &mut Vec<String>,
) -> Result<&'a Nic, String> {
    let ports = all.iter().filter(|nic| is_one_function(paired, nic));
    let ports: Vec<&Nic> = ports.copied().collect();
    if ports.len() < 2 {
        return Ok(paired);
    }
    let names: Vec<String> = ports.iter().map(|nic| format!("'{}'", nic.name)).collect();
    let names = names.join(", ");
    if let Some(wanted) = wanted {
        let port = ports.iter().find(|nic| wanted.is_port(nic.port));
        return port.copied().ok_or_else(|| {
            format!("IB{position}_PORT is {wanted}, but its VF has other ports: {names}")
        });
    }
    notes.push(format!(
        "position {position} is a VF with {} ports ({names}), and its dummy NIC does not show which port its network is on; '{}' is used; set IB{position}_PORT to use another",
        ports.len(),
        paired.name
    ));
    Ok(paired)
}

fn is_one_function(a: &Nic, b: &Nic) -> bool {
    a.name == b.name || (a.pci.is_some() && a.pci == b.pci)
}
