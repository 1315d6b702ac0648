//! `/etc/network/interfaces`, which is not ours: whether it lets our files be read, and by them alone.

use std::collections::BTreeSet;

use hwaddr::InterfaceName;

use crate::plan::Plan;
use crate::render::configured::configured;

/// The file that everything begins with.
pub(in crate::render) const PATH: &str = "/etc/network/interfaces";
const DIR: &str = "/etc/network/interfaces.d";

/// What a person has to change in that file; `text` is none where there is no such file.
pub(in crate::render) fn complaints(plan: &Plan, text: Option<&str>) -> Vec<String> {
    let ours: BTreeSet<&InterfaceName> = configured(plan).map(|nic| nic.device).collect();
    if ours.is_empty() {
        return Vec::new();
    }
    let lines = || text.unwrap_or_default().lines().map(str::trim);
    let mut complaints = Vec::new();
    if !lines().any(is_source) {
        complaints.push(format!(
            "'{PATH}' has no line 'source {DIR}/*': the files there are not read"
        ));
    }
    let dummies = plan.dummies.iter().map(|dummy| &dummy.name);
    let devices = ours.into_iter().chain(dummies);
    complaints.extend(devices.filter_map(|device| {
        let is_its = |line: &str| {
            let mut words = line.split_whitespace();
            words.next() == Some("iface") && words.next() == Some(device.as_str())
        };
        lines()
            .any(is_its)
            .then(|| format!("'{PATH}' configures '{device}', too: take its stanza out of there"))
    }));
    complaints
}

/// `source /etc/network/interfaces.d/*`, with or without the `.cfg`, or relative to the file.
fn is_source(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let pattern = match words.next() {
        Some("source") => words.next(),
        _ => None,
    };
    let pattern = pattern.map(|pattern| {
        let relative = pattern.strip_prefix("/etc/network/");
        relative.unwrap_or(pattern)
    });
    matches!(pattern, Some("interfaces.d/*" | "interfaces.d/*.cfg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_our_files_match_counts_as_a_source() {
        let table = [
            ("source /etc/network/interfaces.d/*", true),
            ("source /etc/network/interfaces.d/*.cfg", true),
            ("source interfaces.d/*", true),
            ("source-directory /etc/network/interfaces.d", false),
            ("#source /etc/network/interfaces.d/*", false),
            ("source /etc/network/other.d/*", false),
            ("", false),
        ];
        for (line, expected) in table {
            assert_eq!(is_source(line), expected, "{line}");
        }
    }
}
