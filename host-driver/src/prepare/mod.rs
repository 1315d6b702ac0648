//! Sets up a VF for its VM, and restores its original state.
//!
//! | PF | identity | what is written, besides [`optional`] attributes |
//! |---|---|---|
//! | Ethernet | `mac` | the spoof check; libvirt sets and restores MAC and VLAN, and the driver restores what libvirt does not |
//! | Ethernet | `dummy` | the NIC's own MAC, its VLAN if it has one, the spoof check |
//! | InfiniBand | `guid` | node GUID, port GUID, link state `auto` |
//! | InfiniBand | `dummy` | nothing, but the GUIDs of a previous VM are cleared |
//! | Ethernet | `native` | nothing, but settings of a previous VM and of OpenNebula's network driver are cleared |
//! | InfiniBand | `native` | as `guid` |
//!
//! [`setup`] decides before anything is written. [`settings`] and [`restoration`] return what to write, and a [`SetVf`] writes
//! it; [`restore`] writes the original state.

mod attributes;
mod guids;
mod ip_link;
mod read_back;
mod restore;
mod settings;

use hwaddr::{DummyMac, Guid};
use one_sriov_system::VfInfo;

pub use attributes::{LeftOut, OptionalSetting, optional};
pub use guids::{Conflict, GuidsInUse, VfHolder};
pub use ip_link::IpLink;
pub(crate) use ip_link::ip_link;
pub use read_back::read_back;
pub use restore::restore;
pub use settings::{Settings, outstanding, restoration, settings};

use crate::config::{GuidPrefix, IdentitySetting};
use crate::lease::{
    Allocation, EthernetFeatures, OriginalState, VfIdentity, VfRequest, VfSetup, Wanted,
};
use crate::pool::LinkLayer;

/// Writes settings to a VF.
pub trait SetVf {
    /// Writes all settings.
    fn set(&self, target: &Target<'_>, settings: &Settings) -> Result<(), SetError>;
}

/// The VF to set up.
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
    /// The PF's driver does not support the setting.
    #[error("failed to set {what} of VF {vf} of '{pf}': the driver of '{pf}' does not support it")]
    Unsupported {
        /// What was to be set.
        what: String,
        /// The PF.
        pf: String,
        /// The VF.
        vf: u32,
    },
    /// `ip` failed.
    #[error("failed to set {what} of VF {vf} of '{pf}': {said}")]
    Failed {
        /// What was to be set.
        what: String,
        /// The PF.
        pf: String,
        /// The VF.
        vf: u32,
        /// The message of `ip`.
        said: String,
    },
    /// The kernel reports another value than the one that was set.
    #[error("failed to set {what} of VF {vf} of '{pf}' to '{asked}': the kernel shows '{shown}'")]
    Other {
        /// What was to be set.
        what: &'static str,
        /// The PF.
        pf: String,
        /// The VF.
        vf: u32,
        /// The value that was to be set.
        asked: String,
        /// The value that the VF has.
        shown: String,
    },
    /// `ip` could not be run.
    #[error("failed to set {what} of VF {vf} of '{pf}': {cause}")]
    Run {
        /// What was to be set.
        what: String,
        /// The PF.
        pf: String,
        /// The VF.
        vf: u32,
        /// The cause.
        cause: one_sriov_system::ProcessError,
    },
}

impl SetError {
    /// Whether the VF is being reset, and a retry may succeed (`i40e_ndo_set_vf_mac` and `ice_check_vf_ready_for_cfg` return
    /// these errors).
    #[must_use]
    pub fn is_busy(&self) -> bool {
        // strerror(EAGAIN) and strerror(EBUSY), as ip passes them on.
        let busy = [
            "Resource temporarily unavailable",
            "Device or resource busy",
        ];
        matches!(self, Self::Failed { said, .. } if busy.iter().any(|answer| said.contains(answer)))
    }

    /// Whether the PF's driver refuses the value.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        // strerror(EINVAL) and strerror(EADDRNOTAVAIL), as ip passes them on.
        let refusals = ["Invalid argument", "Cannot assign requested address"];
        matches!(self, Self::Failed { said, .. } if refusals.iter().any(|refusal| said.contains(refusal)))
    }
}

/// Why a VF cannot be set up for a NIC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VfSetupError {
    /// The configured identity does not fit the link layer.
    #[error("failed to use identity '{identity}' for pool '{pool}': '{pf}' is {layer}")]
    Layer {
        /// The identity.
        identity: &'static str,
        /// The pool.
        pool: String,
        /// The PF's netdev.
        pf: String,
        /// Its link layer.
        layer: &'static str,
    },
    /// The spoof check could not be restored later, and the VM must not run without it.
    #[error("failed to set SPOOFCHK of NIC '{mac}': '{pf}' does not show whether VF {vf} has it")]
    SpoofCheck {
        /// The NIC.
        mac: hwaddr::MacAddress,
        /// The PF's netdev.
        pf: String,
        /// The VF.
        vf: u32,
    },
    /// A VLAN that is invalid for Ethernet.
    #[error("failed to set VLAN {vlan} of NIC '{mac}': expected 1 to 4094 for Ethernet")]
    Vlan {
        /// The VLAN.
        vlan: u32,
        /// The NIC.
        mac: hwaddr::MacAddress,
    },
}

/// Decides how to set up the VF of an allocation. `known` is what the kernel reports about all VFs of its PF.
pub fn setup(
    request: &VfRequest,
    allocation: &Allocation,
    asked: IdentitySetting,
    known: &[VfInfo],
) -> Result<VfSetup, VfSetupError> {
    use LinkLayer::{Ethernet, Infiniband};
    let pf = &allocation.vf.pf;
    let layer = |identity, layer| VfSetupError::Layer {
        identity,
        pool: allocation.vf.pool.to_string(),
        pf: pf.netdev.to_string(),
        layer,
    };
    let is_native = matches!(request.wanted, Wanted::Exactly(_));
    let identity = match (asked, pf.link_layer) {
        _ if is_native => VfIdentity::Native,
        // libvirt sets every VLAN with priority 0 and 802.1Q (`virNetDevSetVfConfig` of src/util/virnetdev.c).
        (IdentitySetting::Auto | IdentitySetting::Mac, Ethernet)
            if request.has_vlan() && request.attributes.has_vlan_tag() =>
        {
            VfIdentity::Dummy
        }
        (IdentitySetting::Auto | IdentitySetting::Mac, Ethernet) => VfIdentity::Mac,
        (IdentitySetting::Auto | IdentitySetting::Guid, Infiniband) => VfIdentity::Guid,
        (IdentitySetting::Dummy, _) => VfIdentity::Dummy,
        (IdentitySetting::Mac, Infiniband) => return Err(layer("mac", "InfiniBand")),
        (IdentitySetting::Guid, Ethernet) => return Err(layer("guid", "Ethernet")),
    };
    if pf.link_layer == Ethernet && !is_native {
        ethernet_vlan(request)?;
    }
    let has_guid = match identity {
        VfIdentity::Guid => true,
        VfIdentity::Native => pf.link_layer == Infiniband,
        VfIdentity::Mac | VfIdentity::Dummy => false,
    };
    let guid = has_guid.then(|| request.dummy.port_guid(request.guid_prefix));
    let now = original(request, allocation, identity, known);
    let stale = allocation.stale.as_ref();
    let saved = stale.map(|stale| stale.lease.as_ref().map(|lease| &lease.original));
    let original = match (saved, now) {
        // The stale lease cannot be read, and the VF still has the settings of that lease's VM.
        (Some(None), OriginalState::Ethernet { .. }) => OriginalState::Ethernet {
            mac: None,
            vlan: Some((0, 0)),
            features: EthernetFeatures::default(),
        },
        (None | Some(None | Some(OriginalState::Untouched)), now) => now,
        // The values before the first write are the original ones. If the lease did not save a VLAN, there was none.
        (
            Some(Some(OriginalState::Ethernet {
                mac,
                vlan: None,
                features,
            })),
            OriginalState::Ethernet { vlan, .. },
        ) => OriginalState::Ethernet {
            mac: *mac,
            vlan: vlan.map(|_| (0, 0)),
            features: features.clone(),
        },
        (Some(Some(saved)), _) => saved.clone(),
    };
    Ok(VfSetup {
        identity,
        guid,
        original,
    })
}

/// Returns the VLAN of a NIC on an Ethernet PF.
pub fn ethernet_vlan(request: &VfRequest) -> Result<Option<u16>, VfSetupError> {
    let check = |vlan: u32| match u16::try_from(vlan) {
        Ok(id @ 1..=4094) => Ok(id),
        _ => Err(VfSetupError::Vlan {
            vlan,
            mac: request.mac,
        }),
    };
    // OpenNebula writes 0 for none.
    request
        .vlan
        .filter(|vlan| *vlan != 0)
        .map(check)
        .transpose()
}

fn original(
    request: &VfRequest,
    allocation: &Allocation,
    identity: VfIdentity,
    known: &[VfInfo],
) -> OriginalState {
    let info = known.iter().find(|info| info.vf == allocation.vf.number);
    match (identity, allocation.vf.pf.link_layer) {
        // libvirt restores most of what it sets. OpenNebula's network driver does not restore anything.
        (VfIdentity::Mac, _) | (VfIdentity::Native, LinkLayer::Ethernet) => {
            info.map_or(OriginalState::Untouched, |info| OriginalState::Ethernet {
                mac: info.mac,
                vlan: info.vlan.map(|vlan| (vlan.id, vlan.qos)),
                features: features(info),
            })
        }
        (VfIdentity::Dummy, LinkLayer::Ethernet) => {
            let vlan = info.and_then(|info| info.vlan);
            let was = vlan.map_or((0, 0), |vlan| (vlan.id, vlan.qos));
            let is_written = request.has_vlan() || was.0 != 0;
            OriginalState::Ethernet {
                mac: info.and_then(|info| info.mac),
                vlan: is_written.then_some(was),
                features: info.map(features).unwrap_or_default(),
            }
        }
        (VfIdentity::Guid, _) | (VfIdentity::Native, LinkLayer::Infiniband) => {
            // A GUID that the driver set and the PF refused to unset belongs to a previous VM, which may use it elsewhere now.
            let is_ours = info.is_some_and(|info| {
                let dummy = info
                    .port_guid
                    .and_then(|guid| DummyMac::from_guid(guid, request.dummy.prefix()));
                dummy.is_some() && (info.node_guid.is_none() || info.node_guid == info.port_guid)
            });
            // Older kernels report one GUID for all VFs: then none is known.
            let own = |guid: fn(&VfInfo) -> Option<Guid>| {
                let own = info.filter(|_| !is_ours).and_then(guid)?;
                let alike = known.iter().filter(|other| guid(other) == Some(own));
                (alike.count() == 1).then_some(own)
            };
            OriginalState::Infiniband {
                node_guid: own(|info| info.node_guid),
                port_guid: own(|info| info.port_guid),
                link_state: info.and_then(|info| info.link_state),
            }
        }
        (VfIdentity::Dummy, LinkLayer::Infiniband) => OriginalState::Untouched,
    }
}

fn features(info: &VfInfo) -> EthernetFeatures {
    EthernetFeatures {
        is_8021ad: info.vlan.is_some_and(|vlan| vlan.is_8021ad),
        spoof_check: info.spoof_check,
        trust: info.trust,
        rates: info.rates,
        link_state: info.link_state,
    }
}

/// Returns the two octets before the dummy MAC in the GUIDs of a network.
#[must_use]
pub fn guid_prefix(configured: GuidPrefix, network: Option<u32>) -> [u8; 2] {
    match configured {
        GuidPrefix::Fixed(octets) => octets,
        GuidPrefix::Network => {
            let [_, _, high, low] = network.unwrap_or(0).to_be_bytes();
            [high, low]
        }
    }
}

#[cfg(test)]
mod tests;
