//! GUIDs that are taken on this host: two ports with one GUID break a fabric.

use std::collections::HashMap;
use std::fmt;

use hwaddr::{Guid, InterfaceName, PciAddress};

/// Who has a GUID.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owner {
    Port(InterfaceName),
    Vf {
        pf: InterfaceName,
        vf: u32,
        address: Option<PciAddress>,
    },
}

/// The GUIDs of ports and of VFs that somebody uses.
#[derive(Debug, Default)]
pub struct GuidsInUse(HashMap<Guid, Owner>);

/// A GUID that somebody else has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    guid: Guid,
    owner: Owner,
}

impl Conflict {
    /// The VF that has the GUID, if it is one that a lease or a domain holds.
    #[must_use]
    pub fn vf(&self) -> Option<PciAddress> {
        match self.owner {
            Owner::Vf { address, .. } => address,
            Owner::Port(_) => None,
        }
    }
}

impl std::error::Error for Conflict {}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to use GUID '{}': ", self.guid)?;
        match &self.owner {
            Owner::Port(netdev) => write!(f, "it is that of '{netdev}' of this host"),
            Owner::Vf { pf, vf, .. } => write!(f, "VF {vf} of '{pf}' has it and is in use"),
        }
    }
}

impl GuidsInUse {
    /// Adds a port of this host.
    pub fn add_port(&mut self, netdev: &InterfaceName, guid: Guid) {
        self.0.insert(guid, Owner::Port(netdev.clone()));
    }

    /// Adds a VF that a VM has.
    pub fn add_vf(&mut self, pf: &InterfaceName, vf: u32, address: Option<PciAddress>, guid: Guid) {
        let pf = pf.clone();
        self.0.entry(guid).or_insert(Owner::Vf { pf, vf, address });
    }

    /// Whether a VF may get a GUID: nobody has it, or the VF itself.
    pub fn check(&self, guid: Guid, device: PciAddress) -> Result<(), Conflict> {
        match self.0.get(&guid) {
            None => Ok(()),
            Some(Owner::Vf {
                address: Some(address),
                ..
            }) if *address == device => Ok(()),
            Some(owner) => Err(Conflict {
                guid,
                owner: owner.clone(),
            }),
        }
    }
}
