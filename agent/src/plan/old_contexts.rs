//! Configures NICs that no variable describes, as the script of 2013 did: in contexts before OpenNebula 4.14, or if `agent.conf`
//! requests it.
//!
//! ```text
//! eth0  02:00:0a:00:00:05   OpenNebula's prefix, then the address: 10.0.0.5/24, gateway 10.0.0.1
//! ```

use std::net::Ipv4Addr;

use hwaddr::Key;

use super::outcome::{MatchedBy, Outcome, PlannedNic};
use super::planned::present;
use super::source::{Decoded, ValueSource};
use super::{NicId, ethernet, tokens};
use crate::inventory::Nic;

/// Decodes the address in a MAC with OpenNebula's prefix.
pub(super) fn in_mac(nic: &Nic) -> Option<Decoded> {
    let mac = nic
        .mac()
        .filter(|mac| nic.master.is_none() && mac.octets().starts_with(&ethernet::CLOUD_PREFIX))?;
    let address = Some(Key::from(mac).ipv4()).filter(|address| tokens::is_host4(*address))?;
    Some(Decoded {
        address,
        from: "its MAC",
    })
}

/// Plans a NIC that no variable describes: the address in its MAC, a /24, and `.1` as the gateway of `eth0`.
pub(super) fn by_mac_prefix(device: &Nic, source: ValueSource) -> Option<PlannedNic> {
    let (mac, decoded) = device.mac().zip(in_mac(device))?;
    let source = ValueSource {
        decoded: Some(decoded),
        device: Some(&device.name),
        ..source
    };
    let id = NicId::Mac(mac);
    let mut nic = present(id, &source, device, MatchedBy::MacPrefix, &mut Vec::new());
    if let Outcome::Configure(config) = &mut nic.outcome {
        let [a, b, c, _] = decoded.address.octets();
        config.gateway4 = (device.name.as_str() == "eth0").then_some(Ipv4Addr::new(a, b, c, 1));
    }
    Some(nic)
}
