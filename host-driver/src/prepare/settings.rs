//! What to write to a VF.

use hwaddr::{Guid, MacAddress};
use one_sriov_system::{VfInfo, VfLinkState, VfVlan};

use super::{VfSetupError, ethernet_vlan};
use crate::lease::{Lease, OriginalState, VfIdentity, VfRequest};

/// Settings of a VF; `None` means that one is not changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The administrative MAC; `Some(None)` unsets it.
    pub mac: Option<Option<MacAddress>>,
    /// The VLAN; ID 0 removes it.
    pub vlan: Option<VfVlan>,
    /// The node GUID; `Some(None)` unsets it.
    pub node_guid: Option<Option<Guid>>,
    /// The port GUID; `Some(None)` unsets it.
    pub port_guid: Option<Option<Guid>>,
    /// The link state.
    pub link_state: Option<VfLinkState>,
    /// Whether frames with a forged source MAC are dropped.
    pub spoof_check: Option<bool>,
    /// Whether the VF is trusted.
    pub trust: Option<bool>,
    /// The minimum and maximum transmit rates in Mbit/s.
    pub rates: Option<(u32, u32)>,
}

impl Settings {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Returns the settings for the VF of a lease.
pub fn settings(lease: &Lease, request: &VfRequest) -> Result<Settings, VfSetupError> {
    let none = Settings::default();
    Ok(match (lease.identity, &lease.original) {
        (VfIdentity::Guid | VfIdentity::Native, OriginalState::Infiniband { .. })
        | (VfIdentity::Guid, _) => Settings {
            node_guid: Some(lease.guid),
            port_guid: Some(lease.guid),
            link_state: Some(VfLinkState::Auto),
            ..none
        },
        (VfIdentity::Dummy, OriginalState::Ethernet { vlan, .. }) => Settings {
            mac: Some(Some(lease.mac)),
            // If the NIC has no VLAN, that of a previous VM is removed.
            vlan: match ethernet_vlan(request)? {
                Some(id) => Some(VfVlan {
                    id,
                    qos: request.attributes.vlan_qos.unwrap_or(0),
                    is_8021ad: request.attributes.is_8021ad.unwrap_or(false),
                }),
                None => vlan.map(|_| VfVlan::default()),
            },
            spoof_check: spoof_check(lease, request)?,
            ..none
        },
        (VfIdentity::Mac, _) => Settings {
            spoof_check: spoof_check(lease, request)?,
            ..none
        },
        (VfIdentity::Dummy | VfIdentity::Native, _) => none,
    })
}

/// Returns the requested spoof check of an Ethernet VF, if it can be restored.
fn spoof_check(lease: &Lease, request: &VfRequest) -> Result<Option<bool>, VfSetupError> {
    let is_shown = match &lease.original {
        OriginalState::Ethernet { features, .. } => features.spoof_check.is_some(),
        OriginalState::Untouched | OriginalState::Infiniband { .. } => false,
    };
    match request.attributes.spoof_check {
        Some(_) if !is_shown => Err(VfSetupError::SpoofCheck {
            mac: lease.mac,
            pf: lease.pf.to_string(),
            vf: lease.vf,
        }),
        wanted => Ok(wanted),
    }
}

/// Returns the settings that restore the VF of a lease. Unknown values are unset.
#[must_use]
pub fn restoration(original: &OriginalState) -> Settings {
    let none = Settings::default();
    match original {
        OriginalState::Untouched => none,
        OriginalState::Ethernet {
            mac,
            vlan,
            features,
        } => Settings {
            mac: Some(*mac),
            vlan: vlan.map(|(id, qos)| VfVlan {
                id,
                qos,
                is_8021ad: features.is_8021ad,
            }),
            link_state: features.link_state,
            spoof_check: features.spoof_check,
            trust: features.trust,
            rates: features.rates,
            ..none
        },
        OriginalState::Infiniband {
            node_guid,
            port_guid,
            link_state,
        } => Settings {
            node_guid: Some(*node_guid),
            port_guid: Some(*port_guid),
            link_state: *link_state,
            ..none
        },
    }
}

/// Returns the part of its [`restoration`] that the VF of a lease still lacks, according to the kernel.
///
/// libvirt restores MAC and VLAN itself, but not the VLAN's protocol and priority. Settings that the driver has not written are
/// restored only if the kernel reports another value.
#[must_use]
pub fn outstanding(lease: &Lease, now: Option<&VfInfo>) -> Settings {
    let mut wanted = restoration(&lease.original);
    if !matches!(lease.original, OriginalState::Ethernet { .. }) {
        return wanted;
    }
    let unknown = VfInfo::default();
    let shown = now.unwrap_or(&unknown);
    if matches!(lease.identity, VfIdentity::Mac | VfIdentity::Native) {
        wanted.mac = wanted.mac.filter(|mac| now.is_some() && *mac != shown.mac);
        wanted.vlan = differing(wanted.vlan, shown.vlan);
    }
    wanted.link_state = differing(wanted.link_state, shown.link_state);
    wanted.spoof_check = differing(wanted.spoof_check, shown.spoof_check);
    wanted.trust = differing(wanted.trust, shown.trust);
    wanted.rates = differing(wanted.rates, shown.rates);
    wanted
}

fn differing<T: PartialEq>(wanted: Option<T>, shown: Option<T>) -> Option<T> {
    match (wanted, shown) {
        (Some(wanted), Some(shown)) if wanted != shown => Some(wanted),
        _ => None,
    }
}
