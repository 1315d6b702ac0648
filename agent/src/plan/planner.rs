//! Putting the steps of planning together.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use hwaddr::{InterfaceName, Key};

use super::context_nics::{ContextNics, EthNic};
use super::names::{forbid_shared_names, refuse_long_children};
use super::outcome::{Device, MatchedBy, Outcome, Plan, PlannedNic};
use super::positions::{self, Place, Position};
use super::read_config::{Source, read_config};
use super::values::Origin;
use super::{NicId, Role, Settings, ethernet, global, late, tokens, uncertain};
use crate::context::Context;
use crate::inventory::{Inventory, Nic};

/// A context and an inventory, to be brought together.
pub(super) struct Planner<'a> {
    context: &'a Context,
    inventory: &'a Inventory,
    settings: &'a Settings,
    described: ContextNics,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        context: &'a Context,
        inventory: &'a Inventory,
        settings: &'a Settings,
    ) -> Self {
        Self {
            context,
            inventory,
            settings,
            described: ContextNics::read(context),
        }
    }

    pub(super) fn plan(&self) -> Plan {
        let (described, inventory) = (&self.described, self.inventory);
        let mut notes = Vec::new();
        let mut dummies = ethernet::dummies(inventory, described, self.settings.prefix);
        let ethernet = ethernet::candidates(inventory, described, &dummies);
        let mut devices = ethernet::by_mac(described, &ethernet, &mut notes);
        let infiniband = positions::candidates(inventory, described);
        let claims = positions::claims(&infiniband, described, self.settings.prefix);
        ethernet::mark_markers(
            &mut dummies,
            described,
            &ethernet,
            &devices,
            &positions::claimed(&claims),
        );
        let positions = positions::positions(
            &infiniband,
            &claims,
            &dummies,
            inventory.unreadable.is_empty(),
            &mut notes,
        );
        let eth_of = self.eth_of_positions(&positions, &devices, &mut notes);
        let taken = eth_of.values().copied().collect();
        devices.extend(ethernet::by_name(described, &ethernet, &devices, &taken));

        let mut nics = Vec::new();
        for (&index, nic) in &described.eth {
            match devices.get(&index) {
                Some((device, matched_by)) => {
                    nics.push(self.ethernet(index, device, matched_by.clone()));
                }
                None if !taken.contains(&index) => {
                    nics.push(self.missing(index, nic, &positions));
                }
                None => {}
            }
        }
        nics.extend(
            positions
                .iter()
                .map(|position| self.position(position, eth_of.get(&position.number).copied())),
        );
        nics.extend(
            described
                .pci
                .keys()
                .filter_map(|&index| self.pci(index, &mut notes)),
        );
        if !described.describes_nics() {
            nics.extend(ethernet.iter().filter_map(|nic| self.by_cloud_mac(nic)));
        }
        self.note_idle_variables(&positions, &mut notes);
        refuse_long_children(&mut nics);
        forbid_shared_names(&mut nics, &dummies, inventory);
        let late = late::late(&nics, &dummies);
        let missing = late::missing(&nics);
        uncertain::leave_ports(&mut nics, inventory);
        uncertain::await_reading(&mut nics, inventory, &mut notes);
        global::hand_out(self.context, self.settings.role, &mut nics, &mut notes);
        Plan {
            late,
            missing,
            nics,
            dummies,
            notes,
            hands_off: false,
            keys: described.keys(),
        }
    }

    /// The `ETH<k>` of each position: the one with its key that no Ethernet device has taken.
    fn eth_of_positions(
        &self,
        positions: &[Position],
        devices: &BTreeMap<u32, (&Nic, MatchedBy)>,
        notes: &mut Vec<String>,
    ) -> BTreeMap<u8, u32> {
        let mut eth_of = BTreeMap::new();
        for key in positions
            .iter()
            .map(|position| position.key)
            .collect::<BTreeSet<Key>>()
        {
            let nics = self.described.with_key(key);
            let free: Vec<u32> = nics
                .iter()
                .copied()
                .filter(|index| !devices.contains_key(index))
                .collect();
            let here: Vec<u8> = positions
                .iter()
                .filter(|position| position.key == key)
                .map(|position| position.number)
                .collect();
            if nics.is_empty() {
                continue;
            }
            if nics.len() > 1 || here.len() > 1 {
                notes.push(format!(
                    "the key {key} belongs to {} of the context's NICs and to {} of the positions; they are paired in order",
                    nics.len(),
                    here.len()
                ));
            }
            for (rank, number) in here.into_iter().enumerate() {
                eth_of.extend(free.get(rank).map(|&index| (number, index)));
            }
        }
        eth_of
    }

    fn ethernet(&self, index: u32, device: &Nic, matched_by: MatchedBy) -> PlannedNic {
        let source = self.source(vec![format!("ETH{index}")], Some(index), false, None);
        let mut nic = present(self.described.eth_id(index), &source, device, matched_by);
        if self.settings.role == Role::Companion {
            nic.outcome = Outcome::LeftAlone("one-context configures plain Ethernet NICs".into());
        }
        nic
    }

    fn missing(&self, index: u32, nic: &EthNic, positions: &[Position]) -> PlannedNic {
        let key = nic.mac.map(Key::from);
        let is_its = |position: &&Position| key.is_some_and(|key| position.keys.contains(&key));
        let place = positions
            .iter()
            .find(is_its)
            .map(|position| &position.place);
        let outcome = match (&nic.bad_mac, place) {
            (Some(problem), _) => Outcome::refused(std::slice::from_ref(problem)),
            (None, Some(Place::Contradicted(why))) => Outcome::Refused(vec![why.clone()]),
            (None, _) => Outcome::Absent("no device has its MAC, and no position its key".into()),
        };
        PlannedNic {
            id: self.described.eth_id(index),
            variables: vec![format!("ETH{index}")],
            position: None,
            device: None,
            outcome,
            origins: Vec::new(),
        }
    }

    fn position(&self, position: &Position, eth: Option<u32>) -> PlannedNic {
        let number = position.number;
        let mut layers = Vec::new();
        if self.described.ib.contains(&u32::from(number)) {
            layers.push(format!("IB{number}"));
        }
        layers.extend(eth.map(|index| format!("ETH{index}")));
        let id = match eth {
            Some(index) => self.described.eth_id(index),
            None => NicId::new(format!("IB{number}/{}", position.key)),
        };
        // Where the context knows the key, its NICs have taken what it says: an address must not be
        // given out twice.
        let is_unknown = self.described.with_key(position.key).is_empty();
        let decoded = is_unknown
            .then(|| position.key.ipv4())
            .filter(|address| tokens::is_host4(*address));
        let device = match &position.place {
            Place::Here(device) => Some(device.clone()),
            Place::Open => self.name_of_absent(&id, number),
            Place::Unready(_) | Place::Contradicted(_) => None,
        };
        let mut nic = PlannedNic {
            id,
            variables: layers.clone(),
            position: Some(number),
            device,
            outcome: Outcome::Absent(String::new()),
            origins: Vec::new(),
        };
        nic.outcome = match &position.place {
            Place::Contradicted(why) => Outcome::Refused(vec![why.clone()]),
            Place::Unready(name) => Outcome::Absent(unready(name)),
            Place::Here(_) | Place::Open => {
                outcome(&self.source(layers, eth, true, decoded), &mut nic.origins)
            }
        };
        nic
    }

    /// The name to write for while no device is at a position: the one of an earlier run, unless it
    /// is another device's now.
    fn name_of_absent(&self, id: &NicId, number: u8) -> Option<Device> {
        let assumed = positions::assumed_name(number);
        let known = self.settings.known.get(id);
        match known.filter(|name| self.inventory.by_name(name).is_none()) {
            Some(name) if Some(name) != assumed.as_ref() => Some(Device {
                name: name.clone(),
                matched_by: MatchedBy::Remembered,
            }),
            _ => assumed.map(|name| Device {
                name,
                matched_by: MatchedBy::Assumed,
            }),
        }
    }

    fn pci(&self, index: u32, notes: &mut Vec<String>) -> Option<PlannedNic> {
        let pci = self.described.pci.get(&index).filter(|pci| pci.is_nic)?;
        let layers = vec![format!("PCI{index}")];
        let id = NicId::new(pci.address.map_or(format!("PCI{index}"), |address| {
            format!("PCI{index}/{address}")
        }));
        let at_address = |nic: &&Nic| nic.pci.is_some() && nic.pci == pci.address;
        let mut at_address: Vec<&Nic> = self.inventory.nics.iter().filter(at_address).collect();
        uncertain::ports_last(&mut at_address);
        if let Some((device, others)) = at_address.split_first() {
            let others = others.iter().filter(|other| other.master.is_none());
            notes.extend(others.map(|other| {
                format!(
                    "'{}' is another port at the PCI address of PCI{index}; '{}' is taken",
                    other.name, device.name
                )
            }));
            let source = Source {
                tags: true,
                ..self.source(layers, None, device.is_infiniband(), None)
            };
            return Some(present(id, &source, device, MatchedBy::Pci));
        }
        let outcome = match &pci.bad_address {
            Some(problem) => Outcome::refused(std::slice::from_ref(problem)),
            None => Outcome::Absent("no device has its PCI address".into()),
        };
        Some(PlannedNic {
            id,
            variables: layers,
            position: None,
            device: None,
            outcome,
            origins: Vec::new(),
        })
    }

    /// The oldest fall-back: the address in a MAC of OpenNebula's, a /24, `.1` as gateway of `eth0`.
    fn by_cloud_mac(&self, nic: &Nic) -> Option<PlannedNic> {
        let mac = nic.mac().filter(|mac| {
            nic.master.is_none() && mac.octets().starts_with(&ethernet::CLOUD_PREFIX)
        })?;
        let address = Some(Key::from(mac).ipv4()).filter(|address| tokens::is_host4(*address))?;
        let source = self.source(Vec::new(), None, false, Some(address));
        let id = NicId::new(format!("MAC/{mac}"));
        let mut planned = present(id, &source, nic, MatchedBy::MacPrefix);
        if let Outcome::Configure(config) = &mut planned.outcome {
            let [a, b, c, _] = address.octets();
            config.gateway4 = (nic.name.as_str() == "eth0").then_some(Ipv4Addr::new(a, b, c, 1));
        }
        if self.settings.role == Role::Companion {
            planned.outcome =
                Outcome::LeftAlone("one-context configures plain Ethernet NICs".into());
        }
        Some(planned)
    }

    fn source(
        &self,
        layers: Vec<String>,
        eth: Option<u32>,
        infiniband: bool,
        decoded: Option<Ipv4Addr>,
    ) -> Source<'_> {
        let eth = eth.and_then(|index| Some((index, self.described.eth.get(&index)?)));
        Source {
            context: self.context,
            layers,
            eth,
            infiniband,
            tags: false,
            decoded,
        }
    }

    /// `IB<N>_*` that nothing on this machine asks for.
    fn note_idle_variables(&self, positions: &[Position], notes: &mut Vec<String>) {
        let is_idle = |number: &&u32| {
            !positions
                .iter()
                .any(|position| u32::from(position.number) == **number)
        };
        notes.extend(self.described.ib.iter().filter(is_idle).map(|number| {
            format!(
                "IB{number}_* is set, but no dummy NIC and no port GUID names position {number}"
            )
        }));
    }
}

/// A NIC whose device is here.
fn present(id: NicId, source: &Source, device: &Nic, matched_by: MatchedBy) -> PlannedNic {
    let mut nic = PlannedNic {
        id,
        variables: source.layers.clone(),
        position: None,
        device: Some(Device {
            name: device.name.clone(),
            matched_by,
        }),
        outcome: Outcome::Absent(unready(&device.name)),
        origins: Vec::new(),
    };
    if device.ready {
        nic.outcome = outcome(source, &mut nic.origins);
    }
    nic
}

/// What becomes of a NIC whose device is known.
fn outcome(source: &Source, origins: &mut Vec<Origin>) -> Outcome {
    match read_config(source) {
        Err(problems) => Outcome::refused(&problems),
        Ok((config, found)) => {
            *origins = found;
            if config.is_empty() {
                Outcome::LeftAlone("the context gives it no address".into())
            } else {
                Outcome::Configure(Box::new(config))
            }
        }
    }
}

fn unready(name: &InterfaceName) -> String {
    format!("udev is not done with '{name}' yet")
}
