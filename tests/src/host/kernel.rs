//! The VFs of a PF: as text for the tests, and in the kernel's binary form for the driver.

use std::collections::BTreeMap;

use one_sriov_system::netlink::record::link_message;
use one_sriov_system::{PfLink, VfInfo, VfLinkState, VfVlan};

/// The settings of each VF, named as in `ip link`.
pub type Vfs = BTreeMap<u32, BTreeMap<String, String>>;

/// Parses lines such as `3 mac 02:00:0a:00:00:05 state auto`.
#[must_use]
pub fn parse(text: &str) -> Vfs {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let vf = words.next().expect("a number").parse().expect("a number");
        let mut settings = BTreeMap::new();
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            settings.insert(name.to_owned(), value.to_owned());
        }
        (vf, settings)
    };
    text.lines().map(line).collect()
}

/// Formats VFs as lines for [`parse`].
#[must_use]
pub fn print(vfs: &Vfs) -> String {
    let line = |(vf, settings): (&u32, &BTreeMap<String, String>)| {
        let words = settings.iter().flat_map(|(name, value)| [name, value]);
        let words: Vec<&str> = words.map(String::as_str).collect();
        format!("{vf} {}\n", words.join(" "))
    };
    vfs.iter().map(line).collect()
}

/// Passes to `write` the kernel's answers to queries of this link, with and without its VFs.
pub fn answers(pf: &str, vfs: &Vfs, mut write: impl FnMut(&str, Vec<u8>)) {
    write(&format!("/run/netlink/link/{pf}"), message(pf, vfs));
    write(&format!("/run/netlink/bare/{pf}"), message(pf, &Vfs::new()));
}

/// The kernel's answer to a query of this link, or EMSGSIZE if it has too many VFs.
#[must_use]
pub fn message(pf: &str, vfs: &Vfs) -> Vec<u8> {
    let info = |(vf, settings): (&u32, &BTreeMap<String, String>)| {
        let get = |name: &str| settings.get(name).map(String::as_str);
        VfInfo {
            vf: *vf,
            mac: get("mac").and_then(|text| text.parse().ok()),
            vlan: get("vlan").map(|id| VfVlan {
                id: id.parse().expect("a VLAN"),
                qos: get("qos").map_or(0, |qos| qos.parse().expect("a priority")),
                is_8021ad: get("proto") == Some("802.1ad"),
            }),
            link_state: get("state").map(|state| match state {
                "auto" => VfLinkState::Auto,
                "enable" => VfLinkState::Enable,
                _ => VfLinkState::Disable,
            }),
            spoof_check: get("spoofchk").map(|switch| switch == "on"),
            trust: get("trust").map(|switch| switch == "on"),
            rates: get("max_tx_rate").map(|max| {
                let rate = |text: &str| text.parse().expect("a rate");
                (get("min_tx_rate").map_or(0, rate), rate(max))
            }),
            // All ones and all zeroes mean "none".
            node_guid: get("node_guid").and_then(|text| text.parse().ok()),
            port_guid: get("port_guid").and_then(|text| text.parse().ok()),
        }
    };
    link_message(&PfLink {
        index: 2,
        name: pf.parse().expect("a name"),
        vfs: vfs.iter().map(info).collect(),
    })
}
