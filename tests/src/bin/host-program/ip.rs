//! `ip link`, and the kernel that it talks to.
//!
//! `<root>/state/vfs/<pf>` has a line for each VF of a PF:
//!
//! ```text
//! 3 mac 02:00:0a:00:00:05 vlan 100 node_guid 00:04:aa:00:c0:a8:32:11 state auto
//! ```
//!
//! Switches: `ip-unsupported` (PFs without support, one per line), `ip-refuses` (settings that a PF refuses, one per line),
//! `ip-fails` (the error), `ip-is-old` (doesn't know GUIDs), `ip-busy` (errors, one per line; each call fails with the next one),
//! `ip-changes` (`100 200`: a PF that sets 200 instead of 100).

use std::collections::BTreeMap;
use std::fs;

use one_sriov_tests::host::kernel;

use crate::place::Place;

pub(crate) fn run(place: &Place, words: &[String]) -> Result<(), String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["link", "add", "name", name, "type", "bridge"] => {
            let dir = place.path(format!("/sys/class/net/{name}"));
            match fs::create_dir(&dir) {
                Ok(()) => Ok(()),
                Err(_) => Err("RTNETLINK answers: File exists".into()),
            }
        }
        ["link", "set", "dev", pf, "vf", vf, ref settings @ ..] => set(place, pf, vf, settings),
        _ => Err(format!("Command \"{}\" is unknown.", words.join(" "))),
    }
}

fn set(place: &Place, pf: &str, vf: &str, settings: &[&str]) -> Result<(), String> {
    if let Some(answer) = place.switch("ip-fails") {
        return Err(format!("RTNETLINK answers: {}", answer.trim()));
    }
    if let Some(answers) = place.switch("ip-busy") {
        let (first, rest) = answers.split_once('\n').expect("a line");
        match rest {
            "" => fs::remove_file(place.path("state/ip-busy")).expect("the switch was on"),
            rest => place.write("state/ip-busy", rest),
        }
        return Err(format!("RTNETLINK answers: {first}"));
    }
    let unsupported = place.switch("ip-unsupported").unwrap_or_default();
    if unsupported.lines().any(|line| line == pf) {
        return Err("RTNETLINK answers: Operation not supported".into());
    }
    let refused = place.switch("ip-refuses").unwrap_or_default();
    if settings
        .iter()
        .step_by(2)
        .any(|name| refused.lines().any(|line| line == *name))
    {
        return Err("RTNETLINK answers: Operation not supported".into());
    }
    // An old version parses like a new one, but doesn't know the word (ip/iplink.c).
    let unknown = |name: &&str| place.switch("ip-is-old").is_some() && name.ends_with("_guid");
    match settings.iter().step_by(2).position(unknown) {
        None => {}
        Some(0) => return Err("Command line is not complete. Try option \"help\"".into()),
        Some(nth) => {
            let word = settings[2 * nth];
            return Err(format!(
                "Error: either \"dev\" is duplicate, or \"{word}\" is a garbage."
            ));
        }
    }
    let vf: u32 = vf
        .parse()
        .map_err(|_| format!("Error: argument \"{vf}\" is wrong: Invalid \"vf\" value"))?;
    let _lock = place.lock();
    apply(place, pf, vf, settings)
}

/// Does what the kernel does with a message to a VF.
pub(crate) fn apply(place: &Place, pf: &str, vf: u32, settings: &[&str]) -> Result<(), String> {
    let text = fs::read_to_string(place.path(format!("state/vfs/{pf}")))
        .map_err(|_| format!("Cannot find device \"{pf}\""))?;
    let mut vfs = kernel::parse(&text);
    let state: &mut BTreeMap<String, String> = vfs
        .get_mut(&vf)
        .ok_or("RTNETLINK answers: Invalid argument")?;
    // The kernel stops processing a message once it has set a node GUID (do_setvfinfo of net/core/rtnetlink.c).
    let sets_node_guid = settings.iter().step_by(2).any(|name| *name == "node_guid");
    for pair in settings.chunks(2) {
        let [name, value] = pair else {
            return Err("Command line is not complete.".into());
        };
        if sets_node_guid && *name == "port_guid" {
            continue;
        }
        if *name == "vlan" {
            // The message sets priority and protocol, too; the defaults are 0 and 802.1Q (IFLA_VF_VLAN in do_setvfinfo).
            state.remove("qos");
            state.remove("proto");
        }
        let change = place.switch("ip-changes");
        let value = match change.as_deref().and_then(|text| text.split_once(' ')) {
            Some((asked, other)) if asked == *value => other,
            _ => value,
        };
        state.insert((*name).to_owned(), value.to_owned());
    }
    place.write(format!("state/vfs/{pf}"), kernel::print(&vfs));
    kernel::answers(pf, &vfs, |path, answer| place.write(path, answer));
    Ok(())
}
