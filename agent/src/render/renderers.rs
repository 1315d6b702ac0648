//! What each network stack makes of a plan, and what to warn of about its files.

use std::ffi::OsString;
use std::path::Path;

use super::interfaces::Dialect;
use super::{
    Backend, Rendered, Resolver, ifcfg, interfaces, keyfile, limits, netplan, networkd, resolv_conf,
};
use crate::plan::Plan;

impl Backend {
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
}
