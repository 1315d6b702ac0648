//! Detects the network stack of a guest by what is installed and enabled, because nothing runs yet at boot.
//!
//! | first match | backend |
//! |---|---|
//! | netplan with foreign YAML | `netplan-networkd`, or `netplan-nm` if the YAML gives the agent's NICs to NetworkManager |
//! | Alpine | `interfaces-alpine` |
//! | wicked enabled | `ifcfg-suse` |
//! | NetworkManager enabled | `keyfile`; `ifcfg-nm` below 1.20 with the plugin for `ifcfg` files |
//! | systemd-networkd enabled | `networkd` |
//! | ifupdown and `/etc/network/interfaces` | `interfaces` |
//! | `ifup` of initscripts | `ifcfg-initscripts` |
//! | netplan without YAML, or only with the agent's | `netplan-networkd` |

mod device_list;
mod facts;
mod guest;
mod guest_files;
mod netplan;
mod network_manager;
mod one_context;
mod renderers;
mod requests;
mod running;
mod units;

pub use device_list::NmDevice;
pub use facts::{Facts, resolver};
pub(crate) use facts::{is_in_runlevel, runlevel};
pub use guest::Guest;
pub use netplan::{Netplan, NetplanRenderer};
pub use network_manager::{NetworkManagerConfig, Rule, RulePlace};
pub use one_context::{OneContext, Theirs, choose_beside};
pub use one_sriov_system::Probe;
pub use renderers::Renderers;
pub use requests::{DetectError, Requests, detect};
pub use running::running;
pub use units::{UnitState, Units};

use crate::render::{Backend, Reader, UnknownBackend};

/// The chosen backend, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The backend.
    pub backend: Backend,
    /// The reason, as a sentence for `explain`.
    pub reason: String,
    /// Whether no program that is known to read the files was found.
    pub is_doubtful: bool,
    /// Further notes for the user.
    pub warnings: Vec<String>,
}

impl Choice {
    fn new(backend: Backend, reason: impl Into<String>) -> Self {
        Self {
            backend,
            reason: reason.into(),
            is_doubtful: false,
            warnings: Vec::new(),
        }
    }
}

/// Chooses the backend: by the request, if there is one (given with its source: `--backend`, ...), else by the facts.
///
/// A request may be the name of a backend, or `ifcfg` or `netplan`, or `scripts` or `nm` as in OpenNebula's guest scripts
/// (`NETCFG_TYPE`), which leave the dialect to the facts.
///
/// # Errors
/// [`UnknownBackend`] if the request is none of these names.
pub fn choose(wish: Option<(&str, &str)>, facts: &Facts) -> Result<Choice, UnknownBackend> {
    let Some((who, name)) = wish else {
        return Ok(by_running(facts).unwrap_or_else(|| by_facts(facts)));
    };
    let backend = match in_short(name) {
        "ifcfg" => ifcfg(facts),
        "scripts" => scripts(facts),
        "nm" => network_manager(facts),
        "netplan" => netplan(facts),
        "interfaces" => interfaces(facts),
        name => name.parse()?,
    };
    Ok(wished(who, backend))
}

/// Returns the backend of a request that needs no facts.
#[must_use]
pub fn choose_named(who: &str, name: &str) -> Option<Choice> {
    match name.parse() {
        // The facts decide which of the two `interfaces` means.
        Ok(Backend::Interfaces) | Err(_) => None,
        Ok(backend) => Some(wished(who, backend)),
    }
}

fn wished(who: &str, backend: Backend) -> Choice {
    Choice::new(backend, format!("{who} names it"))
}

fn by_facts(facts: &Facts) -> Choice {
    if let Some(yaml) = &facts.netplan {
        return by_netplan(yaml, facts);
    }
    let (backend, why) = if facts.alpine {
        (interfaces(facts), "this is Alpine")
    } else if facts.enabled.has(Reader::Wicked) {
        (Backend::IfcfgSuse, "wicked is enabled")
    } else if facts.enabled.has(Reader::NetworkManager) {
        let why = match network_manager(facts) {
            Backend::Keyfile => "NetworkManager is enabled",
            _ => "NetworkManager is enabled, older than 1.20 and with its plugin for ifcfg files",
        };
        (network_manager(facts), why)
    } else if facts.enabled.has(Reader::Networkd) {
        (Backend::Networkd, "systemd-networkd is enabled")
    } else if facts.ifupdown {
        (
            interfaces(facts),
            "ifupdown is installed, and '/etc/network/interfaces' is there",
        )
    } else if facts.initscripts {
        (
            Backend::IfcfgInitscripts,
            "initscripts are installed, and nothing else is enabled",
        )
    } else if facts.netplan_is_there {
        // netplan's generator starts networkd for any YAML, even if the agent's is the only one.
        (
            Backend::NetplanNetworkd,
            "netplan is installed, and nothing else is enabled",
        )
    } else {
        return Choice {
            is_doubtful: !(facts.suse_layout || facts.red_hat_layout),
            ..Choice::new(ifcfg(facts), "no network stack is known to be enabled")
        };
    };
    Choice::new(backend, why)
}

fn by_netplan(yaml: &Netplan, facts: &Facts) -> Choice {
    let why = match (yaml.file(&facts.devices), yaml.renderer(&facts.devices)) {
        (None, _) => "netplan has YAML, which sets no renderer".to_owned(),
        (Some(file), renderer) => format!("'{}' names {renderer}", file.display()),
    };
    let refused = yaml.refused.iter();
    let warning =
        |reason: &String| format!("netplan generates nothing, because it refuses {reason}");
    Choice {
        warnings: refused.map(warning).collect(),
        ..Choice::new(netplan(facts), why)
    }
}

/// Maps names and aliases of one-context's renderers (`loc-10-network`).
fn in_short(name: &str) -> &str {
    let table: [(&str, &[&str]); 4] = [
        ("nm", &["networkmanager"]),
        (
            "networkd",
            &["systemd-networkd", "systemd-network", "systemd"],
        ),
        ("scripts", &["redhat"]),
        ("interfaces", &["debian"]),
    ];
    let is_it = |(short, others): &&(&str, &[&str])| {
        [&[*short], *others]
            .concat()
            .iter()
            .any(|other| name.eq_ignore_ascii_case(other))
    };
    table.iter().find(is_it).map_or(name, |(short, _)| short)
}

/// If the files are to be loaded at once, the running stack decides, unless the enabled one runs, too.
fn by_running(facts: &Facts) -> Option<Choice> {
    let running = facts.running?;
    let enabled = by_facts(facts).backend;
    if running.has(enabled.reader()) {
        return None;
    }
    let mut daemons = running.daemons();
    let daemon = daemons.next()?;
    let backend = match daemon {
        Reader::NetworkManager => network_manager(facts),
        Reader::Networkd => Backend::Networkd,
        Reader::Wicked => Backend::IfcfgSuse,
        Reader::Ifupdown | Reader::Initscripts => return None,
    };
    // Two running daemons are ambiguous.
    let is_alone = daemons.next().is_none();
    is_alone.then(|| Choice::new(backend, format!("{daemon} runs")))
}

/// Returns the backend for the program that reads `ifcfg` files.
fn ifcfg(facts: &Facts) -> Backend {
    if facts.suse_layout {
        Backend::IfcfgSuse
    } else if facts.initscripts && !facts.enabled.has(Reader::NetworkManager) {
        Backend::IfcfgInitscripts
    } else {
        Backend::IfcfgNetworkManager
    }
}

/// All releases of NetworkManager read keyfiles, but up to 1.18, EL made it prefer `ifcfg` files.
fn network_manager(facts: &Facts) -> Backend {
    match facts.ifcfg_plugin_of {
        Some(version) if version < (1, 20) => Backend::IfcfgNetworkManager,
        _ => Backend::Keyfile,
    }
}

/// Returns the backend for initscripts, or for wicked: SUSE has no initscripts.
fn scripts(facts: &Facts) -> Backend {
    if facts.suse_layout && !facts.initscripts {
        Backend::IfcfgSuse
    } else {
        Backend::IfcfgInitscripts
    }
}

fn netplan(facts: &Facts) -> Backend {
    let yaml = facts.netplan.as_ref();
    match yaml.map(|yaml| yaml.renderer(&facts.devices)) {
        Some(NetplanRenderer::NetworkManager) => Backend::NetplanNetworkManager,
        _ => Backend::NetplanNetworkd,
    }
}

fn interfaces(facts: &Facts) -> Backend {
    if facts.alpine {
        Backend::InterfacesAlpine
    } else {
        Backend::Interfaces
    }
}

#[cfg(test)]
mod tests;
