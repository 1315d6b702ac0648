//! Sets up VFs with `ip link`, the only such program that `oneadmin` may run with `sudo` on every OpenNebula host.
//!
//! ```text
//! sudo -n ip link set dev ib0 vf 3 node_guid 00:04:aa:00:c0:a8:32:11
//! sudo -n ip link set dev ib0 vf 3 port_guid 00:04:aa:00:c0:a8:32:11 state auto
//! ```

use std::time::{Duration, Instant};

use hwaddr::{Guid, MacAddress};
use one_sriov_system::Program;

use super::{SetError, SetVf, Settings, Target};

/// How long one call may take: firmware answers in milliseconds, or not at all.
const LIMIT: Duration = Duration::from_secs(20);

/// How long to retry if the PF is busy: a VF in reset is ready within about a second.
const BUSY_LIMIT: Duration = Duration::from_secs(3);
/// The pause between retries. The kernel does not report the end of the reset.
const BUSY_PACE: Duration = Duration::from_millis(100);

/// The MAC that the kernel treats as "none" (`is_zero_ether_addr` in the drivers' `ndo_set_vf_mac`).
const NO_MAC: &str = "00:00:00:00:00:00";
/// The GUID that PFs treat as "none".
const NO_GUID: &str = "ff:ff:ff:ff:ff:ff:ff:ff";

/// The keywords of `ip` for the GUIDs of a VF.
const NODE_GUID: &str = "node_guid";
const PORT_GUID: &str = "port_guid";

/// `sudo -n ip link`.
#[derive(Debug, Clone, Copy, Default)]
pub struct IpLink;

impl SetVf for IpLink {
    fn set(&self, target: &Target<'_>, settings: &Settings) -> Result<(), SetError> {
        let deadline = Instant::now() + BUSY_LIMIT;
        for call in calls(settings) {
            loop {
                match call.make(target) {
                    Err(error) if error.is_busy() && Instant::now() < deadline => {
                        std::thread::sleep(BUSY_PACE);
                    }
                    done => break done?,
                }
            }
        }
        Ok(())
    }
}

/// One message to the kernel.
#[derive(Debug, Default)]
struct Call {
    /// What is set, for messages.
    what: Vec<&'static str>,
    /// The arguments for `ip`.
    words: Vec<String>,
}

impl Call {
    fn add(&mut self, name: &'static str, word: &str, value: String) {
        self.what.push(name);
        self.words.push(word.to_owned());
        self.words.push(value);
    }

    fn sets_guid(&self) -> bool {
        let mut words = self.words.iter();
        words.any(|word| word == NODE_GUID || word == PORT_GUID)
    }

    fn make(&self, target: &Target<'_>) -> Result<(), SetError> {
        let what = self.what.join(", ");
        let pf = target.pf.to_string();
        let vf = target.vf;
        let number = vf.to_string();
        let done = ip_link(["set", "dev", &pf, "vf", &number])
            .args(&self.words)
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
                // strerror(EOPNOTSUPP), as ip prints it.
                if said.contains("Operation not supported") {
                    Err(SetError::Unsupported { what, pf, vf })
                } else if self.sets_guid() && is_unknown_word(&said) {
                    // This 'ip' is too old for GUIDs of VFs, whatever the PF's driver supports.
                    log::warn!("'ip' does not support GUIDs of VFs: {said}");
                    Err(SetError::Unsupported { what, pf, vf })
                } else {
                    Err(SetError::Failed { what, pf, vf, said })
                }
            }
        }
    }
}

/// Whether `ip` reports an unknown word. It takes a word that cannot follow `vf <number>` for the name of a second device
/// (`iplink_parse_vf` and `iplink_parse` of ip/iplink.c).
fn is_unknown_word(said: &str) -> bool {
    let is_second_device = said.contains("either \"dev\" is duplicate") && said.contains("garbage");
    // The first word after `vf <number>` was the unknown one.
    is_second_device || said.starts_with("Command line is not complete")
}

/// Returns the command `sudo -n ip link ...`, with English messages.
pub(crate) fn ip_link<const N: usize>(words: [&str; N]) -> Program<'static> {
    Program::new("sudo")
        .args(["-n", "ip", "link"])
        .args(words)
        .env("LC_ALL", "C")
}

/// Returns the messages that write all settings. The kernel ends a message once it has set a node GUID, and silently ignores
/// a port GUID in the same one (`do_setvfinfo` of net/core/rtnetlink.c).
fn calls(settings: &Settings) -> Vec<Call> {
    let mac = |mac: &Option<MacAddress>| mac.map_or(NO_MAC.into(), |mac| mac.to_string());
    let guid = |guid: &Option<Guid>| guid.map_or(NO_GUID.into(), |guid| guid.to_string());
    let mut first = Call::default();
    if let Some(value) = &settings.mac {
        first.add("MAC", "mac", mac(value));
    }
    if let Some(vlan) = settings.vlan {
        first.add("VLAN", "vlan", vlan.id.to_string());
        if vlan.qos != 0 {
            first.words.extend(["qos".to_owned(), vlan.qos.to_string()]);
        }
        if vlan.is_8021ad && vlan.id != 0 {
            first.words.extend(["proto", "802.1ad"].map(str::to_owned));
        }
    }
    let switch = |on| if on { "on" } else { "off" }.to_owned();
    if let Some(on) = settings.spoof_check {
        first.add("spoof check", "spoofchk", switch(on));
    }
    if let Some(on) = settings.trust {
        first.add("trust", "trust", switch(on));
    }
    if let Some((min, max)) = settings.rates {
        first.add("rates", "max_tx_rate", max.to_string());
        first
            .words
            .extend(["min_tx_rate".to_owned(), min.to_string()]);
    }
    if let Some(value) = &settings.node_guid {
        first.add("node GUID", NODE_GUID, guid(value));
    }
    let mut second = Call::default();
    if let Some(value) = &settings.port_guid {
        second.add("port GUID", PORT_GUID, guid(value));
    }
    if let Some(state) = settings.link_state {
        second.add("link state", "state", state.to_string());
    }
    let calls = [first, second].into_iter();
    calls.filter(|call| !call.words.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use one_sriov_system::{VfLinkState, VfVlan};

    fn texts(settings: &Settings) -> Vec<(String, String)> {
        let calls = calls(settings).into_iter();
        calls
            .map(|call| (call.what.join(", "), call.words.join(" ")))
            .collect()
    }

    #[test]
    fn node_and_port_guid_are_set_by_separate_calls() {
        let guid: Guid = "00:04:aa:00:c0:a8:32:11".parse().unwrap();
        let infiniband = Settings {
            node_guid: Some(Some(guid)),
            port_guid: Some(None),
            link_state: Some(VfLinkState::Auto),
            ..Settings::default()
        };
        let expected = [
            ("node GUID", "node_guid 00:04:aa:00:c0:a8:32:11"),
            (
                "port GUID, link state",
                "port_guid ff:ff:ff:ff:ff:ff:ff:ff state auto",
            ),
        ];
        assert_eq!(
            texts(&infiniband),
            expected.map(|(what, words)| (what.to_owned(), words.to_owned()))
        );
    }

    #[test]
    fn an_unknown_word_is_distinguished_from_other_errors() {
        let table = [
            ("Command line is not complete. Try option \"help\"", true),
            (
                "Error: either \"dev\" is duplicate, or \"port_guid\" is a garbage.",
                true,
            ),
            (
                "Error: either \"dev\" is duplicate, or \"port_guid\" is garbage.",
                true,
            ),
            ("Error: argument \"x\" is wrong: Invalid GUID format", false),
            ("Cannot find device \"ib0\"", false),
            ("RTNETLINK answers: Invalid argument", false),
            ("sudo: a password is required", false),
        ];
        for (said, expected) in table {
            assert_eq!(is_unknown_word(said), expected, "{said}");
        }
    }

    #[test]
    fn one_call_sets_everything_on_an_ethernet_vf() {
        let ethernet = Settings {
            mac: Some(Some("02:00:0a:00:00:05".parse().unwrap())),
            vlan: Some(VfVlan {
                id: 100,
                qos: 3,
                is_8021ad: true,
            }),
            spoof_check: Some(false),
            trust: Some(true),
            rates: Some((10, 1000)),
            ..Settings::default()
        };
        let expected = (
            "MAC, VLAN, spoof check, trust, rates".to_owned(),
            "mac 02:00:0a:00:00:05 vlan 100 qos 3 proto 802.1ad spoofchk off trust on \
             max_tx_rate 1000 min_tx_rate 10"
                .to_owned(),
        );
        assert_eq!(texts(&ethernet), [expected]);
        assert_eq!(texts(&Settings::default()), []);
    }
}
