//! PCI network cards without a network device, because a driver is missing.
//!
//! ```text
//! /sys/bus/pci/devices/0000:00:05.0/class      0x020700     network controller, InfiniBand
//!                                  /vendor     0x15b3
//!                                  /device     0x1018
//!                                  /modalias   pci:v000015B3d00001018sv...
//!                                  /driver  -> ...          missing if no driver is bound
//!                                  /infiniband/mlx5_0       an InfiniBand device; its network devices are in net/
//! /lib/modules/6.1.0/modules.alias             alias pci:v000015B3d00001018sv*sd*bc*sc*i* mlx5_core
//! ```

use std::ffi::OsString;
use std::path::Path;

use super::Finding;
use crate::detect::Probe;

/// A PCI function that is a network controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NetworkCard {
    /// `0000:00:05.0`.
    address: String,
    /// `15b3:1018`.
    id: String,
    modalias: String,
    driver: Option<String>,
    /// Whether the card has an InfiniBand device, but not a network device for it.
    lacks_ipoib: bool,
}

/// Lists all network cards of a machine, sorted by address.
pub(super) fn cards(probe: &Probe<'_>, sys: &Path) -> Vec<NetworkCard> {
    let devices = sys.join("bus/pci/devices");
    let card = |address: OsString| {
        let path = devices.join(&address);
        let text = |name| {
            let text = probe.read_to_string(&path.join(name)).ok()?;
            Some(text.trim().trim_start_matches("0x").to_owned())
        };
        // Base class 02: network controller (PCI Code and ID Assignment Specification).
        text("class").filter(|class| class.starts_with("02"))?;
        let driver = probe.read_link(&path.join("driver")).ok();
        let name = driver.and_then(|driver| Some(driver.file_name()?.to_str()?.to_owned()));
        let has = |name| {
            probe
                .list(&path.join(name))
                .is_ok_and(|names| !names.is_empty())
        };
        Some(NetworkCard {
            address: address.into_string().ok()?,
            id: format!("{}:{}", text("vendor")?, text("device")?),
            modalias: text("modalias").unwrap_or_default(),
            lacks_ipoib: name.is_some() && has("infiniband") && !has("net"),
            driver: name,
        })
    };
    let addresses = probe.list(&devices).unwrap_or_default();
    addresses.into_iter().filter_map(card).collect()
}

impl NetworkCard {
    /// Explains why the card has no network device, if so; `module` returns the driver for a modalias.
    pub(super) fn finding(&self, module: impl Fn(&str) -> Option<String>) -> Option<Finding> {
        let Self { address, id, .. } = self;
        match &self.driver {
            None => {
                let remedy = match module(&self.modalias) {
                    Some(module) => format!("load it: 'modprobe {module}'"),
                    None => "no installed kernel module supports it: install its driver".to_owned(),
                };
                let text = format!("network card '{address}' ({id}) has no driver; {remedy}");
                Some(Finding::problem("driver-missing", text))
            }
            Some(driver) if self.lacks_ipoib => {
                let text = format!(
                    "InfiniBand card '{address}' ({id}, driver {driver}) has no network device: IP over InfiniBand is \
                     missing; load it: 'modprobe ib_ipoib'"
                );
                Some(Finding::problem("ipoib-missing", text))
            }
            Some(_) => None,
        }
    }
}

/// Returns the module that the kernel would load for a device.
pub(super) fn module_for(root: &Probe<'_>, modalias: &str) -> Option<String> {
    let release = root.read_to_string(Path::new("/proc/sys/kernel/osrelease"));
    let release = release.ok()?;
    let aliases = Path::new("/lib/modules")
        .join(release.trim())
        .join("modules.alias");
    let aliases = root.read_to_string(&aliases).ok()?;
    let module = aliases.lines().find_map(|line| {
        let (pattern, module) = line.strip_prefix("alias ")?.rsplit_once(' ')?;
        matches(pattern, modalias).then(|| module.to_owned())
    });
    module.filter(|_| !modalias.is_empty())
}

/// Whether the whole text matches a pattern with `*`.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.any(|at| matches(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_modules_alias() {
        let mlx5 = "pci:v000015B3d00001018sv000015B3sd00000001bc02sc07i00";
        let table = [
            ("pci:v000015B3d00001018sv*sd*bc*sc*i*", mlx5, true),
            ("pci:v000015B3d0000101[79]sv*sd*bc*sc*i*", mlx5, false),
            ("pci:v000015B3d*sv*sd*bc02sc*i*", mlx5, true),
            ("pci:v000015B3d*sv*sd*bc0Csc*i*", mlx5, false),
            ("*", "", true),
            ("", "x", false),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(matches(pattern, text), expected, "{pattern}");
        }
    }
}
