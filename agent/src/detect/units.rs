//! Detects which systemd units start at boot, from the links and presets of a machine that is not running.
//!
//! A unit is enabled as in `systemctl --root DIR is-enabled`, or by the distribution's own links: there is a link in a `*.wants`
//! or `*.requires`, and no mask, which is a link to `/dev/null` or an empty file. Before the first boot, while there is no
//! machine ID, the presets decide. Sources: `systemd.unit(5)`, `systemd.preset(5)`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Probe;
use crate::glob;

/// systemd's directories of units and links, in order of precedence.
const UNITS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
const PRESETS: [&str; 5] = [
    "/etc/systemd/system-preset",
    "/run/systemd/system-preset",
    "/usr/local/lib/systemd/system-preset",
    "/usr/lib/systemd/system-preset",
    "/lib/systemd/system-preset",
];

/// Whether a unit starts at boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitState {
    /// The unit starts, because of this: a link in a `*.wants`, or the presets.
    Enabled(String),
    /// The unit is installed, but nothing starts it.
    Disabled,
    /// The unit is masked by this file.
    Masked(String),
    /// The unit is not installed.
    Missing,
}

/// The units of a machine.
pub struct Units<'r> {
    root: &'r Probe<'r>,
    /// The existing directories and the names in them, read once.
    directories: Vec<(&'static Path, Vec<String>)>,
}

impl<'r> Units<'r> {
    /// Reads the unit directories.
    #[must_use]
    pub fn of(root: &'r Probe<'r>) -> Self {
        let directories = UNITS.map(|directory| (Path::new(directory), names(root, directory)));
        let there = directories.into_iter();
        Self {
            root,
            directories: there.filter(|(_, names)| !names.is_empty()).collect(),
        }
    }

    /// Whether a unit starts at boot, and why.
    #[must_use]
    pub fn state(&self, unit: &str) -> UnitState {
        let file = self.file(unit);
        if let Some(mask) = file.as_deref().filter(|file| self.is_mask(file)) {
            return UnitState::Masked(mask.display().to_string());
        }
        if let Some(link) = self.link_in_wants(unit) {
            return UnitState::Enabled(link.display().to_string());
        }
        match file {
            None => UnitState::Missing,
            Some(_) if self.is_first_boot() && self.is_preset(unit) => {
                UnitState::Enabled("the presets of a first boot".into())
            }
            Some(_) => UnitState::Disabled,
        }
    }

    pub(super) fn is_enabled(&self, unit: &str) -> bool {
        matches!(self.state(unit), UnitState::Enabled(_))
    }

    /// Returns the path of the unit itself, in the first directory that has it.
    fn file(&self, unit: &str) -> Option<PathBuf> {
        let mut having = self.directories.iter();
        let (directory, _) = having.find(|(_, names)| names.iter().any(|name| name == unit))?;
        Some(directory.join(unit))
    }

    fn is_mask(&self, file: &Path) -> bool {
        match self.root.read_link(file) {
            Ok(target) => target == Path::new("/dev/null"),
            Err(_) => self
                .root
                .read_at_most(file, 1)
                .is_ok_and(|text| text.is_empty()),
        }
    }

    /// Finds the link that enables a unit; its target need not exist.
    fn link_in_wants(&self, unit: &str) -> Option<PathBuf> {
        let is_wants = |name: &&String| has_end(name, "wants") || has_end(name, "requires");
        self.directories.iter().find_map(|(directory, names)| {
            let wants = names.iter().filter(is_wants);
            let mut links = wants.map(|name| directory.join(name).join(unit));
            links.find(|link| self.is_entry(link))
        })
    }

    fn is_entry(&self, path: &Path) -> bool {
        self.root.entry_metadata(path).is_ok()
    }

    fn is_first_boot(&self) -> bool {
        let id = self.root.read_to_string(Path::new("/etc/machine-id"));
        id.map_or(true, |id| {
            id.trim().is_empty() || id.trim() == "uninitialized"
        })
    }

    /// Applies the first preset rule that matches the unit; if none does, the unit is enabled.
    fn is_preset(&self, unit: &str) -> bool {
        let mut files = BTreeMap::new();
        for directory in PRESETS {
            for name in names(self.root, directory) {
                if has_end(&name, "preset") {
                    let path = Path::new(directory).join(&name);
                    files.entry(name).or_insert(path);
                }
            }
        }
        let mut texts = files
            .into_values()
            .map(|path| self.root.read_to_string(&path).unwrap_or_default());
        let decided = texts.find_map(|text| text.lines().find_map(|line| rule(line, unit)));
        decided.unwrap_or(true)
    }
}

/// Returns the rule of a preset line for a unit. An ignored unit keeps its state, which is disabled at the first boot.
fn rule(line: &str, unit: &str) -> Option<bool> {
    let (word, rest) = line.trim().split_once(char::is_whitespace)?;
    let rest = rest.trim();
    let (pattern, is_enabled) = match word {
        // The instances of a template follow its name.
        "enable" => (rest.split_whitespace().next()?, true),
        "disable" | "ignore" => (rest, false),
        _ => return None,
    };
    glob::matches(pattern, unit).then_some(is_enabled)
}

/// Returns the names in a directory; none if it does not exist.
pub(super) fn names(root: &Probe<'_>, directory: &str) -> Vec<String> {
    let names = root.list(Path::new(directory)).unwrap_or_default();
    names
        .into_iter()
        .filter_map(|name| name.into_string().ok())
        .collect()
}

pub(super) fn has_end(name: &str, end: &str) -> bool {
    Path::new(name).extension().is_some_and(|own| own == end)
}

#[cfg(test)]
#[path = "units_tests.rs"]
mod tests;
