//! What to write to a VF.

use hwaddr::{Guid, MacAddress};

use super::{TermsError, ethernet_vlan};
use crate::lease::{Former, Lease, LinkState, Transport, Wish};

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
    pub link_state: Option<LinkState>,
}

impl Settings {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What the VF of a lease gets.
pub fn settings(lease: &Lease, wish: &Wish) -> Result<Settings, TermsError> {
    let none = Settings::default();
    Ok(match (lease.transport, &lease.former) {
        (Transport::Guid, _) => Settings {
            node_guid: Some(lease.guid),
            port_guid: Some(lease.guid),
            link_state: Some(LinkState::Auto),
            ..none
        },
        (Transport::Dummy, Former::Ethernet { vlan, .. }) => Settings {
            mac: Some(Some(lease.mac)),
            // One that a former tenant left is taken off.
            vlan: match ethernet_vlan(wish)? {
                Some(id) => Some((id, 0)),
                None => vlan.map(|_| (0, 0)),
            },
            ..none
        },
        (Transport::Dummy | Transport::Mac, _) => none,
    })
}

/// What puts the VF of a lease back as it was. What is not known was unset, and so it becomes.
#[must_use]
pub fn restoration(former: &Former) -> Settings {
    let none = Settings::default();
    match former {
        Former::Untouched => none,
        Former::Ethernet { mac, vlan } => Settings {
            mac: Some(*mac),
            vlan: *vlan,
            ..none
        },
        Former::Infiniband {
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
