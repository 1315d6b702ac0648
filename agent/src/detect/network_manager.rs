//! The configuration of NetworkManager: unmanaged devices, and plugins.
//!
//! ```text
//! # /usr/lib/NetworkManager/conf.d/10-globally-managed-devices.conf of Ubuntu
//! [keyfile]
//! unmanaged-devices=*,except:type:wifi,except:type:gsm,except:type:cdma
//! ```
//! Files are read in this order: `/usr/lib`, `/run`, `NetworkManager.conf`, `/etc`, each directory sorted by name. A file in
//! `/etc` hides files of the same name elsewhere, and one in `/run` hides one in `/usr/lib`. `key+=` adds to a list, `key-=`
//! removes from it. A section `[device-x]` with `managed=0` makes the devices in `match-device` unmanaged, too: the first section
//! with the key applies, and sections of later files come before those of earlier ones.
//! Sources: `NetworkManager.conf(5)`; `src/core/nm-config.c` (`read_entire_config`), `nm-core-utils.c`
//! (`nm_match_spec_device`). `NetworkManager --print-config` prints the result.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Probe;
use super::device_list::{ListChange, ListItem, NmDevice, find, names_device};
use super::units::{has_end, names};

const SYSTEM: &str = "/usr/lib/NetworkManager/conf.d";
const RUN: &str = "/run/NetworkManager/conf.d";
const MAIN: &str = "/etc/NetworkManager/NetworkManager.conf";
const ETC: &str = "/etc/NetworkManager/conf.d";
/// The prefix of the agent's own files.
const OURS: &str = "90-one-sriov-";

/// NetworkManager's configuration on a machine, without the agent's own files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkManagerConfig {
    unmanaged: Vec<ListItem>,
    /// In order of precedence, highest first.
    sections: Vec<Section>,
    /// `None`: the built-in default.
    plugins: Option<Vec<ListItem>>,
}

/// A section `[device-x]`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Section {
    name: String,
    /// `None`: all devices.
    devices: Option<Vec<ListItem>>,
    is_managed: Option<bool>,
    /// Whether later sections are ignored for its devices.
    stops: bool,
    file: PathBuf,
}

/// A rule that makes NetworkManager ignore a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule<'a> {
    /// The kind of rule.
    pub place: RulePlace,
    /// The text of the rule in the file.
    pub text: String,
    /// The file that contains the rule.
    pub file: &'a Path,
    /// Whether the rule names the device, by name or address, rather than by type.
    pub names_device: bool,
}

/// Where a rule was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RulePlace {
    /// In the list `unmanaged-devices`.
    List,
    /// In a section `[device-x]`.
    Section,
}

impl NetworkManagerConfig {
    /// Reads the files of a machine, except those in `passed_over`.
    #[must_use]
    pub fn gather(root: &Probe<'_>, passed_over: &[&str]) -> Self {
        let listed = |directory: &'static str| {
            let mut names = names(root, directory);
            names.retain(|name| has_end(name, "conf") && !name.starts_with(OURS));
            names
        };
        let (system, run, etc) = (listed(SYSTEM), listed(RUN), listed(ETC));
        let system = system
            .iter()
            .filter(|name| !run.contains(name) && !etc.contains(name));
        let system = system.map(|name| Path::new(SYSTEM).join(name));
        let run = run.iter().filter(|name| !etc.contains(name));
        let run = run.map(|name| Path::new(RUN).join(name));
        let main = std::iter::once(PathBuf::from(MAIN));
        let etc = etc.iter().map(|name| Path::new(ETC).join(name));
        let mut config = Self::default();
        for path in system.chain(run).chain(main).chain(etc) {
            let is_passed_over = passed_over.iter().any(|other| path == Path::new(other));
            if let (false, Ok(text)) = (is_passed_over, root.read_to_string(&path)) {
                config.take(&text, &path);
            }
        }
        config
    }

    fn take(&mut self, text: &str, file: &Path) {
        let values = key_file(text);
        if values
            .get(&(".config", "enable"))
            .is_some_and(|value| boolean(value) == Some(false))
        {
            return;
        }
        let sections = sections(text, &values, file);
        self.sections.splice(0..0, sections);
        for ((group, key), value) in values {
            let (name, change) = match key.as_bytes().last() {
                Some(b'+') => (&key[..key.len() - 1], ListChange::Add),
                Some(b'-') => (&key[..key.len() - 1], ListChange::Remove),
                _ => (key, ListChange::Set),
            };
            let list = match (group, name) {
                ("keyfile", "unmanaged-devices") => &mut self.unmanaged,
                ("main", "plugins") => self.plugins.get_or_insert_default(),
                _ => continue,
            };
            change.apply(list, value, file);
        }
    }

    /// Returns the rules that make a device unmanaged.
    #[must_use]
    pub fn unmanaged_by(&self, device: NmDevice) -> Vec<Rule<'_>> {
        let by_list = find(&self.unmanaged, device).map(|item| Rule {
            place: RulePlace::List,
            text: item.text.clone(),
            file: &item.file,
            names_device: names_device(&item.text),
        });
        by_list.into_iter().chain(self.section(device)).collect()
    }

    fn section(&self, device: NmDevice) -> Option<Rule<'_>> {
        for section in &self.sections {
            let found = section.devices.as_ref().map(|all| find(all, device));
            if found == Some(None) {
                continue;
            }
            if let Some(is_managed) = section.is_managed {
                return (!is_managed).then(|| Rule {
                    place: RulePlace::Section,
                    text: format!("managed=0 in [{}]", section.name),
                    file: &section.file,
                    names_device: found.flatten().is_some_and(|item| names_device(&item.text)),
                });
            }
            if section.stops {
                return None;
            }
        }
        None
    }

    /// Whether NetworkManager loads a plugin if it is installed.
    #[must_use]
    pub fn loads_plugin(&self, name: &str) -> bool {
        let plugins = self.plugins.as_ref();
        plugins.is_none_or(|plugins| plugins.iter().any(|plugin| plugin.text == name))
    }
}

/// The sections about devices in order of precedence: as in the file, but `[device]` last (`nm_config_data_get_device_config`).
fn sections(text: &str, values: &KeyFileValues<'_>, file: &Path) -> Vec<Section> {
    let mut names: Vec<&str> = Vec::new();
    for name in text.lines().map(str::trim).filter_map(group) {
        if name.starts_with("device") && !names.contains(&name) {
            names.push(name);
        }
    }
    names.sort_by_key(|name| *name == "device");
    let section = |name: &str| {
        let value = |key| values.get(&(name, key)).copied();
        let devices = value("match-device").map(|list| {
            let mut items = Vec::new();
            ListChange::Set.apply(&mut items, list, file);
            items
        });
        Section {
            name: name.to_owned(),
            devices,
            is_managed: value("managed").and_then(boolean),
            stops: value("stop-match").and_then(boolean) == Some(true),
            file: file.to_owned(),
        }
    };
    names.into_iter().map(section).collect()
}

/// The values of a key file, by group and key.
type KeyFileValues<'t> = BTreeMap<(&'t str, &'t str), &'t str>;

/// Returns the name of the group that the line starts, if any.
fn group(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.strip_suffix(']')
}

/// Parses a key file (`g_key_file_load_from_data`); if a key is repeated in a group, the last value wins.
fn key_file(text: &str) -> KeyFileValues<'_> {
    let mut values = BTreeMap::new();
    let mut here = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = group(line) {
            here = name;
        } else if !line.starts_with('#')
            && let Some((key, value)) = line.split_once('=')
        {
            // A `+` after a blank is part of the key, which makes the key unknown.
            values.insert((here, key.trim_end()), value.trim_start());
        }
    }
    values
}

/// Parses a boolean as `nm_config_parse_boolean` does.
fn boolean(value: &str) -> Option<bool> {
    let is_one_of = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
    if is_one_of(&["true", "yes", "on", "1"]) {
        Some(true)
    } else if is_one_of(&["false", "no", "off", "0"]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
#[path = "network_manager_tests.rs"]
mod tests;
