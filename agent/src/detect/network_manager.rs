//! What NetworkManager is configured with: which devices are none of its business, which plugins it has.
//!
//! ```text
//! # /usr/lib/NetworkManager/conf.d/10-globally-managed-devices.conf of Ubuntu
//! [keyfile]
//! unmanaged-devices=*,except:type:wifi,except:type:gsm,except:type:cdma
//! ```
//! The files are those of `/usr/lib`, then of `/run`, then `NetworkManager.conf`, then those of `/etc`, each by
//! name; one of `/etc` hides the others of its name, and one of `/run` that of `/usr/lib`. `key+=` adds to a list,
//! and `key-=` takes from it.
//! Facts: `NetworkManager.conf(5)`; `src/core/nm-config.c` (`read_entire_config`), `nm-core-utils.c`
//! (`nm_match_spec_device`). `NetworkManager --print-config` prints what it makes of all that.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Probe;
use crate::glob;
use hwaddr::InterfaceName;

use super::units::{has_end, names};

const SYSTEM: &str = "/usr/lib/NetworkManager/conf.d";
const RUN: &str = "/run/NetworkManager/conf.d";
const MAIN: &str = "/etc/NetworkManager/NetworkManager.conf";
const ETC: &str = "/etc/NetworkManager/conf.d";
/// The beginning of the names of the agent's own files.
const OURS: &str = "90-one-sriov-";

/// An item of a list, and the file that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    text: String,
    file: PathBuf,
}

/// The configuration of a machine, without the agent's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkManagerConfig {
    unmanaged: Vec<Item>,
    /// None: as it was built.
    plugins: Option<Vec<Item>>,
}

/// A device as NetworkManager names it.
#[derive(Debug, Clone, Copy)]
pub struct Device<'a> {
    /// Its name.
    pub name: &'a InterfaceName,
    /// `ethernet`, `infiniband` or `vlan`.
    pub kind: &'static str,
    /// Its MAC, or its IPoIB hardware address.
    pub address: Option<&'a str>,
}

impl NetworkManagerConfig {
    /// Reads the files of a machine, but for those of `passed_over`.
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
            .is_some_and(|value| is_false(value))
        {
            return;
        }
        for ((group, key), value) in values {
            let (name, change) = match key.as_bytes().last() {
                Some(b'+') => (&key[..key.len() - 1], Change::Add),
                Some(b'-') => (&key[..key.len() - 1], Change::Remove),
                _ => (key, Change::Set),
            };
            let list = match (group, name) {
                ("keyfile", "unmanaged-devices") => &mut self.unmanaged,
                ("main", "plugins") => self.plugins.get_or_insert_default(),
                _ => continue,
            };
            change.apply(list, value, file);
        }
    }

    /// The rule that keeps NetworkManager from a device, and its file.
    #[must_use]
    pub fn unmanaged_by(&self, device: Device) -> Option<(&str, &Path)> {
        let (mut rule, mut has_only_exceptions) = (None, true);
        for item in &self.unmanaged {
            if let Some(spec) = item.text.strip_prefix("except:") {
                if is_of(spec, device) {
                    return None;
                }
            } else {
                has_only_exceptions = false;
                if rule.is_none() && is_of(&item.text, device) {
                    rule = Some(item);
                }
            }
        }
        // Exceptions alone are exceptions to everything.
        let rule = rule.or_else(|| self.unmanaged.first().filter(|_| has_only_exceptions));
        rule.map(|item| (&*item.text, &*item.file))
    }

    /// Whether a plugin is loaded, if it is installed.
    #[must_use]
    pub fn loads_plugin(&self, name: &str) -> bool {
        let plugins = self.plugins.as_ref();
        plugins.is_none_or(|plugins| plugins.iter().any(|plugin| plugin.text == name))
    }
}

enum Change {
    Set,
    Add,
    Remove,
}

impl Change {
    fn apply(&self, list: &mut Vec<Item>, value: &str, file: &Path) {
        if matches!(self, Self::Set) {
            list.clear();
        }
        let items = value.split([',', ';']).map(str::trim);
        for text in items.filter(|text| !text.is_empty()) {
            let is_it = |item: &Item| item.text == text;
            if matches!(self, Self::Remove) {
                list.retain(|item| !is_it(item));
            } else if !list.iter().any(is_it) {
                let (text, file) = (text.to_owned(), file.to_owned());
                list.push(Item { text, file });
            }
        }
    }
}

/// The values of a key file (`g_key_file_load_from_data`); of equal keys of a group the last one counts.
fn key_file(text: &str) -> BTreeMap<(&str, &str), &str> {
    let mut values = BTreeMap::new();
    let mut group = "";
    for line in text.lines().map(str::trim) {
        let name = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Some(name) = name {
            group = name;
        } else if !line.starts_with('#')
            && let Some((key, value)) = line.split_once('=')
        {
            // A `+` with a blank before it belongs to no key that there is.
            values.insert((group, key.trim_end()), value.trim_start());
        }
    }
    values
}

fn is_false(value: &str) -> bool {
    ["false", "no", "off", "0"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
}

/// Whether a device is of a spec, without its `except:`.
fn is_of(spec: &str, device: Device) -> bool {
    let has_address = |text: &str| {
        let same = |own: &str| own.eq_ignore_ascii_case(&text.replace('-', ":"));
        device.address.is_some_and(same)
    };
    let name = device.name.as_str();
    if spec == "*" {
        true
    } else if let Some(kind) = spec.strip_prefix("type:") {
        kind == device.kind
    } else if let Some(mac) = spec.strip_prefix("mac:") {
        has_address(mac)
    } else if let Some(pattern) = spec.strip_prefix("interface-name:") {
        match pattern.strip_prefix('=') {
            Some(exact) => exact == name,
            None => glob::matches(pattern.strip_prefix('~').unwrap_or(pattern), name),
        }
    } else {
        // Without a word for what it is, either.
        spec == name || has_address(spec)
    }
}

#[cfg(test)]
#[path = "network_manager_tests.rs"]
mod tests;
