//! The network stacks that files can be written for.

use std::fmt;
use std::str::FromStr;

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
