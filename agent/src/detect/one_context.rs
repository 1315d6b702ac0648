//! The network stack that one-context chooses (`loc-10-network` of one-context), which the agent then uses, too.
//!
//! one-context tries the names in `NETCFG_TYPE`, or those for the distribution, and uses the first whose tool is installed. It
//! stops at a name without a renderer. Before 6.2 there was no choice: each package used the format of its distribution.

use std::path::Path;

use super::Probe;

use super::renderers::Renderers;
use super::units::names;
use super::{Choice, Facts, interfaces, network_manager, scripts};
use crate::render::{Backend, Reader};

/// The facts by which one-context chooses a renderer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is a separate observation
pub struct OneContext {
    /// `ID` or `ID_LIKE` of `/etc/os-release`: `debian`.
    pub system: String,
    /// `VERSION_ID`: `12`.
    pub version: String,
    /// `nmcli` is installed.
    pub nmcli: bool,
    /// `networkctl` is installed.
    pub networkctl: bool,
    /// `netplan` is installed.
    pub netplan: bool,
    /// The service `network` of initscripts is enabled, or, without initscripts, SUSE's layout exists.
    pub scripts: bool,
    /// The order in which one-context tries its renderers.
    pub renderers: Renderers,
    /// The installed renderers; none before 6.2.
    pub modules: Vec<String>,
}

/// What one-context does about the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Theirs {
    /// one-context writes files for a network stack.
    Takes(Choice),
    /// one-context has no renderer for this system.
    Nothing,
    /// one-context stops at a name without a renderer.
    Refuses(String),
}

/// The network scripts of one-context 4.x, 5.0 and later: without one, it does not configure the network.
const SCRIPTS: [&str; 3] = ["00-network", "10-network", "loc-10-network"];
const DIRECTORY: &str = "/etc/one-context.d";
const MODULES: &str = "/etc/one-context.d/loc-10-network.d";

impl OneContext {
    /// Whether one-context configures the network of a guest.
    #[must_use]
    pub fn is_there(root: &Probe<'_>) -> bool {
        let directory = Path::new(DIRECTORY);
        root.is_dir(directory)
            && SCRIPTS
                .iter()
                .any(|name| root.exists(&directory.join(name)))
    }

    /// Reads the facts of a guest with one-context.
    #[must_use]
    pub fn gather(root: &Probe<'_>, facts: &Facts) -> Self {
        let has_program = |name: &str| {
            let places = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
            places
                .iter()
                .any(|place| root.exists(&Path::new(place).join(name)))
        };
        let release = root
            .read_to_string(Path::new("/etc/os-release"))
            .unwrap_or_default();
        let (system, version) = system(&release);
        let module = |name: String| name.strip_prefix("netcfg-").map(str::to_owned);
        Self {
            system,
            version,
            nmcli: has_program("nmcli"),
            networkctl: has_program("networkctl"),
            netplan: has_program("netplan"),
            scripts: if facts.initscripts {
                facts.enabled.has(Reader::Initscripts)
            } else {
                facts.suse_layout
            },
            renderers: Renderers::gather(root),
            modules: names(root, MODULES)
                .into_iter()
                .filter_map(module)
                .collect(),
        }
    }
}

/// Systems that one-context recognizes by `ID`; others are recognized by `ID_LIKE`.
const KNOWN: [&str; 13] = [
    "alpine",
    "altlinux",
    "debian",
    "devuan",
    "ubuntu",
    "fedora",
    "centos",
    "rhel",
    "almalinux",
    "ol",
    "rocky",
    "sles",
    "amzn",
];

/// Parses `ID=debian` and `VERSION_ID="12"` to `debian` and `12`.
fn system(release: &str) -> (String, String) {
    let value = |key: &str| {
        let mut lines = release.lines();
        let value = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        value
            .unwrap_or_default()
            .trim_matches(['"', '\''])
            .to_lowercase()
    };
    let id = value("ID");
    let is_known = KNOWN.contains(&&*id) || id.starts_with("opensuse") || id == "sled";
    let name = if is_known { id } else { value("ID_LIKE") };
    (name, value("VERSION_ID"))
}

/// Returns what one-context does: the backend that writes the same format as its renderer.
///
/// `asked` is `NETCFG_TYPE` of the context, and `renderer` is `NETCFG_NETPLAN_RENDERER`.
#[must_use]
pub fn choose_beside(
    one_context: &OneContext,
    asked: Option<&str>,
    renderer: Option<&str>,
    facts: &Facts,
) -> Theirs {
    let renderer = renderer.map(str::trim).filter(|name| !name.is_empty());
    let network_manager_below = match renderer {
        Some(name) => is_network_manager(name),
        None => !one_context.networkctl && one_context.nmcli,
    };
    let renderers = &one_context.renderers;
    let names = match asked.filter(|names| !names.is_empty()) {
        Some(names) => renderers.asked(names),
        None => renderers.on(&one_context.system, &one_context.version),
    };
    for name in names.unwrap_or_default() {
        if !one_context.modules.contains(&name) {
            return Theirs::Refuses(name);
        }
        if let Some(backend) = backend(&name, one_context, network_manager_below, facts) {
            let why = format!("one-context writes for '{}'", name.escape_debug());
            return Theirs::Takes(Choice::new(backend, why));
        }
    }
    Theirs::Nothing
}

/// Whether one-context takes the name for NetworkManager, as netplan's renderer.
fn is_network_manager(name: &str) -> bool {
    ["networkmanager", "nm"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// Returns the backend of a renderer if one-context uses that renderer on this system.
fn backend(
    name: &str,
    one_context: &OneContext,
    network_manager_below: bool,
    facts: &Facts,
) -> Option<Backend> {
    let by_distribution = ["alpine", "debian", "ubuntu", "devuan"];
    match name {
        "nm" => one_context.nmcli.then(|| network_manager(facts)),
        "networkd" => one_context.networkctl.then_some(Backend::Networkd),
        "netplan" if network_manager_below => one_context
            .netplan
            .then_some(Backend::NetplanNetworkManager),
        "netplan" => one_context.netplan.then_some(Backend::NetplanNetworkd),
        "scripts" => one_context.scripts.then(|| scripts(facts)),
        "interfaces" => by_distribution
            .contains(&&*one_context.system)
            .then(|| interfaces(facts)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_named_as_one_context_names_them() {
        let table = [
            ("ID=debian\nVERSION_ID=\"12\"\n", ("debian", "12")),
            (
                "PRETTY_NAME=x\nID=\"rocky\"\nVERSION_ID='9.4'\n",
                ("rocky", "9.4"),
            ),
            (
                "ID=linuxmint\nID_LIKE=ubuntu\nVERSION_ID=22\n",
                ("ubuntu", "22"),
            ),
            (
                "ID=opensuse-leap\nID_LIKE=\"suse\"\nVERSION_ID=15.6\n",
                ("opensuse-leap", "15.6"),
            ),
            ("", ("", "")),
        ];
        for (release, (name, version)) in table {
            let expected = (name.to_owned(), version.to_owned());
            assert_eq!(system(release), expected, "{release}");
        }
    }

    /// The newest release, with all tools installed.
    fn all(system: &str, version: &str) -> OneContext {
        let modules = ["interfaces", "netplan", "networkd", "nm", "scripts"];
        OneContext {
            system: system.to_owned(),
            version: version.to_owned(),
            nmcli: true,
            networkctl: true,
            netplan: true,
            scripts: true,
            renderers: Renderers::newest(),
            modules: modules.map(str::to_owned).to_vec(),
        }
    }

    fn without(system: &str, version: &str, change: fn(&mut OneContext)) -> OneContext {
        let mut one_context = all(system, version);
        change(&mut one_context);
        one_context
    }

    fn taken(theirs: Theirs) -> Option<Backend> {
        match theirs {
            Theirs::Takes(choice) => Some(choice.backend),
            Theirs::Nothing | Theirs::Refuses(_) => None,
        }
    }

    #[test]
    fn the_first_renderer_whose_tool_is_installed_is_used() {
        let suse = Facts {
            suse_layout: true,
            ..Facts::default()
        };
        let red_hat = Facts {
            initscripts: true,
            ..Facts::default()
        };
        let alpine = Facts {
            alpine: true,
            ..Facts::default()
        };
        let old_nm = Facts {
            ifcfg_plugin_of: Some((1, 18)),
            ..Facts::default()
        };
        let plain = &Facts::default();
        let table = [
            (all("debian", "12"), plain, Some(Backend::NetplanNetworkd)),
            (
                without("debian", "12", |it| it.networkctl = false),
                plain,
                Some(Backend::NetplanNetworkManager),
            ),
            (
                without("debian", "12", |it| it.netplan = false),
                plain,
                Some(Backend::Networkd),
            ),
            (all("debian", "11"), plain, Some(Backend::Interfaces)),
            (all("debian", "13"), plain, Some(Backend::Interfaces)),
            (
                all("ubuntu", "24.04"),
                plain,
                Some(Backend::NetplanNetworkd),
            ),
            (
                all("alpine", "3.20"),
                &alpine,
                Some(Backend::InterfacesAlpine),
            ),
            (all("rocky", "9.4"), plain, Some(Backend::Keyfile)),
            (
                all("centos", "7"),
                &old_nm,
                Some(Backend::IfcfgNetworkManager),
            ),
            (
                without("rhel", "8", |it| it.nmcli = false),
                plain,
                Some(Backend::Networkd),
            ),
            (
                without("centos", "7", |it| {
                    (it.nmcli, it.networkctl) = (false, false);
                }),
                &red_hat,
                Some(Backend::IfcfgInitscripts),
            ),
            (all("sles", "15.5"), &suse, Some(Backend::IfcfgSuse)),
            (all("opensuse-leap", "16.0"), plain, Some(Backend::Keyfile)),
            (
                without("amzn", "2023", |it| it.scripts = false),
                plain,
                None,
            ),
            (all("arch", ""), plain, None),
        ];
        for (one_context, facts, expected) in table {
            let theirs = choose_beside(&one_context, None, None, facts);
            assert_eq!(taken(theirs), expected, "{one_context:?}");
        }
    }

    #[test]
    fn a_requested_renderer_has_precedence_over_the_system() {
        let plain = &Facts::default();
        let one_context = all("debian", "12");
        let asked = |names| choose_beside(&one_context, Some(names), None, plain);
        assert_eq!(taken(asked(" NetworkManager ")), Some(Backend::Keyfile));
        assert_eq!(
            taken(asked("scripts networkd")),
            Some(Backend::IfcfgInitscripts)
        );
        assert_eq!(asked("wicked networkd"), Theirs::Refuses("wicked".into()));
        assert_eq!(
            asked("NetworkManager networkd"),
            Theirs::Refuses("networkmanager".into())
        );
        assert_eq!(taken(asked("networkd wicked")), Some(Backend::Networkd));
        assert_eq!(asked("none"), Theirs::Nothing);
        let below = |renderer| taken(choose_beside(&one_context, None, Some(renderer), plain));
        assert_eq!(
            below("NetworkManager"),
            Some(Backend::NetplanNetworkManager)
        );
        assert_eq!(below("systemd-networkd"), Some(Backend::NetplanNetworkd));
    }
}
