//! Prints the changes as a unified diff, for `--dry-run`.

use std::fmt::Write;
use std::path::Path;

use similar::TextDiff;

use super::changes::{ChangeKind, Changes, Foreign, NewFile};

/// How many lines are shown around a change.
const CONTEXT: usize = 3;
/// The keys of ifcfg files whose values are not secret, without trailing numbers.
const HARMLESS: [&str; 36] = [
    "BOOTPROTO",
    "BROADCAST",
    "CONNECTED_MODE",
    "DEFROUTE",
    "DEVICE",
    "DHCPV6C",
    "DNS",
    "DOMAIN",
    "GATEWAY",
    "HWADDR",
    "IPADDR",
    "IPOIB",
    "IPOIB_MODE",
    "IPV6ADDR",
    "IPV6ADDR_SECONDARIES",
    "IPV6INIT",
    "IPV6_AUTOCONF",
    "IPV6_DEFAULTGW",
    "METRIC",
    "MTU",
    "NAME",
    "NETMASK",
    "NETWORK",
    "NM_CONTROLLED",
    "ONBOOT",
    "PEERDNS",
    "PERSISTENT_DHCLIENT",
    "PHYSDEV",
    "PKEY",
    "PKEY_ID",
    "PREFIX",
    "STARTMODE",
    "TYPE",
    "USERCTL",
    "UUID",
    "VLAN",
];

/// Returns all changes as one unified diff; empty if there are none.
///
/// Possible secrets in foreign files are hidden, because diffs end up in logs and tickets.
#[must_use]
pub fn diff(changes: &Changes) -> String {
    let mut out = String::new();
    for change in changes {
        let path = change.path.as_path();
        match &change.kind {
            ChangeKind::Create(new) => unified(&mut out, path, None, Some(new)),
            ChangeKind::Update { old, new } => {
                let old = String::from_utf8_lossy(&old.content);
                unified(&mut out, path, Some(&old), Some(new));
            }
            ChangeKind::ReplaceForeign {
                old: Foreign::File(old),
                new,
            } => {
                let old = masked(&String::from_utf8_lossy(&old.content));
                unified(&mut out, path, Some(&old), Some(new));
            }
            ChangeKind::ReplaceForeign {
                old: Foreign::Symlink(target),
                new,
            } => {
                // Text between the files of a diff is ignored by programs.
                let (path, target) = (path.display(), target.display());
                line(
                    &mut out,
                    format_args!("Symbolic link {path} -> {target} is replaced"),
                );
                unified(&mut out, &change.path, None, Some(new));
            }
            ChangeKind::FixMode { old, new } => {
                let path = path.display();
                line(&mut out, format_args!("diff --git a{path} b{path}"));
                line(
                    &mut out,
                    format_args!("old mode 100{old:03o}\nnew mode 100{new:03o}"),
                );
            }
            ChangeKind::Remove(old) => {
                let old = String::from_utf8_lossy(&old.content);
                unified(&mut out, path, Some(&old), None);
            }
            ChangeKind::Unchanged | ChangeKind::Conflict(_) | ChangeKind::ForeignLeft => {}
        }
    }
    out
}

fn unified(out: &mut String, path: &Path, old: Option<&str>, new: Option<&NewFile>) {
    let name = |side, there| {
        if there {
            format!("{side}{}", path.display())
        } else {
            "/dev/null".to_owned()
        }
    };
    let new_text = new.map_or("", |new| new.text.as_str());
    let diff = TextDiff::from_lines(old.unwrap_or_default(), new_text);
    let (from, to) = (name('a', old.is_some()), name('b', new.is_some()));
    let mut diff = diff.unified_diff();
    let diff = diff.context_radius(CONTEXT).header(&from, &to);
    out.push_str(&diff.to_string());
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{text}");
}

/// Hides everything in a foreign text that is not known to be harmless.
fn masked(text: &str) -> String {
    text.split_inclusive('\n').map(masked_line).collect()
}

fn masked_line(line: &str) -> String {
    let body = line.trim_end_matches('\n');
    let end = &line[body.len()..];
    let is_word = |c: char| c.is_ascii_alphanumeric() || "._:/%-".contains(c);
    let is_plain = |value: &str| {
        value
            .trim_matches('"')
            .chars()
            .all(|c| is_word(c) || c == ' ')
    };
    match body.split_once('=') {
        None if body.trim().is_empty() => line.to_owned(),
        // A comment without a value is shown.
        None if body.starts_with('#') => line.to_owned(),
        Some((name, value)) if is_harmless(name) && is_plain(value) => line.to_owned(),
        Some((name, _)) if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
            format!("{name}=(hidden){end}")
        }
        _ => format!("(hidden){end}"),
    }
}

fn is_harmless(name: &str) -> bool {
    HARMLESS.contains(&name.trim_end_matches(|c: char| c.is_ascii_digit()))
}
