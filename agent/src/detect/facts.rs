//! What of a guest tells its network stack, read from its files: at boot nothing runs yet.

use std::path::{Path, PathBuf};

use one_sriov_system::Root;

use super::Running;
use crate::render::{RESOLV_CONF, Resolver, network_manager_version};

/// Where systemd looks for units and links to them, those that go first first.
const UNITS: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
const PRESETS: [&str; 4] = [
    "/etc/systemd/system-preset",
    "/run/systemd/system-preset",
    "/usr/lib/systemd/system-preset",
    "/lib/systemd/system-preset",
];
const NETPLAN: [&str; 3] = ["/etc/netplan", "/run/netplan", "/usr/lib/netplan"];
const NETPLAN_PROGRAMS: [&str; 2] = ["/usr/sbin/netplan", "/sbin/netplan"];
const PLUGIN: &str = "libnm-settings-plugin-ifcfg-rh.so";

/// What netplan writes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetplanRenderer {
    /// systemd-networkd, its default.
    Networkd,
    /// NetworkManager.
    NetworkManager,
}

/// What of a guest tells its network stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is an observation of its own
pub struct Facts {
    /// `/etc/sysconfig/network` is a directory: SUSE's layout (Red Hat has a file there).
    pub suse_layout: bool,
    /// `/etc/sysconfig/network-scripts` is a directory: Red Hat's layout.
    pub red_hat_layout: bool,
    /// `/etc/sysconfig/network-scripts/ifup` is there: initscripts are installed.
    pub initscripts: bool,
    /// The service `network` of initscripts starts at boot.
    pub initscripts_enabled: bool,
    /// NetworkManager starts at boot.
    pub network_manager_enabled: bool,
    /// NetworkManager's reader of `ifcfg` files is installed, for NetworkManager of this version.
    pub ifcfg_plugin_of: Option<(u32, u32)>,
    /// systemd-networkd starts at boot.
    pub networkd_enabled: bool,
    /// wicked starts at boot.
    pub wicked_enabled: bool,
    /// netplan is installed and has YAML, for this renderer.
    pub netplan: Option<NetplanRenderer>,
    /// netplan is installed, whether it has YAML or not.
    pub netplan_is_there: bool,
    /// `ifup` and `/etc/network/interfaces` are there.
    pub ifupdown: bool,
    /// `/etc/alpine-release` is there.
    pub alpine: bool,
    /// What runs, where that is to count, too.
    pub running: Option<Running>,
}

impl Facts {
    /// Looks at a guest.
    #[must_use]
    pub fn gather(root: &Root) -> Self {
        let guest = Guest::new(root);
        let is_there = |paths: &[&str]| paths.iter().any(|path| root.exists(Path::new(path)));
        Self {
            suse_layout: root.is_dir(Path::new("/etc/sysconfig/network")),
            red_hat_layout: root.is_dir(Path::new("/etc/sysconfig/network-scripts")),
            initscripts: is_there(&["/etc/sysconfig/network-scripts/ifup"]),
            initscripts_enabled: guest.is_enabled("network.service")
                || guest.is_in_runlevel("network"),
            network_manager_enabled: guest.is_enabled("NetworkManager.service")
                || guest.is_in_runlevel("NetworkManager"),
            ifcfg_plugin_of: guest.ifcfg_plugin(),
            networkd_enabled: guest.is_enabled("systemd-networkd.service"),
            wicked_enabled: guest.is_enabled("wicked.service"),
            netplan: guest.netplan(),
            netplan_is_there: is_there(&NETPLAN_PROGRAMS),
            ifupdown: is_there(&["/sbin/ifup", "/usr/sbin/ifup"])
                && is_there(&["/etc/network/interfaces"]),
            alpine: is_there(&["/etc/alpine-release"]),
            running: None,
        }
    }
}

/// Who writes `/etc/resolv.conf` of a guest.
#[must_use]
pub fn resolver(root: &Root) -> Resolver {
    let programs = [
        "/usr/sbin/resolvconf",
        "/sbin/resolvconf",
        "/usr/bin/resolvconf",
    ];
    if programs.iter().any(|path| root.exists(Path::new(path))) {
        return Resolver::Resolvconf;
    }
    match root.read_link(Path::new(RESOLV_CONF)) {
        Ok(target) if target.ends_with("run/netconfig/resolv.conf") => Resolver::Netconfig,
        Ok(_) => Resolver::Link,
        Err(_) => Resolver::Nobody,
    }
}

struct Guest<'r> {
    root: &'r Root,
    /// The directories of units that are there, each with its names, looked at once.
    units: Vec<(&'static str, Vec<String>)>,
}

impl<'r> Guest<'r> {
    fn new(root: &'r Root) -> Self {
        let units = UNITS.into_iter().map(|dir| (dir, names(root, dir)));
        Self {
            root,
            units: units.filter(|(_, names)| !names.is_empty()).collect(),
        }
    }

    /// As `systemctl is-enabled` tells it of a guest at rest: a link in some `*.wants`, no mask; before
    /// the first boot, while there is no machine id, the presets.
    fn is_enabled(&self, unit: &str) -> bool {
        !self.is_masked(unit)
            && (self.is_wanted(unit)
                || self.is_installed(unit) && self.is_first_boot() && self.is_preset(unit))
    }

    /// An enabled unit is a link, and so is a masked one; where it leads to need not be there.
    fn is_masked(&self, unit: &str) -> bool {
        let has = self.units.iter().filter(|(dir, names)| {
            UNITS[..2].contains(dir) && names.iter().any(|name| name == unit)
        });
        let mut targets = has.map(|(dir, _)| self.root.read_link(&Path::new(dir).join(unit)));
        targets.any(|target| target.is_ok_and(|target| target == Path::new("/dev/null")))
    }

    fn is_wanted(&self, unit: &str) -> bool {
        let is_wants = |name: &&String| has_end(name, "wants") || has_end(name, "requires");
        self.units.iter().any(|(dir, names)| {
            let mut wants = names.iter().filter(is_wants);
            wants.any(|name| self.is_entry(&Path::new(dir).join(name).join(unit)))
        })
    }

    fn is_entry(&self, path: &Path) -> bool {
        let entry = self.root.entry(path);
        entry.is_ok_and(|entry| std::fs::symlink_metadata(entry).is_ok())
    }

    fn is_installed(&self, unit: &str) -> bool {
        let mut names = self.units.iter().flat_map(|(_, names)| names);
        names.any(|name| name == unit)
    }

    fn is_first_boot(&self) -> bool {
        let id = self.root.read_to_string(Path::new("/etc/machine-id"));
        id.map_or(true, |id| {
            id.trim().is_empty() || id.trim() == "uninitialized"
        })
    }

    /// The first line of all presets that names the unit; a unit that none names is enabled.
    fn is_preset(&self, unit: &str) -> bool {
        let mut files: Vec<(String, PathBuf)> = Vec::new();
        for dir in PRESETS {
            for name in self.names(dir) {
                if has_end(&name, "preset") && !files.iter().any(|(known, _)| *known == name) {
                    files.push((name.clone(), Path::new(dir).join(name)));
                }
            }
        }
        files.sort();
        for (_, path) in files {
            let text = self.root.read_to_string(&path).unwrap_or_default();
            for line in text.lines() {
                let mut words = line.split_whitespace();
                match (words.next(), words.next()) {
                    (Some("enable"), Some(pattern)) if is_match(pattern, unit) => return true,
                    (Some("disable"), Some(pattern)) if is_match(pattern, unit) => return false,
                    _ => {}
                }
            }
        }
        true
    }

    /// EL 6: `/etc/rc.d/rc3.d/S23NetworkManager`.
    fn is_in_runlevel(&self, service: &str) -> bool {
        self.names("/etc/rc.d/rc3.d")
            .iter()
            .any(|name| name.starts_with('S') && name.get(3..) == Some(service))
    }

    /// `/usr/lib64/NetworkManager/1.18.8-2.el7_9/libnm-settings-plugin-ifcfg-rh.so`; older ones stand a
    /// directory above and have no version.
    fn ifcfg_plugin(&self) -> Option<(u32, u32)> {
        ["/usr/lib64/NetworkManager", "/usr/lib/NetworkManager"]
            .iter()
            .find_map(|dir| {
                let dir = Path::new(dir);
                if self.root.exists(&dir.join(PLUGIN)) {
                    return Some((0, 0));
                }
                let mut names = self.names(dir.to_str()?).into_iter();
                names.find_map(|name| {
                    let version = network_manager_version(&name)?;
                    let plugin = dir.join(&name).join(PLUGIN);
                    self.root.exists(&plugin).then_some(version)
                })
            })
    }

    fn netplan(&self) -> Option<NetplanRenderer> {
        if !NETPLAN_PROGRAMS
            .iter()
            .any(|path| self.root.exists(Path::new(path)))
        {
            return None;
        }
        let mut texts = Vec::new();
        for dir in NETPLAN {
            let names = self.names(dir).into_iter();
            for name in names.filter(|name| has_end(name, "yaml") && !name.contains("one-sriov")) {
                texts.push(self.root.read_to_string(&Path::new(dir).join(name)).ok()?);
            }
        }
        if texts.is_empty() {
            // Ours alone are no reason, and none at all is how an image without netplan's use looks.
            return None;
        }
        let names_nm = |text: &String| {
            text.lines().any(|line| {
                let value = line.trim().strip_prefix("renderer:").map(str::trim);
                value == Some("NetworkManager")
            })
        };
        Some(if texts.iter().any(names_nm) {
            NetplanRenderer::NetworkManager
        } else {
            NetplanRenderer::Networkd
        })
    }

    fn names(&self, dir: &str) -> Vec<String> {
        names(self.root, dir)
    }
}

fn names(root: &Root, dir: &str) -> Vec<String> {
    let names = root.list(Path::new(dir)).unwrap_or_default();
    names
        .into_iter()
        .filter_map(|name| name.into_string().ok())
        .collect()
}

fn has_end(name: &str, end: &str) -> bool {
    Path::new(name).extension().is_some_and(|own| own == end)
}

/// Of the patterns of presets, `*` at the end is what is in use.
fn is_match(pattern: &str, unit: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => unit.starts_with(beginning),
        None => unit == pattern,
    }
}
