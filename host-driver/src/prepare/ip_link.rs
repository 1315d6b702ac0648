//! The kernel's own interface, by way of `ip link`: `oneadmin` may call that with `sudo` on every
//! OpenNebula host, and nothing more.
//!
//! ```text
//! sudo -n ip link set dev ib0 vf 3 node_guid 00:04:aa:00:c0:a8:32:11
//!     port_guid 00:04:aa:00:c0:a8:32:11 state auto
//! ```

use std::time::Duration;

use hwaddr::{Guid, MacAddress};
use one_sriov_system::Program;

use super::{SetError, SetVf, Settings, Target};

/// So long may one call take: firmware answers in milliseconds, or not at all.
const LIMIT: Duration = Duration::from_secs(20);

/// The MAC that the kernel takes as "none" (`is_zero_ether_addr` in the drivers' `ndo_set_vf_mac`).
const NO_MAC: &str = "00:00:00:00:00:00";
/// The GUID that PFs take as "none".
const NO_GUID: &str = "ff:ff:ff:ff:ff:ff:ff:ff";

/// `sudo -n ip link`.
#[derive(Debug, Clone, Copy, Default)]
pub struct IpLink;

impl SetVf for IpLink {
    fn set(&self, target: &Target<'_>, settings: &Settings) -> Result<(), SetError> {
        if settings.is_empty() {
            return Ok(());
        }
        let (what, words) = words(settings);
        let pf = target.pf.to_string();
        let vf = target.vf;
        let number = vf.to_string();
        let done = ip_link(["set", "dev", &pf, "vf", &number])
            .args(&words)
            .capture(LIMIT);
        match done {
            Err(cause) => Err(SetError::Run {
                what,
                pf,
                vf,
                cause,
            }),
            Ok(done) if done.status.success() => Ok(()),
            Ok(done) => {
                let said = done.stderr_line();
                // strerror(EOPNOTSUPP): the kernel's answer, which ip passes on in this form.
                if said.contains("Operation not supported") {
                    Err(SetError::Unsupported { what, pf, vf })
                } else {
                    Err(SetError::Failed { what, pf, vf, said })
                }
            }
        }
    }
}

/// `sudo -n ip link ...`, speaking English.
pub(crate) fn ip_link<const N: usize>(words: [&str; N]) -> Program {
    Program::new("sudo")
        .args(["-n", "ip", "link"])
        .args(words)
        .env("LC_ALL", "C")
}

/// What is set, for people, and the words for `ip`.
fn words(settings: &Settings) -> (String, Vec<String>) {
    let mut what = Vec::new();
    let mut words = Vec::new();
    let mut set = |name: &'static str, word: &str, value: String| {
        what.push(name);
        words.push(word.to_owned());
        words.push(value);
    };
    let mac = |mac: &Option<MacAddress>| mac.map_or(NO_MAC.into(), |mac| mac.to_string());
    let guid = |guid: &Option<Guid>| guid.map_or(NO_GUID.into(), |guid| guid.to_string());
    if let Some(value) = &settings.mac {
        set("MAC", "mac", mac(value));
    }
    if let Some((id, qos)) = settings.vlan {
        set("VLAN", "vlan", id.to_string());
        if qos != 0 {
            words.extend(["qos".to_owned(), qos.to_string()]);
        }
    }
    let mut set = |name: &'static str, word: &str, value: String| {
        what.push(name);
        words.push(word.to_owned());
        words.push(value);
    };
    if let Some(value) = &settings.node_guid {
        set("node GUID", "node_guid", guid(value));
    }
    if let Some(value) = &settings.port_guid {
        set("port GUID", "port_guid", guid(value));
    }
    if let Some(state) = settings.link_state {
        set("link state", "state", state.to_string());
    }
    (what.join(", "), words)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::lease::LinkState;

    #[test]
    fn one_call_sets_everything() {
        let guid: Guid = "00:04:aa:00:c0:a8:32:11".parse().unwrap();
        let infiniband = Settings {
            node_guid: Some(Some(guid)),
            port_guid: Some(None),
            link_state: Some(LinkState::Auto),
            ..Settings::default()
        };
        let (what, set) = words(&infiniband);
        assert_eq!(what, "node GUID, port GUID, link state");
        assert_eq!(
            set.join(" "),
            "node_guid 00:04:aa:00:c0:a8:32:11 port_guid ff:ff:ff:ff:ff:ff:ff:ff state auto"
        );
        let ethernet = Settings {
            mac: Some(Some("02:00:0a:00:00:05".parse().unwrap())),
            vlan: Some((100, 3)),
            ..Settings::default()
        };
        let (what, set) = words(&ethernet);
        assert_eq!(what, "MAC, VLAN");
        assert_eq!(set.join(" "), "mac 02:00:0a:00:00:05 vlan 100 qos 3");
    }
}
