//! Checks that a VF has the settings that were written, as far as the kernel reports them.

use std::fmt::Display;

use hwaddr::Guid;
use one_sriov_system::{VfInfo, VfVlan};

use super::{SetError, Settings, Target};

/// Compares the settings of a VF with what the kernel reports about the VFs of its PF, `known`.
///
/// Unset values are not compared, because PFs report them in different ways. Nor is a GUID that several VFs have: older kernels
/// report one for all.
///
/// # Errors
/// The first value that differs.
pub fn read_back(target: &Target<'_>, set: &Settings, known: &[VfInfo]) -> Result<(), SetError> {
    let Some(shown) = known.iter().find(|info| info.vf == target.vf) else {
        return Ok(());
    };
    let own = |guid: fn(&VfInfo) -> Option<Guid>| {
        let own = guid(shown)?;
        let alike = known.iter().filter(|other| guid(other) == Some(own));
        (alike.count() == 1).then_some(own)
    };
    compare(target, "MAC", set.mac.flatten(), shown.mac)?;
    let id = set.vlan.map(|vlan| vlan.id);
    compare(target, "VLAN", id, shown.vlan.map(|vlan| vlan.id))?;
    // PFs report a missing VLAN in different ways.
    if let Some(vlan) = set.vlan.filter(|vlan| vlan.id != 0) {
        let qos = Some(vlan.qos).filter(|qos| *qos != 0);
        compare(
            target,
            "VLAN priority",
            qos,
            shown.vlan.map(|vlan| vlan.qos),
        )?;
        let protocol = |vlan: VfVlan| if vlan.is_8021ad { "802.1ad" } else { "802.1q" };
        let asked = Some(protocol(vlan)).filter(|_| vlan.is_8021ad);
        compare(target, "VLAN protocol", asked, shown.vlan.map(protocol))?;
    }
    let switch = |on: bool| if on { "on" } else { "off" };
    let (asked, is) = (set.spoof_check.map(switch), shown.spoof_check.map(switch));
    compare(target, "spoof check", asked, is)?;
    compare(
        target,
        "trust",
        set.trust.map(switch),
        shown.trust.map(switch),
    )?;
    let rate = |(_, max): (u32, u32)| format!("{max} Mbit/s");
    compare(target, "rate", set.rates.map(rate), shown.rates.map(rate))?;
    let node_guid = own(|info| info.node_guid);
    compare(target, "node GUID", set.node_guid.flatten(), node_guid)?;
    let port_guid = own(|info| info.port_guid);
    compare(target, "port GUID", set.port_guid.flatten(), port_guid)?;
    compare(target, "link state", set.link_state, shown.link_state)
}

fn compare<T: PartialEq + Display>(
    target: &Target<'_>,
    what: &'static str,
    asked: Option<T>,
    shown: Option<T>,
) -> Result<(), SetError> {
    match (asked, shown) {
        (Some(asked), Some(shown)) if asked != shown => Err(SetError::Other {
            what,
            pf: target.pf.to_string(),
            vf: target.vf,
            asked: asked.to_string(),
            shown: shown.to_string(),
        }),
        _ => Ok(()),
    }
}
