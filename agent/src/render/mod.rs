//! Renders the files for the guest's network stack: pure functions of a plan.
//!
//! A backend is a module with a function `render(&Plan) -> Rendered`. [`Backend`] has a row for each one: the reader of the
//! files, the limits of the files, and warnings about other files. [`Reader`] has a row for each program that reads files, and
//! [`detect`](crate::detect) chooses a backend.

mod cloud_init;
mod configured;
mod file;
mod guest_files;
mod ifcfg;
mod interfaces;
mod keyfile;
mod limits;
mod lines;
mod netplan;
mod network_manager;
mod networkd;
mod reader;
mod resolv_conf;
mod resolver_words;
mod sysctl;
mod transport;

use std::fmt;
use std::str::FromStr;

pub use cloud_init::drop_in as cloud_init_drop_in;
pub use file::{HEADER, Mode, Rendered, RenderedFile, Sysctl};
pub use guest_files::GuestFiles;
use interfaces::Dialect;
use limits::Limit;
pub(crate) use network_manager::version as network_manager_version;
pub use network_manager::{Unmanaged, managed as network_manager_managed};
pub use reader::{Reader, Readers, Sign};
pub use resolv_conf::{PATH as RESOLV_CONF, Resolver};

use crate::plan::Plan;

/// What the agent knows about a backend.
struct Description {
    /// Its name on the command line.
    name: &'static str,
    /// The program that reads the files.
    reader: Reader,
    render: fn(&Plan) -> Rendered,
    /// What the files cannot express.
    limits: &'static [Limit],
    /// Warnings about files that hide the backend's files or configure the same devices.
    warnings: fn(&Plan, &dyn GuestFiles) -> Vec<String>,
    /// Whether the files cannot contain name servers, which go to `/etc/resolv.conf` instead.
    writes_resolv_conf: bool,
}

/// A network stack, and the dialect of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// `ifcfg` files for `ifup` and `ifup-ib` of initscripts (EL 6 and 7, Amazon Linux 2).
    IfcfgInitscripts,
    /// `ifcfg` files for NetworkManager's plugin (EL 7 to 9).
    IfcfgNetworkManager,
    /// `ifcfg` files for wicked (SLES and Leap 12 and 15).
    IfcfgSuse,
    /// Stanzas for ifupdown (Debian, Devuan).
    Interfaces,
    /// Stanzas for ifupdown-ng and busybox (Alpine).
    InterfacesAlpine,
    /// Keyfiles for NetworkManager (EL 8 to 10, Fedora, SLES and Leap 16).
    Keyfile,
    /// YAML for netplan with systemd-networkd, and units (Ubuntu server, Debian's cloud images).
    NetplanNetworkd,
    /// Keyfiles for NetworkManager, alongside netplan's (Ubuntu desktop).
    NetplanNetworkManager,
    /// Units for systemd-networkd (Amazon Linux 2023, Flatcar, Arch).
    Networkd,
}

impl Backend {
    /// All backends, sorted by name.
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

    const fn describe(self) -> Description {
        match self {
            Self::IfcfgInitscripts => Description {
                name: "ifcfg-initscripts",
                reader: Reader::Initscripts,
                render: |plan| ifcfg::red_hat(plan, ifcfg::IfcfgReader::Initscripts),
                limits: limits::INITSCRIPTS,
                warnings: no_warnings,
                writes_resolv_conf: false,
            },
            Self::IfcfgNetworkManager => Description {
                name: "ifcfg-nm",
                reader: Reader::NetworkManager,
                render: |plan| ifcfg::red_hat(plan, ifcfg::IfcfgReader::NetworkManager),
                limits: limits::NETWORK_MANAGER,
                warnings: no_warnings,
                writes_resolv_conf: false,
            },
            Self::IfcfgSuse => Description {
                name: "ifcfg-suse",
                reader: Reader::Wicked,
                render: ifcfg::suse,
                limits: limits::WICKED,
                warnings: no_warnings,
                writes_resolv_conf: true,
            },
            Self::Interfaces => Description {
                name: "interfaces",
                reader: Reader::Ifupdown,
                render: |plan| interfaces::render(plan, Dialect::Debian),
                limits: limits::IFUPDOWN,
                warnings: |plan, files| interfaces::warnings(plan, Dialect::Debian, files),
                writes_resolv_conf: true,
            },
            Self::InterfacesAlpine => Description {
                name: "interfaces-alpine",
                reader: Reader::Ifupdown,
                render: |plan| interfaces::render(plan, Dialect::Alpine),
                limits: limits::IFUPDOWN_NG,
                warnings: |plan, files| interfaces::warnings(plan, Dialect::Alpine, files),
                writes_resolv_conf: true,
            },
            Self::Keyfile => Description {
                name: "keyfile",
                reader: Reader::NetworkManager,
                render: keyfile::render,
                limits: limits::NETWORK_MANAGER,
                warnings: keyfile::warnings,
                writes_resolv_conf: false,
            },
            Self::NetplanNetworkd => Description {
                name: "netplan-networkd",
                reader: Reader::Networkd,
                render: netplan::render,
                limits: &[],
                warnings: networkd::warnings,
                writes_resolv_conf: false,
            },
            Self::NetplanNetworkManager => Description {
                name: "netplan-nm",
                ..Self::Keyfile.describe()
            },
            Self::Networkd => Description {
                name: "networkd",
                reader: Reader::Networkd,
                render: networkd::render,
                limits: &[],
                warnings: networkd::warnings,
                writes_resolv_conf: false,
            },
        }
    }

    /// The name of the backend on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.describe().name
    }

    /// The program that reads the files.
    #[must_use]
    pub const fn reader(self) -> Reader {
        self.describe().reader
    }

    /// Renders a plan for this network stack.
    #[must_use]
    pub fn render(self, plan: &Plan) -> Rendered {
        let mut rendered = (self.describe().render)(plan);
        let unsupported = limits::unsupported(self, self.describe().limits, plan);
        rendered.notes.extend(unsupported);
        rendered
    }

    /// Renders the file with the name servers of all NICs, if the network stack has no setting for them.
    #[must_use]
    pub fn name_servers(self, plan: &Plan, resolver: impl FnOnce() -> Resolver) -> Rendered {
        if self.describe().writes_resolv_conf {
            resolv_conf::render(plan, resolver())
        } else {
            Rendered::default()
        }
    }

    /// Warns about files that hide the backend's files or configure the same devices.
    #[must_use]
    pub fn warnings(self, plan: &Plan, files: &dyn GuestFiles) -> Vec<String> {
        (self.describe().warnings)(plan, files)
    }
}

fn no_warnings(_: &Plan, _: &dyn GuestFiles) -> Vec<String> {
    Vec::new()
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a name is not that of a backend.
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
