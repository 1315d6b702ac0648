//! The renderers in netplan's YAML: global, or for single devices.
//!
//! ```text
//! network:
//!   renderer: networkd            # all devices
//!   ethernets:
//!     renderer: NetworkManager    # devices that are first mentioned in this file
//!     eth0:
//!       renderer: NetworkManager  # only this device
//! ```
//! netplan reads all files, sorted by name; a file in `/run` overrides one of the same name in `/etc`, which overrides one in
//! `/usr/lib`. The default renderer is systemd-networkd.
//! Facts: `netplan-generate(8)`; netplan's `src/parse.c` (`handle_network_type`, `netplan_parser_load_yaml_hierarchy`).

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::Probe;
use one_sriov_system::yaml::{MAX_SIZE, Node};

/// In order of precedence, lowest first.
const DIRECTORIES: [&str; 4] = [
    "/lib/netplan",
    "/usr/lib/netplan",
    "/etc/netplan",
    "/run/netplan",
];
const PROGRAMS: [&str; 2] = ["/usr/sbin/netplan", "/sbin/netplan"];
/// The prefix of the agent's own files.
const OURS: &str = "60-one-sriov-";

/// netplan's renderers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetplanRenderer {
    /// systemd-networkd, the default.
    Networkd,
    /// NetworkManager.
    NetworkManager,
}

impl fmt::Display for NetplanRenderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Networkd => "networkd",
            Self::NetworkManager => "NetworkManager",
        })
    }
}

/// The renderers that foreign YAML sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Netplan {
    global: Option<Named>,
    /// The renderers of single Ethernet devices.
    devices: BTreeMap<String, Option<Named>>,
    /// Files that netplan rejects, with the reason: a single one stops netplan from writing anything.
    pub refused: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    renderer: NetplanRenderer,
    file: PathBuf,
}

impl Netplan {
    /// Whether netplan is installed.
    #[must_use]
    pub fn is_installed(root: &Probe<'_>) -> bool {
        PROGRAMS.iter().any(|path| root.exists(Path::new(path)))
    }

    /// Reads the YAML; `None` if netplan is not installed, or has no files other than the agent's.
    #[must_use]
    pub fn gather(root: &Probe<'_>) -> Option<Self> {
        if !Self::is_installed(root) {
            return None;
        }
        let mut files = BTreeMap::new();
        for directory in DIRECTORIES {
            let directory = Path::new(directory);
            for name in root.list(directory).unwrap_or_default() {
                let text = name.to_string_lossy();
                let is_yaml = text.ends_with(".yaml") && !text.starts_with('.');
                if is_yaml && !text.starts_with(OURS) {
                    files.insert(name.clone(), directory.join(name));
                }
            }
        }
        if files.is_empty() {
            return None;
        }
        let mut netplan = Self::default();
        for path in files.into_values() {
            if let Err(reason) = netplan.take(root, &path) {
                let path = path.display();
                netplan.refused.push(format!("'{path}': {reason}"));
            }
        }
        Some(netplan)
    }

    fn take(&mut self, root: &Probe<'_>, path: &Path) -> Result<(), String> {
        let text = read(root, path).map_err(|error| error.to_string())?;
        let document = Node::parse(&text).map_err(|error| error.to_string())?;
        let Some(network) = document.get("network") else {
            return Ok(());
        };
        if let Some(renderer) = network.get("renderer") {
            self.global = named(renderer, path)?.or(self.global.take());
        }
        let Some(ethernets) = network.get("ethernets") else {
            return Ok(());
        };
        // The renderer under `ethernets` applies to the devices after it that no earlier file mentions.
        let mut of_type = None;
        for (name, device) in ethernets.entries() {
            if name == "renderer" {
                of_type = named(device, path)?;
                continue;
            }
            let known = self.devices.entry(name.to_owned());
            let known = known.or_insert_with(|| of_type.clone());
            if let Some(renderer) = device.get("renderer") {
                *known = named(renderer, path)?.or(known.take());
            }
        }
        Ok(())
    }

    /// Returns the renderer of some devices: the devices' own, else the global one. If the devices' renderers differ, the global
    /// one is returned.
    #[must_use]
    pub fn renderer(&self, devices: &[String]) -> NetplanRenderer {
        self.decider(devices)
            .map_or(NetplanRenderer::Networkd, |named| named.renderer)
    }

    /// Returns the file that decides, for messages.
    #[must_use]
    pub fn file(&self, devices: &[String]) -> Option<&Path> {
        self.decider(devices).map(|named| &*named.file)
    }

    fn decider(&self, devices: &[String]) -> Option<&Named> {
        let own = |device: &String| {
            let own = self.devices.get(device).and_then(Option::as_ref);
            own.or(self.global.as_ref())
        };
        let mut deciders = devices.iter().map(own);
        let renderer = |named: Option<&Named>| named.map(|named| named.renderer);
        match deciders.next() {
            Some(first) if deciders.all(|other| renderer(other) == renderer(first)) => first,
            _ => self.global.as_ref(),
        }
    }
}

/// Reads a file, up to a little more than the size limit.
fn read(root: &Probe<'_>, path: &Path) -> std::io::Result<String> {
    // One byte more than allowed, so that the parser rejects a file that is too large.
    root.read_at_most(path, MAX_SIZE as u64 + 1)
}

/// Returns `None` for netplan's other renderers, such as `sriov`.
fn named(node: &Node, file: &Path) -> Result<Option<Named>, String> {
    let renderer = match node.text() {
        Some("networkd") => NetplanRenderer::Networkd,
        Some("NetworkManager") => NetplanRenderer::NetworkManager,
        Some("openvswitch" | "sriov") => return Ok(None),
        _ => return Err("its renderer is neither 'networkd' nor 'NetworkManager'".to_owned()),
    };
    let file = file.to_owned();
    Ok(Some(Named { renderer, file }))
}
