//! NetworkManager's device lists: `Device List Format` in `NetworkManager.conf(5)`.
//!
//! ```text
//! *,except:type:wifi      interface-name:ib*      mac:02:00:0a:00:00:05
//! ```

use std::path::{Path, PathBuf};

use hwaddr::InterfaceName;

use crate::glob;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListItem {
    pub(super) text: String,
    pub(super) file: PathBuf,
}

/// A device, as NetworkManager identifies it.
#[derive(Debug, Clone, Copy)]
pub struct NmDevice<'a> {
    /// Its name.
    pub name: &'a InterfaceName,
    /// `ethernet`, `infiniband` or `vlan`.
    pub kind: &'static str,
    /// Its MAC, or its IPoIB hardware address.
    pub address: Option<&'a str>,
    /// Its driver, if ethtool reports the same name as sysfs, which it doesn't for InfiniBand (`mlx5_core[ib_ipoib]`).
    pub driver: Option<&'a str>,
}

/// What a line does to a list.
pub(super) enum ListChange {
    Set,
    Add,
    Remove,
}

impl ListChange {
    pub(super) fn apply(&self, list: &mut Vec<ListItem>, value: &str, file: &Path) {
        if matches!(self, Self::Set) {
            list.clear();
        }
        let items = value.split([',', ';']).map(str::trim);
        for text in items.filter(|text| !text.is_empty()) {
            let is_it = |item: &ListItem| item.text == text;
            if matches!(self, Self::Remove) {
                list.retain(|item| !is_it(item));
            } else if !list.iter().any(is_it) {
                let (text, file) = (text.to_owned(), file.to_owned());
                list.push(ListItem { text, file });
            }
        }
    }
}

/// Returns the item of a list that matches a device, if any (`nm_match_spec_device`).
pub(super) fn find<'i>(items: &'i [ListItem], device: NmDevice) -> Option<&'i ListItem> {
    let (mut found, mut has_only_exceptions) = (None, true);
    for item in items {
        if let Some(spec) = item.text.strip_prefix("except:") {
            if is_of(spec, device) {
                return None;
            }
        } else {
            has_only_exceptions = false;
            // An item that names the device is more specific than one that gives its type.
            let is_better =
                |found: &ListItem| !names_device(&found.text) && names_device(&item.text);
            if found.is_none_or(is_better) && is_of(&item.text, device) {
                found = Some(item);
            }
        }
    }
    // A list that consists only of exceptions matches everything else.
    found.or_else(|| items.first().filter(|_| has_only_exceptions))
}

/// Whether a spec names a device, by name or address.
pub(super) fn names_device(spec: &str) -> bool {
    let is_general = ["type:", "driver:", "except:"]
        .iter()
        .any(|word| spec.starts_with(word));
    spec != "*" && !is_general
}

/// Whether a spec, without its `except:`, matches a device.
fn is_of(spec: &str, device: NmDevice) -> bool {
    let has_address = |text: &str| {
        let same = |own: &str| own.eq_ignore_ascii_case(&text.replace('-', ":"));
        device.address.is_some_and(same)
    };
    let name = device.name.as_str();
    if spec == "*" {
        true
    } else if let Some(kind) = spec.strip_prefix("type:") {
        kind == device.kind
    } else if let Some(driver) = spec.strip_prefix("driver:") {
        // A version may follow, usually that of the kernel.
        let driver = driver.split_once('/').map_or(driver, |(driver, _)| driver);
        device.driver == Some(driver)
    } else if let Some(mac) = spec.strip_prefix("mac:") {
        has_address(mac)
    } else if let Some(pattern) = spec.strip_prefix("interface-name:") {
        match pattern.strip_prefix('=') {
            Some(exact) => exact == name,
            None => glob::matches(pattern.strip_prefix('~').unwrap_or(pattern), name),
        }
    } else {
        // Names and addresses also match without a keyword.
        spec == name || has_address(spec)
    }
}
