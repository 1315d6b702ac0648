//! The network stacks that files can be written for.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::interfaces::Dialect;
use super::{
    Rendered, Resolver, ifcfg, interfaces, keyfile, limits, netplan, networkd, resolv_conf,
};
use crate::plan::Plan;

/// A network stack, with the dialect of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// `ifcfg` files for `ifup` and `ifup-ib` of initscripts (EL 6 and 7, Amazon Linux 2).
    IfcfgInitscripts,
    /// `ifcfg` files for NetworkManager's reader (EL 7 to 9).
    IfcfgNetworkManager,
    /// `ifcfg` files for wicked (SLES and Leap 12 and 15).
    IfcfgSuse,
    /// Stanzas for ifupdown (Debian, Devuan).
    Interfaces,
    /// Stanzas for ifupdown-ng and busybox (Alpine).
    InterfacesAlpine,
    /// Keyfiles for NetworkManager (EL 8 to 10, Fedora, SLES and Leap 16).
    Keyfile,
    /// YAML for netplan, which writes for systemd-networkd, and its units (Ubuntu server, Debian's cloud images).
    NetplanNetworkd,
    /// Keyfiles for NetworkManager, for which netplan writes, too (Ubuntu desktop).
    NetplanNetworkManager,
    /// Units for systemd-networkd (Amazon Linux 2023, Flatcar, Arch).
    Networkd,
}

impl Backend {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 9] = [
        Self::IfcfgInitscripts,
        Self::IfcfgNetworkManager,
        Self::IfcfgSuse,
        Self::Interfaces,
        Self::InterfacesAlpine,
        Self::Keyfile,
        Self::NetplanNetworkd,
        Self::NetplanNetworkManager,
        Self::Networkd,
    ];

    /// Renders a plan for this network stack.
    #[must_use]
    pub fn render(self, plan: &Plan) -> Rendered {
        let mut rendered = match self {
            Self::IfcfgInitscripts => ifcfg::red_hat(plan, ifcfg::Reader::Initscripts),
            Self::IfcfgNetworkManager => ifcfg::red_hat(plan, ifcfg::Reader::NetworkManager),
            Self::IfcfgSuse => ifcfg::suse(plan),
            Self::Interfaces => interfaces::render(plan, Dialect::Debian),
            Self::InterfacesAlpine => interfaces::render(plan, Dialect::Alpine),
            Self::Keyfile | Self::NetplanNetworkManager => keyfile::render(plan),
            Self::NetplanNetworkd => netplan::render(plan),
            Self::Networkd => networkd::render(plan),
        };
        rendered.notes.extend(limits::unsupported(self, plan));
        rendered
    }

    /// The name servers of all NICs, where the network stack has no place for them.
    #[must_use]
    pub fn name_servers(self, plan: &Plan, resolver: impl FnOnce() -> Resolver) -> Rendered {
        match self {
            Self::Interfaces | Self::InterfacesAlpine | Self::IfcfgSuse => {
                resolv_conf::render(plan, resolver())
            }
            _ => Rendered::default(),
        }
    }

    /// What keeps the files of this network stack from being read, or has others beside them; `read` gives
    /// the text of a file of the guest, `list` the names in a directory.
    pub fn warnings(
        self,
        plan: &Plan,
        read: impl Fn(&Path) -> Option<String>,
        list: impl Fn(&Path) -> Vec<OsString>,
    ) -> Vec<String> {
        match self {
            Self::Interfaces | Self::InterfacesAlpine => {
                let dialect = match self {
                    Self::InterfacesAlpine => Dialect::Alpine,
                    _ => Dialect::Debian,
                };
                let text = read(Path::new(interfaces::PATH));
                interfaces::warnings(plan, dialect, text.as_deref())
            }
            Self::Networkd | Self::NetplanNetworkd => networkd::warnings(plan, list),
            Self::Keyfile | Self::NetplanNetworkManager => keyfile::warnings(plan, list),
            _ => Vec::new(),
        }
    }

    /// The name, as on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IfcfgInitscripts => "ifcfg-initscripts",
            Self::IfcfgNetworkManager => "ifcfg-nm",
            Self::IfcfgSuse => "ifcfg-suse",
            Self::Interfaces => "interfaces",
            Self::InterfacesAlpine => "interfaces-alpine",
            Self::Keyfile => "keyfile",
            Self::NetplanNetworkd => "netplan-networkd",
            Self::NetplanNetworkManager => "netplan-nm",
            Self::Networkd => "networkd",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of a backend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown backend '{name}': expected ifcfg, netplan, or {}", Backend::ALL.map(Backend::name).join(", "), name = .0)]
pub struct UnknownBackend(pub String);

impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|backend| backend.name() == text);
        named.ok_or_else(|| UnknownBackend(text.escape_debug().take(64).collect()))
    }
}
