//! Attributes of a NIC's network that apply to its VF.
//!
//! | attribute | if the PF refuses it |
//! |---|---|
//! | VLAN with priority and protocol, spoof check | an error: they isolate tenants |
//! | trust, rate, link state | a line in the VM's log |
//!
//! Only settings that can be restored are set. If the kernel does not report the original value, the VM's log says so.

use super::Settings;
use crate::lease::{EthernetFeatures, Lease, OriginalState, VfIdentity, VfRequest};
use crate::opennebula::NicAttributes;
use crate::pool::LinkLayer;

/// One setting that a VM can run without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionalSetting {
    /// OpenNebula's attribute.
    pub name: &'static str,
    /// The settings that implement it.
    pub settings: Settings,
}

/// An attribute that is not set, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// OpenNebula's attribute.
    pub name: &'static str,
    /// The reason.
    pub why: &'static str,
}

/// Returns settings for the VF of a lease that its VM can run without, and the attributes that cannot be set.
#[must_use]
pub fn optional(
    lease: &Lease,
    request: &VfRequest,
    layer: LinkLayer,
) -> (Vec<OptionalSetting>, Vec<LeftOut>) {
    let wanted = &request.attributes;
    let mut left_out = Vec::new();
    let mut leave_out = |name, why| left_out.push(LeftOut { name, why });
    for name in &wanted.unsupported {
        leave_out(*name, "VFs do not support it");
    }
    if layer == LinkLayer::Infiniband {
        for name in of_ethernet(wanted) {
            leave_out(name, "InfiniBand VFs do not support it");
        }
        return (Vec::new(), left_out);
    }
    if wanted.has_vlan_tag() && !request.has_vlan() {
        leave_out("VLAN_QOS or VLAN_PROTO", "the network has no VLAN_ID");
    }
    let unknown = EthernetFeatures::default();
    let shown = match &lease.original {
        OriginalState::Ethernet { features, .. } => features,
        OriginalState::Untouched | OriginalState::Infiniband { .. } => &unknown,
    };
    let mut settings = Vec::new();
    let mut set = |name, is_shown: bool, what: Option<Settings>| match what {
        None => {}
        Some(what) if is_shown => settings.push(OptionalSetting {
            name,
            settings: what,
        }),
        Some(_) => leave_out(name, "the kernel does not show its original value"),
    };
    let none = Settings::default();
    // For a PCI NIC, OpenNebula's network driver sets it once the VM runs.
    let trust = wanted
        .trust
        .filter(|_| lease.identity != VfIdentity::Native);
    let trust = trust.map(|on| Settings {
        trust: Some(on),
        ..none.clone()
    });
    set("TRUST", shown.trust.is_some(), trust);
    let rates = wanted.max_rate.map(|max| Settings {
        rates: Some((0, max)),
        ..none.clone()
    });
    set(RATE, shown.rates.is_some(), rates);
    let state = wanted.link_state.map(|state| Settings {
        link_state: Some(state),
        ..none.clone()
    });
    set("VF_LINK_STATE", shown.link_state.is_some(), state);
    (settings, left_out)
}

const RATE: &str = "OUTBOUND_PEAK_BW or OUTBOUND_AVG_BW";

/// The given attributes that only an Ethernet VF supports.
fn of_ethernet(wanted: &NicAttributes) -> Vec<&'static str> {
    let all = [
        ("VLAN_QOS", wanted.vlan_qos.is_some()),
        ("VLAN_PROTO", wanted.is_8021ad.is_some()),
        ("SPOOFCHK", wanted.spoof_check.is_some()),
        ("TRUST", wanted.trust.is_some()),
        (RATE, wanted.max_rate.is_some()),
        ("VF_LINK_STATE", wanted.link_state.is_some()),
    ];
    let given = all.into_iter().filter(|(_, is_given)| *is_given);
    given.map(|(name, _)| name).collect()
}
