//! GUIDs in use on this host: two ports with the same GUID break a fabric.

use std::collections::HashMap;
use std::fmt;

use hwaddr::{Guid, InterfaceName, PciAddress};

use crate::opennebula::VmId;

/// The user of a VF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VfHolder {
    /// A VM, by its lease or its running domain.
    Vm(VmId),
    /// A running domain that is not a VM of OpenNebula.
    Domain(String),
    /// The VM that is being deployed, for another of its NICs.
    SameVm,
}

/// The owner of a GUID.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owner {
    Port(InterfaceName),
    Vf {
        pf: InterfaceName,
        vf: u32,
        address: Option<PciAddress>,
        holder: VfHolder,
    },
}

/// The GUIDs of ports and of VFs in use.
#[derive(Debug, Default)]
pub struct GuidsInUse(HashMap<Guid, Owner>);

/// A GUID that another port or VM has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    guid: Guid,
    owner: Owner,
}

impl Conflict {
    /// The VF with the GUID, if a lease or a domain holds it.
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
            Owner::Port(netdev) => {
                write!(f, "'{netdev}' of this host has it; set another GUID_PREFIX")
            }
            Owner::Vf { pf, vf, holder, .. } => match holder {
                VfHolder::Vm(vm) => write!(
                    f,
                    "VM {vm} has it (VF {vf} of '{pf}'); end VM {vm}, with 'virsh destroy {}' if OpenNebula \
                     does not know it",
                    vm.domain()
                ),
                VfHolder::Domain(name) => {
                    write!(
                        f,
                        "domain '{name}' has it (VF {vf} of '{pf}'); end that domain"
                    )
                }
                VfHolder::SameVm => {
                    write!(f, "two NICs of the VM have it; give them different MACs")
                }
            },
        }
    }
}

impl GuidsInUse {
    /// Adds a port of this host.
    pub fn add_port(&mut self, netdev: &InterfaceName, guid: Guid) {
        self.0.insert(guid, Owner::Port(netdev.clone()));
    }

    /// Adds a VF that a VM or domain has.
    pub fn add_vf(
        &mut self,
        pf: &InterfaceName,
        vf: u32,
        address: Option<PciAddress>,
        guid: Guid,
        holder: VfHolder,
    ) {
        let pf = pf.clone();
        self.0.entry(guid).or_insert(Owner::Vf {
            pf,
            vf,
            address,
            holder,
        });
    }

    /// Checks that a GUID is unused, or the VF's own.
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
