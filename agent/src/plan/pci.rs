//! PCI NICs: `PCI<k>`.
//!
//! ```text
//! PCI0_ADDRESS='01:01.0'              the address in the guest, without a domain
//! PCI0_MAC='02:00:0a:09:00:05'        Ethernet: the MAC of the VF; InfiniBand: the end of its port GUID
//! ```

use std::collections::BTreeMap;

use hwaddr::{DummyMac, DummyPrefix, Key, MacAddress};

use super::context_nics::{ContextNics, ContextPciNic};
use super::outcome::{MatchedBy, Outcome, PlannedNic};
use super::planned::present;
use super::port_number::PortNumber;
use super::source::ValueSource;
use super::{NicId, not_found, uncertain};
use crate::inventory::{Inventory, Nic};

/// The device of each `PCI<k>` that was matched.
pub(super) type Matched<'a> = BTreeMap<u32, (&'a Nic, MatchedBy)>;

/// Whether the device was matched to a NIC.
pub(super) fn has(matched: &Matched, nic: &Nic) -> bool {
    matched.values().any(|(other, _)| other.name == nic.name)
}

/// The devices that may belong to a `PCI<k>`.
pub(super) struct PciCandidates<'a, 'b> {
    pub(super) inventory: &'a Inventory,
    pub(super) prefix: DummyPrefix,
    /// Devices that are at no PCI address of the context.
    pub(super) ethernet: &'b [&'a Nic],
    pub(super) infiniband: &'b [&'a Nic],
    /// Devices that were matched to an `ETH<k>`.
    pub(super) taken: &'b Matched<'a>,
}

impl<'a> PciCandidates<'a, '_> {
    /// Finds the device of each `PCI<k>`: by PCI address, else by the key of `PCI<k>_MAC` in a port GUID, else by the MAC itself.
    pub(super) fn matched(&self, described: &ContextNics) -> Matched<'a> {
        let nics = described.pci.iter().filter(|(_, pci)| pci.is_nic);
        let (mut matched, mut others) = (Matched::new(), Vec::new());
        for (&index, pci) in nics {
            match self.at_address(pci) {
                Some(nic) => {
                    matched.insert(index, (nic, MatchedBy::Pci));
                }
                None => others.push((index, pci)),
            }
        }
        for (index, pci) in others {
            let mac = pci.mac.filter(|_| pci.bad_address.is_none());
            let found = mac.and_then(|mac| {
                // If an `ETH<k>` has the key, the GUID identifies a position.
                let is_free = described.with_key(Key::from(mac)).is_empty();
                let by_guid = || self.by_guid(Key::from(mac), &matched);
                is_free
                    .then(by_guid)
                    .flatten()
                    .or_else(|| self.by_mac(mac, &matched))
            });
            matched.extend(found.map(|found| (index, found)));
        }
        matched
    }

    fn by_guid(&self, key: Key, matched: &Matched) -> Option<(&'a Nic, MatchedBy)> {
        let mut free = self.infiniband.iter().filter(|nic| !has(matched, nic));
        free.find_map(|nic| {
            let dummy = DummyMac::from_guid(nic.guid()?, self.prefix)?;
            (dummy.key() == key).then_some((*nic, MatchedBy::Guid(dummy)))
        })
    }

    fn by_mac(&self, mac: MacAddress, matched: &Matched) -> Option<(&'a Nic, MatchedBy)> {
        let mut ethernet = self.ethernet.iter();
        let nic = ethernet
            .find(|nic| nic.mac() == Some(mac) && !has(self.taken, nic) && !has(matched, nic))?;
        Some((*nic, MatchedBy::Mac))
    }

    /// Returns the device at the PCI address. If there are several ports, `PCI<k>_PORT` selects one; the default is the first.
    fn at_address(&self, pci: &ContextPciNic) -> Option<&'a Nic> {
        let is_port = |nic: &&Nic| nic.pci.is_some() && nic.pci == pci.address;
        let mut ports: Vec<&Nic> = self.inventory.nics.iter().filter(is_port).collect();
        uncertain::ports_last(&mut ports);
        let wanted = pci.port.number.and_then(|number| {
            let mut ports = ports.iter();
            ports.find(|nic| number.is_port(nic.port))
        });
        wanted.or(ports.first()).copied()
    }
}

/// Notes the other ports at the address of a device.
///
/// # Errors
/// If none of the ports has the wanted number.
fn check_port(
    index: u32,
    wanted: Option<PortNumber>,
    device: &Nic,
    inventory: &Inventory,
    notes: &mut Vec<String>,
) -> Result<(), String> {
    let is_other =
        |nic: &&Nic| nic.pci == device.pci && nic.name != device.name && nic.master.is_none();
    let others: Vec<&Nic> = inventory.nics.iter().filter(is_other).collect();
    match wanted {
        None => notes.extend(others.iter().map(|other| {
            format!(
                "'{}' is another port at the PCI address of PCI{index}; '{}' is used; set PCI{index}_PORT to use the other",
                other.name, device.name
            )
        })),
        Some(wanted) if !wanted.is_port(device.port) && !others.is_empty() => {
            let ports = [&[device], others.as_slice()].concat();
            let names: Vec<String> = ports.iter().map(|nic| format!("'{}'", nic.name)).collect();
            let names = names.join(", ");
            return Err(format!(
                "PCI{index}_PORT is {wanted}, but its device has other ports: {names}"
            ));
        }
        Some(_) => {}
    }
    Ok(())
}

pub(super) fn plan(
    index: u32,
    pci: &ContextPciNic,
    matched: Option<&(&Nic, MatchedBy)>,
    source: ValueSource,
    notes: &mut Vec<String>,
) -> PlannedNic {
    let id = NicId::Pci(index, pci.address);
    let Some((device, matched_by)) = matched else {
        let outcome = match &pci.bad_address {
            Some(problem) => Outcome::refused(std::slice::from_ref(problem)),
            None => Outcome::Absent(not_found::by_pci(pci.address, pci.mac, source.inventory)),
        };
        return PlannedNic {
            outcome,
            ..PlannedNic::new(id, source.layers)
        };
    };
    if *matched_by == MatchedBy::Pci
        && let Err(problem) = check_port(index, pci.port.number, device, source.inventory, notes)
    {
        return PlannedNic {
            outcome: Outcome::Refused(vec![problem]),
            ..PlannedNic::new(id, source.layers)
        };
    }
    let source = ValueSource {
        tags: true,
        infiniband: device.is_infiniband(),
        device: Some(&device.name),
        ..source
    };
    let mut nic = present(id, &source, device, matched_by.clone(), notes);
    nic.leave_out(pci.port.bad.clone());
    nic
}
