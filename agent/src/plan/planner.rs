//! Combines the planning steps.

use std::collections::{BTreeMap, BTreeSet};

use hwaddr::Key;

use super::context_nics::{ContextNics, EthNic};
use super::model::NicConfig;
use super::names::{forbid_shared_names, refuse_long_children};
use super::outcome::{Device, MatchedBy, Outcome, Plan, PlannedNic};
use super::planned::{present, read, unready};
use super::positions::{self, Position, PositionState};
use super::read_config::read_config;
use super::source::{Decoded, ValueSource};
use super::{
    NicId, PlanSettings, Role, default_routes, ethernet, flag, global, late, not_found,
    old_contexts, pci, tokens, uncertain,
};
use crate::context::Context;
use crate::inventory::{Inventory, Nic};

pub(super) struct Planner<'a> {
    context: &'a Context,
    inventory: &'a Inventory,
    settings: &'a PlanSettings,
    described: ContextNics,
    /// Whether `NETWORK=NO` is set: no address is decoded from a hardware address.
    is_network_off: bool,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        context: &'a Context,
        inventory: &'a Inventory,
        settings: &'a PlanSettings,
    ) -> Self {
        Self {
            context,
            inventory,
            settings,
            described: ContextNics::read(context),
            is_network_off: context.get("NETWORK").is_some_and(flag::is_no),
        }
    }

    pub(super) fn plan(&self) -> Plan {
        let (described, inventory) = (&self.described, self.inventory);
        // `NETWORK=NO` only stops OpenNebula's own variables: NICs that are described by hand are still configured.
        if self.is_network_off && !described.describes_nics() {
            return Plan {
                network_off: true,
                role: self.settings.role,
                ..Plan::default()
            };
        }
        let mut notes = Vec::new();
        let mut dummies = ethernet::dummies(inventory, described, self.settings.prefix);
        let ethernet = ethernet::candidates(inventory, described, &dummies);
        let mut devices = ethernet::by_mac(described, &ethernet, &mut notes);
        let mut infiniband = positions::candidates(inventory, described);
        let pci = pci::PciCandidates {
            inventory,
            prefix: self.settings.prefix,
            ethernet: &ethernet,
            taken: &devices,
            infiniband: &infiniband,
        }
        .matched(described);
        infiniband.retain(|nic| !pci::has(&pci, nic));
        let claims = positions::claims(&infiniband, described, self.settings.prefix);
        ethernet::mark_markers(
            &mut dummies,
            described,
            &ethernet,
            &devices,
            &positions::claimed(&claims),
        );
        let port_of = |position| described.port_of(position);
        let positions = positions::positions(
            &infiniband,
            &claims,
            &dummies,
            inventory.unreadable.is_empty(),
            &port_of,
            &mut notes,
        );
        let eth_of = self.eth_of_positions(&positions, &devices, &mut notes);
        let taken = eth_of.values().copied().collect();
        devices.extend(ethernet::by_name(described, &ethernet, &devices, &taken));

        let mut nics = Vec::new();
        for (&index, nic) in &described.eth {
            match devices.get(&index) {
                Some((device, matched_by)) => {
                    nics.push(self.ethernet(index, device, matched_by.clone(), &mut notes));
                }
                None if !taken.contains(&index) => {
                    nics.push(self.missing(index, nic, &positions));
                }
                None => {}
            }
        }
        for position in &positions {
            let eth = eth_of.get(&position.number).copied();
            nics.push(self.position(position, eth, &mut notes));
        }
        for (&index, nic) in described.pci.iter().filter(|(_, nic)| nic.is_nic) {
            let source = self.source(vec![format!("PCI{index}")], None, false);
            nics.push(pci::plan(index, nic, pci.get(&index), source, &mut notes));
        }
        if self.decodes_macs() {
            let is_described = |nic: &&&Nic| {
                devices.values().any(|(other, _)| other.name == nic.name) || pci::has(&pci, nic)
            };
            let others = ethernet.iter().filter(|nic| !is_described(nic));
            nics.extend(others.filter_map(|nic| self.by_mac_prefix(nic)));
        }
        self.note_idle_variables(&positions, &mut notes);
        refuse_long_children(&mut nics);
        forbid_shared_names(&mut nics, &dummies, inventory);
        let late = late::late(&nics, &dummies);
        let missing = late::missing(&nics);
        uncertain::leave_ports(&mut nics, inventory);
        uncertain::await_reading(&mut nics, inventory, &mut notes);
        let others = self.of_one_context(&devices);
        default_routes::order(&mut nics, &others, &mut notes);
        let bad_values = global::hand_out(self.context, self.settings.role, inventory, &mut nics);
        Plan {
            late,
            missing,
            nics,
            dummies,
            notes,
            network_off: false,
            role: self.settings.role,
            bad_values,
            keys: described.keys(),
            decodes_macs: self.decodes_macs(),
        }
    }

    /// Finds the `ETH<k>` of each position: it has the position's key and no Ethernet device.
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
                    "key {key} belongs to {} NICs of the context and to {} positions; they are paired in order",
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

    fn ethernet(
        &self,
        index: u32,
        device: &Nic,
        matched_by: MatchedBy,
        notes: &mut Vec<String>,
    ) -> PlannedNic {
        let source = ValueSource {
            device: Some(&device.name),
            decoded: old_contexts::in_mac(device).filter(|_| self.decodes_macs()),
            ..self.source(vec![format!("ETH{index}")], Some(index), false)
        };
        let mut nic = present(
            self.described.eth_id(index),
            &source,
            device,
            matched_by,
            notes,
        );
        self.leave_to_one_context(&mut nic);
        nic
    }

    /// If one-context configures plain Ethernet NICs, the agent does not manage them.
    fn leave_to_one_context(&self, nic: &mut PlannedNic) {
        if self.settings.role == Role::Companion {
            nic.outcome = Outcome::LeftAlone("one-context configures plain Ethernet NICs".into());
            nic.bad_values.clear();
        }
    }

    /// Plans an Ethernet NIC that no variable describes.
    fn by_mac_prefix(&self, device: &Nic) -> Option<PlannedNic> {
        let source = self.source(Vec::new(), None, false);
        let mut nic = old_contexts::by_mac_prefix(device, source)?;
        self.leave_to_one_context(&mut nic);
        Some(nic)
    }

    /// The NICs that one-context configures, with their configuration in the context.
    fn of_one_context(
        &self,
        devices: &BTreeMap<u32, (&Nic, MatchedBy)>,
    ) -> Vec<(String, NicConfig)> {
        let is_shared = self.settings.role == Role::Companion;
        let theirs = devices.keys().filter(|_| is_shared);
        let read = theirs.filter_map(|&index| {
            let label = format!("ETH{index}");
            let source = self.source(vec![label.clone()], Some(index), false);
            Some((label, read_config(&source).ok()?.config))
        });
        read.collect()
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
            (None, Some(PositionState::Contradicted(why))) => Outcome::Refused(vec![why.clone()]),
            (None, _) => Outcome::Absent(match nic.mac {
                Some(mac) => not_found::by_mac(mac, self.settings.prefix, self.inventory),
                None if self.described.has_macs => format!("ETH{index}_MAC is not set"),
                None => format!("no MAC contains its address, and no device is named 'eth{index}'"),
            }),
        };
        PlannedNic {
            outcome,
            ..PlannedNic::new(self.described.eth_id(index), vec![format!("ETH{index}")])
        }
    }

    fn position(
        &self,
        position: &Position,
        eth: Option<u32>,
        notes: &mut Vec<String>,
    ) -> PlannedNic {
        let number = position.number;
        let ib = self.described.ib.get(&u32::from(number));
        let mut layers: Vec<String> = ib.map(|_| format!("IB{number}")).into_iter().collect();
        layers.extend(eth.map(|index| format!("ETH{index}")));
        let id = match eth {
            Some(index) => self.described.eth_id(index),
            None => NicId::Ib(number, position.key),
        };
        let mut nic = PlannedNic::new(id, layers.clone());
        nic.position = Some(number);
        nic.device = match &position.place {
            PositionState::Here(device) => Some(device.clone()),
            PositionState::Open => self.name_of_absent(&nic.id, number),
            PositionState::Unready(_) | PositionState::Contradicted(_) => None,
        };
        match &position.place {
            PositionState::Contradicted(why) => nic.outcome = Outcome::Refused(vec![why.clone()]),
            PositionState::Unready(name) => nic.outcome = Outcome::Absent(unready(name)),
            PositionState::Here(_) | PositionState::Open => {
                let device = nic.device.as_ref().map(|device| device.name.clone());
                let source = ValueSource {
                    device: device.as_ref(),
                    decoded: self.in_key(position.key),
                    ..self.source(layers, eth, true)
                };
                read(&source, &mut nic, notes);
                nic.leave_out(ib.and_then(|ib| ib.port.bad.clone()));
            }
        }
        nic
    }

    /// Decodes the address in the key of a position. If the context knows the key, a NIC has the address already, and it must not
    /// be used twice.
    fn in_key(&self, key: Key) -> Option<Decoded> {
        let is_unknown = self.described.with_key(key).is_empty() && !self.is_network_off;
        let address = Some(key.ipv4()).filter(|address| tokens::is_host4(*address));
        address.filter(|_| is_unknown).map(|address| Decoded {
            address,
            from: "the key in the dummy MAC",
        })
    }

    /// Whether a plain NIC without an address in its variables gets the address that its MAC encodes.
    fn decodes_macs(&self) -> bool {
        let is_old = || self.described.is_before_4_14(self.context);
        !self.is_network_off && self.settings.decodes_macs.unwrap_or_else(is_old)
    }

    /// The name to write files for if a position has no device: that of an earlier run, unless another device has it now.
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

    fn source(&self, layers: Vec<String>, eth: Option<u32>, infiniband: bool) -> ValueSource<'_> {
        let eth = eth.and_then(|index| Some((index, self.described.eth.get(&index)?)));
        ValueSource {
            context: self.context,
            layers,
            eth,
            infiniband,
            tags: false,
            decoded: None,
            inventory: self.inventory,
            device: None,
        }
    }

    /// Notes `IB<N>_*` variables whose position does not exist on this machine.
    fn note_idle_variables(&self, positions: &[Position], notes: &mut Vec<String>) {
        let is_idle = |number: &&u32| {
            !positions
                .iter()
                .any(|position| u32::from(position.number) == **number)
        };
        let idle = self.described.ib.keys().filter(is_idle);
        notes.extend(idle.map(|number| not_found::position(*number, positions)));
    }
}
