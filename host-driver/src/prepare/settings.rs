//! What to write to a VF.

use hwaddr::{Guid, MacAddress};
use one_sriov_system::VfLinkState;

use super::{VfSetupError, ethernet_vlan};
use crate::lease::{Lease, OriginalState, VfIdentity, VfRequest};

/// Settings of a VF; what is none is left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The administrative MAC; `Some(None)` unsets it.
    pub mac: Option<Option<MacAddress>>,
    /// VLAN id and priority; id 0 is none.
    pub vlan: Option<(u16, u8)>,
    /// The node GUID; `Some(None)` unsets it.
    pub node_guid: Option<Option<Guid>>,
    /// The port GUID; `Some(None)` unsets it.
    pub port_guid: Option<Option<Guid>>,
    /// The link state.
    pub link_state: Option<VfLinkState>,
}

impl Settings {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What the VF of a lease gets.
pub fn settings(lease: &Lease, request: &VfRequest) -> Result<Settings, VfSetupError> {
    let none = Settings::default();
    Ok(match (lease.identity, &lease.original) {
        (VfIdentity::Guid, _) => Settings {
            node_guid: Some(lease.guid),
            port_guid: Some(lease.guid),
            link_state: Some(VfLinkState::Auto),
            ..none
        },
        (VfIdentity::Dummy, OriginalState::Ethernet { vlan, .. }) => Settings {
            mac: Some(Some(lease.mac)),
            // One that a former tenant left is taken off.
            vlan: match ethernet_vlan(request)? {
                Some(id) => Some((id, 0)),
                None => vlan.map(|_| (0, 0)),
            },
            ..none
        },
        (VfIdentity::Dummy | VfIdentity::Mac, _) => none,
    })
}

/// What puts the VF of a lease back as it was. What is not known was unset, and so it becomes.
#[must_use]
pub fn restoration(original: &OriginalState) -> Settings {
    let none = Settings::default();
    match original {
        OriginalState::Untouched => none,
        OriginalState::Ethernet { mac, vlan } => Settings {
            mac: Some(*mac),
            vlan: *vlan,
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
