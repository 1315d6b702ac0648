//! The network stack that one-context has chosen, which is ours beside it (`loc-10-network` of one-context).
//!
//! It goes through the names of `NETCFG_TYPE`, or through those of the distribution, and takes the first whose
//! tool is installed. Before 6.2 it had no choice: its package wrote what its distribution read.

use std::path::Path;

use one_sriov_system::Root;

use super::{Choice, Facts, in_short, interfaces, network_manager};
use crate::render::Backend;

/// What of a guest tells one-context's choice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is an observation of its own
pub struct OneContext {
    /// `ID` and `VERSION_ID` of `/etc/os-release`: `debian12`.
    pub system: String,
    /// `nmcli` is installed.
    pub nmcli: bool,
    /// `networkctl` is installed.
    pub networkctl: bool,
    /// `netplan` is installed.
    pub netplan: bool,
    /// The service `network` of initscripts is enabled, or wicked's configuration is there.
    pub scripts: bool,
    /// It has renderers to choose from.
    pub has_renderers: bool,
}

/// Its own network scripts, of 4.x, 5.0 and later: without one it leaves the network to others.
const SCRIPTS: [&str; 3] = ["00-network", "10-network", "loc-10-network"];
const DIRECTORY: &str = "/etc/one-context.d";

impl OneContext {
    /// Whether one-context configures the network of a guest.
    #[must_use]
    pub fn is_there(root: &Root) -> bool {
        let directory = Path::new(DIRECTORY);
        root.is_dir(directory)
            && SCRIPTS
                .iter()
                .any(|name| root.exists(&directory.join(name)))
    }

    /// Looks at a guest that has it.
    #[must_use]
    pub fn gather(root: &Root, facts: &Facts) -> Self {
        let directory = Path::new(DIRECTORY);
        let has_program = |name: &str| {
            let places = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
            places
                .iter()
                .any(|place| root.exists(&Path::new(place).join(name)))
        };
        let release = root
            .read_to_string(Path::new("/etc/os-release"))
            .unwrap_or_default();
        Self {
            system: system(&release),
            nmcli: has_program("nmcli"),
            networkctl: has_program("networkctl"),
            netplan: has_program("netplan"),
            scripts: if facts.initscripts {
                facts.initscripts_enabled
            } else {
                facts.suse_layout
            },
            has_renderers: root.is_dir(&directory.join("loc-10-network.d")),
        }
    }
}

/// Systems that one-context knows by their own name; others go by what they are like.
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

/// `ID=debian`, `VERSION_ID="12"` are `debian12`.
fn system(release: &str) -> String {
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
    format!("{name}{}", value("VERSION_ID"))
}

/// The names that it goes through on a system.
fn candidates(system: &str) -> &'static str {
    let table: [(&[&str], &str); 9] = [
        (&["alpine"], "interfaces"),
        (&["altlinux"], "networkd nm"),
        (&["debian12", "ubuntu"], "netplan networkd interfaces nm"),
        (&["devuan", "debian"], "interfaces netplan nm networkd"),
        (
            &["fedora", "centos", "rhel", "almalinux", "ol", "rocky"],
            "nm networkd scripts",
        ),
        (&["opensuse-leap15", "sles15", "sled15"], "scripts"),
        (
            &["opensuse-leap16", "sles16", "sled16"],
            "nm networkd scripts",
        ),
        (&["amzn"], "scripts"),
        (&[""], ""),
    ];
    let known = table
        .iter()
        .find(|(systems, _)| systems.iter().any(|name| system.starts_with(name)));
    known.map_or("", |(_, names)| names)
}

/// The backend whose files the renderer reads that one-context takes; none where it takes none.
///
/// `asked` is `NETCFG_TYPE` of the context, `renderer` is `NETCFG_NETPLAN_RENDERER`.
#[must_use]
pub fn choose_beside(
    one_context: &OneContext,
    asked: Option<&str>,
    renderer: Option<&str>,
    facts: &Facts,
) -> Option<Choice> {
    if !one_context.has_renderers {
        return None;
    }
    let renderer = renderer.map(str::trim).filter(|name| !name.is_empty());
    let network_manager_below = match renderer {
        Some(name) => in_short(name) == "nm",
        None => !one_context.networkctl && one_context.nmcli,
    };
    let asked = asked.map(str::trim).filter(|names| !names.is_empty());
    let names = asked.unwrap_or_else(|| candidates(&one_context.system));
    let found = names.split_ascii_whitespace().find_map(|name| {
        Some((
            name,
            backend(name, one_context, network_manager_below, facts)?,
        ))
    });
    found.map(|(name, backend)| Choice {
        backend,
        why: format!("one-context writes for '{}'", name.escape_debug()),
        is_doubtful: false,
    })
}

/// The backend of a renderer, if one-context takes it on this system.
fn backend(
    name: &str,
    one_context: &OneContext,
    network_manager_below: bool,
    facts: &Facts,
) -> Option<Backend> {
    let by_distribution = ["alpine", "debian", "ubuntu", "devuan"];
    match in_short(name) {
        "nm" => one_context.nmcli.then(|| network_manager(facts)),
        "networkd" => one_context.networkctl.then_some(Backend::Networkd),
        "netplan" if network_manager_below => one_context
            .netplan
            .then_some(Backend::NetplanNetworkManager),
        "netplan" => one_context.netplan.then_some(Backend::NetplanNetworkd),
        "scripts" if one_context.scripts && facts.initscripts => Some(Backend::IfcfgInitscripts),
        "scripts" => one_context.scripts.then_some(Backend::IfcfgSuse),
        "interfaces" => by_distribution
            .iter()
            .any(|system| one_context.system.starts_with(system))
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
            ("ID=debian\nVERSION_ID=\"12\"\n", "debian12"),
            (
                "PRETTY_NAME=x\nID=\"rocky\"\nVERSION_ID='9.4'\n",
                "rocky9.4",
            ),
            ("ID=linuxmint\nID_LIKE=ubuntu\nVERSION_ID=22\n", "ubuntu22"),
            (
                "ID=opensuse-leap\nID_LIKE=\"suse\"\nVERSION_ID=15.6\n",
                "opensuse-leap15.6",
            ),
            ("", ""),
        ];
        for (release, expected) in table {
            assert_eq!(system(release), expected, "{release}");
        }
    }

    /// With all tools there, and with one of them gone.
    #[test]
    fn the_first_renderer_whose_tool_is_there() {
        let all = |system: &str| OneContext {
            system: system.to_owned(),
            nmcli: true,
            networkctl: true,
            netplan: true,
            scripts: true,
            has_renderers: true,
        };
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
        let none = |change: fn(&mut OneContext), system: &str| {
            let mut one_context = all(system);
            change(&mut one_context);
            one_context
        };
        let table = [
            (all("debian12"), plain, Some(Backend::NetplanNetworkd)),
            (
                none(|it| it.networkctl = false, "debian12"),
                plain,
                Some(Backend::NetplanNetworkManager),
            ),
            (
                none(|it| it.netplan = false, "debian12"),
                plain,
                Some(Backend::Networkd),
            ),
            (all("debian11"), plain, Some(Backend::Interfaces)),
            (all("debian13"), plain, Some(Backend::Interfaces)),
            (all("ubuntu24.04"), plain, Some(Backend::NetplanNetworkd)),
            (all("alpine3.20"), &alpine, Some(Backend::InterfacesAlpine)),
            (all("rocky9.4"), plain, Some(Backend::Keyfile)),
            (all("centos7"), &old_nm, Some(Backend::IfcfgNetworkManager)),
            (
                none(|it| it.nmcli = false, "rhel8"),
                plain,
                Some(Backend::Networkd),
            ),
            (
                none(|it| (it.nmcli, it.networkctl) = (false, false), "centos7"),
                &red_hat,
                Some(Backend::IfcfgInitscripts),
            ),
            (all("sles15.5"), &suse, Some(Backend::IfcfgSuse)),
            (all("opensuse-leap16.0"), plain, Some(Backend::Keyfile)),
            (none(|it| it.scripts = false, "amzn2023"), plain, None),
            (all("arch"), plain, None),
            (none(|it| it.has_renderers = false, "debian12"), plain, None),
        ];
        for (one_context, facts, expected) in table {
            let choice =
                choose_beside(&one_context, None, None, facts).map(|choice| choice.backend);
            assert_eq!(choice, expected, "{one_context:?}");
        }
        let asked = |names| {
            let choice = choose_beside(&all("debian12"), Some(names), None, plain);
            choice.map(|choice| choice.backend)
        };
        assert_eq!(asked(" NetworkManager "), Some(Backend::Keyfile));
        assert_eq!(asked("wicked networkd"), Some(Backend::Networkd));
        assert_eq!(asked("none"), None);
        assert_eq!(
            asked(""),
            Some(Backend::NetplanNetworkd),
            "as if it were not there"
        );
        let below = |renderer| {
            let choice = choose_beside(&all("debian12"), None, Some(renderer), plain);
            choice.map(|choice| choice.backend)
        };
        assert_eq!(
            below("NetworkManager"),
            Some(Backend::NetplanNetworkManager)
        );
        assert_eq!(below("systemd-networkd"), Some(Backend::NetplanNetworkd));
    }
}
