//! Setting up a VF for its VM, and putting it back as it was.
//!
//! | PF | transport | what is written |
//! |---|---|---|
//! | Ethernet | `mac` | nothing: libvirt sets and restores MAC and VLAN |
//! | Ethernet | `dummy` | the NIC's own MAC, and its VLAN if it has one |
//! | InfiniBand | `guid` | node GUID, port GUID, link state `auto` |
//! | InfiniBand | `dummy` | nothing, but what takes the GUIDs of a former VM off |
//!
//! [`terms`] decides, from what is known before the first write; [`settings`] and [`restoration`]
//! say what to write, and a [`SetVf`] writes it: [`put_back`] for the way back.

mod guids;
mod ip_link;
mod put_back;
mod settings;

use hwaddr::{DummyMac, Guid};
use one_sriov_system::VfInfo;

pub use guids::{Conflict, GuidsInUse};
pub use ip_link::IpLink;
pub(crate) use ip_link::ip_link;
pub use put_back::put_back;
pub use settings::{Settings, restoration, settings};

use crate::config::{GuidLead, TransportChoice};
use crate::lease::{Choice, Former, LinkState, Terms, Transport, Wish};
use crate::pool::LinkLayer;

/// Writes settings to a VF: through the kernel's own interface now, through a vendor's later.
pub trait SetVf {
    /// Writes all settings in one go.
    fn set(&self, target: &Target<'_>, settings: &Settings) -> Result<(), SetError>;
}

/// The VF to be set up, as the means need it.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The netdev of its PF.
    pub pf: &'a hwaddr::InterfaceName,
    /// Its number there.
    pub vf: u32,
}

/// Why a VF could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// The PF's driver has no such setting.
    #[error("failed to set {what} of VF {vf} of '{pf}': the driver of '{pf}' cannot do that")]
    Unsupported {
        /// What was to be set.
        what: String,
        /// The PF.
        pf: String,
        /// The VF.
        vf: u32,
    },
    /// It went wrong.
    #[error("failed to set {what} of VF {vf} of '{pf}': {said}")]
    Failed {
        /// What was to be set.
        what: String,
        /// The PF.
        pf: String,
        /// The VF.
        vf: u32,
        /// What the program said.
        said: String,
    },
    /// The program did not run.
    #[error("failed to set {what} of VF {vf} of '{pf}': {cause}")]
    Run {
        /// What was to be set.
        what: String,
        /// The PF.
        pf: String,
        /// The VF.
        vf: u32,
        /// Why not.
        cause: one_sriov_system::ProcessError,
    },
}

impl SetError {
    /// Whether the PF's driver was asked, and does not take the value.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        // strerror(EINVAL) and strerror(EADDRNOTAVAIL), as ip passes them on.
        let refusals = ["Invalid argument", "Cannot assign requested address"];
        matches!(self, Self::Failed { said, .. } if refusals.iter().any(|refusal| said.contains(refusal)))
    }
}

/// Why a NIC cannot be brought into its VM.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// The operator has asked for what this link layer cannot do.
    #[error("failed to use transport '{transport}' for pool '{pool}': '{pf}' is {layer}")]
    Layer {
        /// What was asked for.
        transport: &'static str,
        /// The pool.
        pool: String,
        /// The PF's netdev.
        pf: String,
        /// What it speaks.
        layer: &'static str,
    },
    /// A VLAN that no Ethernet has.
    #[error("failed to set VLAN {vlan} of NIC '{mac}': an Ethernet VLAN is 1 to 4094")]
    Vlan {
        /// The VLAN.
        vlan: u32,
        /// The NIC.
        mac: hwaddr::MacAddress,
    },
}

/// How the VF of a choice comes into its VM. `known` is what the kernel says of all VFs of its PF.
pub fn terms(
    wish: &Wish,
    choice: &Choice,
    asked: TransportChoice,
    known: &[VfInfo],
) -> Result<Terms, TermsError> {
    use LinkLayer::{Ethernet, Infiniband};
    let pf = &choice.vf.pf;
    let layer = |transport, layer| TermsError::Layer {
        transport,
        pool: wish.pool.to_string(),
        pf: pf.netdev.to_string(),
        layer,
    };
    let transport = match (asked, pf.link_layer) {
        (TransportChoice::Auto | TransportChoice::Mac, Ethernet) => Transport::Mac,
        (TransportChoice::Auto | TransportChoice::Guid, Infiniband) => Transport::Guid,
        (TransportChoice::Dummy, _) => Transport::Dummy,
        (TransportChoice::Mac, Infiniband) => return Err(layer("mac", "InfiniBand")),
        (TransportChoice::Guid, Ethernet) => return Err(layer("guid", "Ethernet")),
    };
    if pf.link_layer == Ethernet {
        ethernet_vlan(wish)?;
    }
    let guid = (transport == Transport::Guid).then(|| wish.dummy.port_guid(wish.lead));
    let now = former(wish, choice, transport, known);
    let ended = choice.ended.as_ref();
    let saved = ended.map(|ended| ended.lease.as_ref().map(|lease| &lease.former));
    let former = match (saved, now) {
        // The lease that ended cannot be read: what is on the VF is its VM's.
        (Some(None), Former::Ethernet { .. }) => Former::Ethernet {
            mac: None,
            vlan: Some((0, 0)),
        },
        (None | Some(None | Some(Former::Untouched)), now) => now,
        // The value before the first write of all is the one to put back. That of a VLAN was not noted as long as none was
        // written: there was none.
        (Some(Some(Former::Ethernet { mac, vlan: None })), Former::Ethernet { vlan, .. }) => {
            Former::Ethernet {
                mac: *mac,
                vlan: vlan.map(|_| (0, 0)),
            }
        }
        (Some(Some(saved)), _) => saved.clone(),
    };
    Ok(Terms {
        transport,
        guid,
        former,
    })
}

/// The VLAN of a NIC on an Ethernet PF.
pub fn ethernet_vlan(wish: &Wish) -> Result<Option<u16>, TermsError> {
    let check = |vlan: u32| match u16::try_from(vlan) {
        Ok(id @ 1..=4094) => Ok(id),
        _ => Err(TermsError::Vlan {
            vlan,
            mac: wish.mac,
        }),
    };
    // 0 is how OpenNebula writes "none".
    wish.vlan.filter(|vlan| *vlan != 0).map(check).transpose()
}

fn former(wish: &Wish, choice: &Choice, transport: Transport, known: &[VfInfo]) -> Former {
    let info = known.iter().find(|info| info.vf == choice.vf.number);
    match (transport, choice.vf.pf.link_layer) {
        (Transport::Dummy, LinkLayer::Ethernet) => {
            let vlan = info.and_then(|info| info.vlan);
            let was = vlan.map_or((0, 0), |vlan| (vlan.id, vlan.qos));
            let is_written = wish.vlan.is_some_and(|vlan| vlan != 0) || was.0 != 0;
            Former::Ethernet {
                mac: info.and_then(|info| info.mac),
                vlan: is_written.then_some(was),
            }
        }
        (Transport::Guid, _) => {
            // A GUID of ours that the PF could not be told to unset is a former VM's, who may have it elsewhere by now.
            let is_ours = info.is_some_and(|info| {
                let dummy = info
                    .port_guid
                    .and_then(|guid| DummyMac::from_guid(guid, wish.dummy.prefix()));
                dummy.is_some() && (info.node_guid.is_none() || info.node_guid == info.port_guid)
            });
            // Older kernels report one GUID for all VFs: then nothing is known.
            let own = |guid: fn(&VfInfo) -> Option<Guid>| {
                let own = info.filter(|_| !is_ours).and_then(guid)?;
                let alike = known.iter().filter(|other| guid(other) == Some(own));
                (alike.count() == 1).then_some(own)
            };
            Former::Infiniband {
                node_guid: own(|info| info.node_guid),
                port_guid: own(|info| info.port_guid),
                link_state: info
                    .and_then(|info| info.link_state)
                    .map(|state| match state {
                        one_sriov_system::VfLinkState::Auto => LinkState::Auto,
                        one_sriov_system::VfLinkState::Enable => LinkState::Enable,
                        one_sriov_system::VfLinkState::Disable => LinkState::Disable,
                    }),
            }
        }
        _ => Former::Untouched,
    }
}

/// The two octets before the dummy MAC in the GUIDs of a network.
#[must_use]
pub fn lead(configured: GuidLead, network: Option<u32>) -> [u8; 2] {
    match configured {
        GuidLead::Fixed(octets) => octets,
        GuidLead::Network => {
            let [_, _, high, low] = network.unwrap_or(0).to_be_bytes();
            [high, low]
        }
    }
}

#[cfg(test)]
mod tests;
