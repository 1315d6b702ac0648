//! `/etc/network/interfaces`, which is not ours: whether it lets our files be read, and by them alone.
//!
//! | line | ifupdown | ifupdown-ng | busybox |
//! |---|---|---|---|
//! | `source /etc/network/interfaces.d/*` | yes | from 0.13 on | no: it takes that for a name, and stops |
//! | `source-directory /etc/network/interfaces.d` | only names without a dot | yes | yes, from 1.29 on |
//! | `source-dir /etc/network/interfaces.d` | no | no | the same |
//!
//! A relative name is one of the directory of the file for ifupdown, and of wherever they run for the others.

use std::collections::BTreeSet;

use hwaddr::InterfaceName;

use super::Dialect;
use crate::plan::Plan;
use crate::render::configured::configured;

/// The file that everything begins with.
pub(in crate::render) const PATH: &str = "/etc/network/interfaces";
const DIR: &str = "/etc/network/interfaces.d";

/// What a person has to change in that file; `text` is none where there is no such file.
pub(in crate::render) fn warnings(
    plan: &Plan,
    dialect: Dialect,
    text: Option<&str>,
) -> Vec<String> {
    let ours: BTreeSet<&InterfaceName> = configured(plan).map(|nic| nic.device).collect();
    if ours.is_empty() {
        return Vec::new();
    }
    let lines = || text.unwrap_or_default().lines().map(str::trim);
    let mut warnings = Vec::new();
    if !lines().any(|line| is_source(dialect, line)) {
        warnings.push(match dialect {
            Dialect::Debian => {
                format!("'{PATH}' has no line 'source {DIR}/*', so the files there are not read")
            }
            // A reader of the other forms there may be; which one a guest has is not known.
            Dialect::Alpine => format!(
                "'{PATH}' has no line 'source-directory {DIR}', so busybox and ifupdown-ng do not read the files there"
            ),
        });
    }
    let dummies = plan.dummies.iter().map(|dummy| &dummy.name);
    let devices = ours.into_iter().chain(dummies);
    warnings.extend(devices.filter_map(|device| {
        let is_its = |line: &str| {
            let mut words = line.split_whitespace();
            words.next() == Some("iface") && words.next() == Some(device.as_str())
        };
        lines()
            .any(is_its)
            .then(|| format!("'{PATH}' also configures '{device}': remove its stanza there"))
    }));
    warnings
}

/// Whether every reader of a dialect has our files by this line.
fn is_source(dialect: Dialect, line: &str) -> bool {
    let mut words = line.split_whitespace();
    match (dialect, words.next(), words.next()) {
        (Dialect::Debian, Some("source"), Some(pattern)) => {
            let relative = pattern.strip_prefix("/etc/network/").unwrap_or(pattern);
            matches!(relative, "interfaces.d/*" | "interfaces.d/*.cfg")
        }
        (Dialect::Alpine, Some("source-directory"), Some(directory)) => {
            directory.trim_end_matches('/') == DIR
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_our_files_match_counts_as_a_source() {
        let (neither, debian, alpine) = ((false, false), (true, false), (false, true));
        let table = [
            ("source /etc/network/interfaces.d/*", debian),
            ("source /etc/network/interfaces.d/*.cfg", debian),
            ("source interfaces.d/*", debian),
            ("source-directory /etc/network/interfaces.d", alpine),
            ("source-directory  /etc/network/interfaces.d/", alpine),
            ("source-directory interfaces.d", neither),
            ("source-directory /etc/network/interfaces.d/*", neither),
            ("source-dir /etc/network/interfaces.d", neither),
            ("source /etc/network/interfaces.d", neither),
            ("#source /etc/network/interfaces.d/*", neither),
            ("#source-directory /etc/network/interfaces.d", neither),
            ("source /etc/network/other.d/*", neither),
            ("source-directory /etc/network/other.d", neither),
            ("", neither),
        ];
        for (line, expected) in table {
            let found = [Dialect::Debian, Dialect::Alpine].map(|dialect| is_source(dialect, line));
            assert_eq!((found[0], found[1]), expected, "{line}");
        }
    }
}
