//! The renderers that one-context tries on a system, read from the tables in its network script.
//!
//! ```text
//! case "${os_id}${os_ver}" in          # up to 6.6.1: "${os_id}"
//!     debian12)
//!         NETCFG_TYPE='netplan networkd interfaces nm'
//!         ;;
//! ...
//! case "${NETCFG_TYPE}" in             # up to 6.6.1: no aliases
//!     networkmanager)
//!         NETCFG_TYPE='nm'
//! ```
//! The tables changed in 6.8 and after 7.0.0. If the script has an unknown form, the built-in tables apply: those of the version
//! that dpkg or apk lists, else the newest ones.

use std::path::Path;

use super::Probe;
use crate::glob;

pub(super) const SCRIPT: &str = "/etc/one-context.d/loc-10-network";

/// The tables in the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renderers {
    by_system: Table,
    /// Whether the system names include the version.
    has_versions: bool,
    /// Aliases for the whole value of `NETCFG_TYPE`, if the release has any.
    other_names: Option<Table>,
}

/// The arms of a `case`: patterns, and the value of `NETCFG_TYPE` for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Table(Vec<(Vec<String>, String)>);

impl Table {
    fn get(&self, word: &str) -> Option<&str> {
        let mut arms = self.0.iter();
        let is_it = |patterns: &[String]| patterns.iter().any(|own| glob::matches(own, word));
        arms.find_map(|(patterns, value)| is_it(patterns).then_some(&**value))
    }

    /// Parses lines like `debian12=netplan networkd`.
    fn known(text: &str) -> Self {
        let arm = |line: &str| {
            let (patterns, value) = line.split_once('=')?;
            let patterns = patterns.split('|').map(str::to_owned).collect();
            Some((patterns, value.to_owned()))
        };
        Self(text.lines().filter_map(arm).collect())
    }
}

impl Renderers {
    /// Reads the tables of the one-context on a machine.
    #[must_use]
    pub fn gather(root: &Probe<'_>) -> Self {
        let script = root.read_to_string(Path::new(SCRIPT)).unwrap_or_default();
        Self::parse(&script).unwrap_or_else(|| {
            log::debug!("the tables of '{SCRIPT}' have an unknown form");
            Self::of(version(root).unwrap_or((u32::MAX, 0, 0)))
        })
    }

    /// Returns the tables of the newest release.
    #[must_use]
    pub fn newest() -> Self {
        Self::of((u32::MAX, 0, 0))
    }

    /// Reads the script; returns `None` if it has no table of systems in the known form.
    fn parse(script: &str) -> Option<Self> {
        let mut lines = script.lines().map(str::trim);
        let (mut by_system, mut other_names) = (None, None);
        while let Some(line) = lines.next() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let ["case", subject, "in"] = words[..] else {
                continue;
            };
            let Some(table) = arms(&mut lines) else {
                continue;
            };
            match subject.trim_matches('"') {
                "${os_id}${os_ver}" => by_system = by_system.or(Some((table, true))),
                "${os_id}" => by_system = by_system.or(Some((table, false))),
                "${NETCFG_TYPE}" => other_names = other_names.or(Some(table)),
                _ => {}
            }
        }
        let (by_system, has_versions) = by_system?;
        Some(Self {
            by_system,
            has_versions,
            other_names,
        })
    }

    fn of(version: (u32, u32, u32)) -> Self {
        let (systems, has_versions) = if version < (6, 8, 0) {
            (UP_TO_6_6.to_owned(), false)
        } else if version < (7, 0, 1) {
            (format!("{FROM_6_8}opensuse*|sles*|sled*=scripts\n"), true)
        } else {
            (format!("{FROM_6_8}{SUSE_AFTER_7_0_0}"), true)
        };
        Self {
            by_system: Table::known(&systems),
            has_versions,
            other_names: has_versions.then(|| Table::known(OTHER_NAMES)),
        }
    }

    /// Returns the renderers to try on a system, such as `debian` and `12`; `None` if one-context does nothing.
    pub(super) fn on(&self, id: &str, version: &str) -> Option<Vec<String>> {
        let version = if self.has_versions { version } else { "" };
        names(self.by_system.get(&format!("{id}{version}"))?)
    }

    /// Returns the renderers to try for a `NETCFG_TYPE`; `None` for `none`.
    pub(super) fn asked(&self, value: &str) -> Option<Vec<String>> {
        match &self.other_names {
            Some(others) => {
                let value = value.trim().to_ascii_lowercase();
                names(others.get(&value).unwrap_or(&value))
            }
            None => names(value),
        }
    }
}

fn names(value: &str) -> Option<Vec<String>> {
    (value != "none").then(|| value.split_ascii_whitespace().map(str::to_owned).collect())
}

/// Parses the arms up to `esac`; returns `None` if one contains more than a value for `NETCFG_TYPE`.
fn arms<'l>(lines: &mut impl Iterator<Item = &'l str>) -> Option<Table> {
    let mut table = Table::default();
    let mut open: Option<(Vec<String>, Option<String>)> = None;
    for line in lines {
        match (line, &mut open) {
            ("esac", None) => return Some(table),
            ("", _) => {}
            (comment, _) if comment.starts_with('#') => {}
            (";;", Some(_)) => {
                let (patterns, value) = open.take()?;
                table.0.push((patterns, value?));
            }
            (line, Some((_, value @ None))) => {
                let text = line.strip_prefix("NETCFG_TYPE='")?.strip_suffix('\'')?;
                *value = Some(text.to_owned());
            }
            (line, None) => {
                let patterns = line.strip_suffix(')')?;
                let patterns = patterns.trim_start_matches('(').split('|');
                let patterns: Vec<String> = patterns.map(|one| one.trim().to_owned()).collect();
                let is_pattern = |c: char| c.is_ascii_alphanumeric() || "*?[]!-._".contains(c);
                if !patterns.iter().all(|one| one.chars().all(is_pattern)) {
                    return None;
                }
                open = Some((patterns, None));
            }
            _ => return None,
        }
    }
    None
}

/// Returns the version of the package from the list of installed packages of dpkg or apk.
fn version(root: &Probe<'_>) -> Option<(u32, u32, u32)> {
    let lists = [
        ("/var/lib/dpkg/status", "Package: ", "Version: "),
        ("/lib/apk/db/installed", "P:", "V:"),
    ];
    lists.into_iter().find_map(|(path, package, version)| {
        let text = root.read_to_string(Path::new(path)).ok()?;
        let mut paragraphs = text.split("\n\n");
        let mut lines = paragraphs
            .find(|paragraph| {
                let mut lines = paragraph.lines();
                lines.any(|line| line.strip_prefix(package) == Some("one-context"))
            })?
            .lines();
        let version = lines.find_map(|line| line.strip_prefix(version))?;
        // Without the epoch and the package's release.
        let version = version.rsplit(':').next()?.split('-').next()?;
        let mut numbers = version.split('.');
        let mut number = || numbers.next()?.parse().ok();
        Some((number()?, number()?, number().unwrap_or(0)))
    })
}

const UP_TO_6_6: &str = "alpine=interfaces
altlinux=networkd nm
debian|devuan|ubuntu=interfaces netplan nm networkd
fedora|centos|rhel|almalinux|ol|rocky=scripts nm networkd
opensuse*|sles|sled=scripts
";
const FROM_6_8: &str = "alpine*=interfaces
altlinux*=networkd nm
debian12=netplan networkd interfaces nm
devuan*|debian*=interfaces netplan nm networkd
ubuntu*=netplan networkd interfaces nm
fedora*|centos*|rhel*|almalinux*|ol*|rocky*=nm networkd scripts
amzn*=scripts
";
const SUSE_AFTER_7_0_0: &str = "opensuse-leap15*|sles15*|sled15*=scripts
opensuse-leap16*|sles16*|sled16*=nm networkd scripts
";
const OTHER_NAMES: &str = "networkmanager=nm
systemd-networkd|systemd-network|systemd=networkd
redhat=scripts
debian=interfaces
";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// The scripts that the tests with one-context run in bash, with their versions.
    const SCRIPTS: [(&str, (u32, u32, u32)); 3] = [
        (
            include_str!("../../../tests/companion/releases/6.6.sh"),
            (6, 6, 1),
        ),
        (
            include_str!("../../../tests/companion/releases/7.0.sh"),
            (7, 0, 0),
        ),
        (
            include_str!("../../../tests/companion/releases/7.2.sh"),
            (7, 2, 0),
        ),
    ];

    #[test]
    fn a_parsed_script_agrees_with_the_table_of_its_version() {
        let systems = [
            ("debian", "11"),
            ("debian", "12"),
            ("debian", "120"),
            ("devuan", "5"),
            ("ubuntu", "22.04"),
            ("ubuntu debian", "22"),
            ("rocky", "9.4"),
            ("centos", "7"),
            ("opensuse-leap", "15.6"),
            ("opensuse-leap", "16.0"),
            ("opensuse-tumbleweed", "20250101"),
            ("sles", "15.5"),
            ("alpine", "3.20"),
            ("amzn", "2023"),
            ("arch", ""),
        ];
        let asked = [
            "NetworkManager",
            " nm networkd ",
            "Debian",
            "none",
            "systemd-network",
        ];
        for (script, version) in SCRIPTS {
            let read = Renderers::parse(script).unwrap();
            let known = Renderers::of(version);
            for (id, of_system) in systems {
                assert_eq!(
                    read.on(id, of_system),
                    known.on(id, of_system),
                    "{version:?}, {id}{of_system}"
                );
            }
            for value in asked {
                assert_eq!(
                    read.asked(value),
                    known.asked(value),
                    "{version:?}, {value}"
                );
            }
        }
    }

    #[test]
    fn a_script_that_is_more_than_a_table_is_rejected() {
        let [(script, _), ..] = SCRIPTS;
        let table = [
            ("NETCFG_TYPE='interfaces'", "NETCFG_TYPE=$(ours)"),
            ("NETCFG_TYPE='interfaces'", "ours; NETCFG_TYPE='interfaces'"),
            ("alpine)", "$alpine)"),
            ("${os_id}", "${ours}"),
            ("esac", ""),
        ];
        for (from, to) in table {
            assert!(script.contains(from), "{from}");
            assert_eq!(Renderers::parse(&script.replace(from, to)), None, "{to}");
        }
        assert_eq!(Renderers::parse(""), None);
    }

    #[test]
    fn the_version_is_that_of_the_package() {
        let table = [
            (
                "/var/lib/dpkg/status",
                "Package: one\nVersion: 1.0\n\nPackage: one-context\nStatus: install ok installed\nVersion: 6.6.1-1\n",
                Some((6, 6, 1)),
            ),
            (
                "/var/lib/dpkg/status",
                "Package: one-context\nVersion: 1:7.0.0\n",
                Some((7, 0, 0)),
            ),
            (
                "/lib/apk/db/installed",
                "P:busybox\nV:1.36.1-r2\n\nP:one-context\nV:6.10-r1\n",
                Some((6, 10, 0)),
            ),
            (
                "/var/lib/dpkg/status",
                "Package: one-context-ec2\nVersion: 6.6.1\n",
                None,
            ),
        ];
        for (path, text, expected) in table {
            let machine = tempfile::TempDir::new().unwrap();
            let file = machine.path().join(&path[1..]);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
            let root = one_sriov_system::Root::new(machine.path());
            let found = version(&Probe::new(&root));
            assert_eq!(found, expected, "{text}");
        }
    }
}
