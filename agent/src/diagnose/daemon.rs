//! The state of a device according to the running daemon of a network stack, which saves it in files.
//!
//! ```text
//! /run/systemd/netif/links/2          ADMIN_STATE=unmanaged
//!                                     NETWORK_FILE=/etc/systemd/network/05-old.network
//! /run/NetworkManager/devices/2       managed=false
//!                                     connection-uuid=1111...
//! ```
//! Sources: systemd's `src/network/networkd-link.c` (`link_save`), NetworkManager's `src/core/nm-config.c`.

use std::path::Path;

use super::Finding;
use crate::detect::Probe;
use crate::render::RenderedFile;

const CONNECTIONS: [&str; 3] = [
    "/run/NetworkManager/system-connections",
    "/etc/NetworkManager/system-connections",
    "/usr/lib/NetworkManager/system-connections",
];

/// Explains why systemd-networkd has not configured a device by the agent's file.
pub(super) fn of_networkd(
    root: &Probe<'_>,
    device: &str,
    index: u32,
    files: &[&RenderedFile],
) -> Option<Finding> {
    let path = format!("/run/systemd/netif/links/{index}");
    let text = root.read_to_string(Path::new(&path)).ok()?;
    let by = value(&text, "NETWORK_FILE");
    // The file that netplan generates from the agent's YAML has a name that netplan chose.
    let is_ours = |file: &str| {
        let own = |rendered: &&RenderedFile| rendered.path == Path::new(file);
        files.iter().any(own) || file.contains("one-sriov")
    };
    if let Some(file) = by.filter(|file| !is_ours(file)) {
        let text = format!(
            "systemd-networkd configures '{device}' by '{file}', not by a file of the agent ({path}): remove that file, or its match"
        );
        return Some(Finding::problem("stack-other-file", text).of(device));
    }
    match value(&text, "ADMIN_STATE")? {
        "unmanaged" => {
            let text = format!(
                "systemd-networkd leaves '{device}' unmanaged ({path}): no .network file that it has read matches; 'networkctl reload', and look for a file with 'Unmanaged=yes'"
            );
            Some(Finding::problem("stack-unmanaged", text).of(device))
        }
        state @ ("configuring" | "failed" | "pending" | "initialized") => {
            let text = format!(
                "systemd-networkd has not finished with '{device}': it is {state} ({path}); see 'journalctl -u systemd-networkd'"
            );
            Some(Finding::warning("stack-unfinished", text).of(device))
        }
        _ => None,
    }
}

/// Explains why NetworkManager has not configured a device by the agent's file.
pub(super) fn of_network_manager(
    root: &Probe<'_>,
    device: &str,
    index: u32,
    files: &[&RenderedFile],
) -> Option<Finding> {
    let path = format!("/run/NetworkManager/devices/{index}");
    let state = root.read_to_string(Path::new(&path)).unwrap_or_default();
    let uuid = value(&state, "connection-uuid");
    let is_managed = value(&state, "managed") == Some("true");
    let text = match uuid {
        None if is_managed => return None,
        None => {
            let rule = unmanaged_rule(root, device);
            let text = format!(
                "NetworkManager does not manage '{device}' ({}): {}",
                if state.is_empty() {
                    format!("no '{path}'")
                } else {
                    path
                },
                rule.unwrap_or_else(|| {
                    "see 'nmcli device' and 'unmanaged-devices' in its configuration".into()
                })
            );
            return Some(Finding::problem("stack-unmanaged", text).of(device));
        }
        Some(uuid) => {
            let is_its = |file: &RenderedFile| value(&file.text, "uuid") == Some(uuid);
            if files.iter().any(|file| is_its(file)) || !files.iter().any(|file| has_uuid(file)) {
                return None;
            }
            let by = profile_with(root, uuid).unwrap_or_else(|| format!("profile {uuid}"));
            format!(
                "NetworkManager configures '{device}' by {by}, not by the profile of the agent ({path}): 'nmcli connection delete uuid {uuid}', then 'one-sriov-agent apply --activate'"
            )
        }
    };
    Some(Finding::problem("stack-other-file", text).of(device))
}

fn has_uuid(file: &RenderedFile) -> bool {
    value(&file.text, "uuid").is_some()
}

fn profile_with(root: &Probe<'_>, uuid: &str) -> Option<String> {
    CONNECTIONS.iter().map(Path::new).find_map(|directory| {
        let names = root.list(directory).ok()?;
        let mut paths = names.into_iter().map(|name| directory.join(name));
        let path = paths.find(|path| {
            let text = root.read_to_string(path).unwrap_or_default();
            value(&text, "uuid") == Some(uuid)
        })?;
        Some(format!("'{}'", path.display()))
    })
}

/// Finds the line of NetworkManager's configuration that makes a device unmanaged.
fn unmanaged_rule(root: &Probe<'_>, device: &str) -> Option<String> {
    let directories = [
        "/etc/NetworkManager/conf.d",
        "/run/NetworkManager/conf.d",
        "/usr/lib/NetworkManager/conf.d",
    ];
    let files = directories
        .map(Path::new)
        .into_iter()
        .flat_map(|directory| {
            let names = root.list(directory).unwrap_or_default();
            names.into_iter().map(move |name| directory.join(name))
        });
    let main = Path::new("/etc/NetworkManager/NetworkManager.conf").to_owned();
    [main].into_iter().chain(files).find_map(|path| {
        let text = root.read_to_string(&path).ok()?;
        let (at, line) = text.lines().enumerate().find(|(_, line)| {
            line.trim_start().starts_with("unmanaged-devices") || line.trim() == "managed=0"
        })?;
        let (path, at) = (path.display(), at + 1);
        Some(format!("'{path}' line {at} says '{}'; if that is why, except '{device}' there ('except:interface-name:{device}')", line.trim().escape_debug()))
    })
}

/// Returns the value of a line `key=value`.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let (own, value) = line.split_once('=')?;
        (own.trim() == key).then(|| value.trim())
    })
}
