//! The network stacks, as something that runs.

use std::fmt;

use super::activation::Activation;
use super::tools::Tools;
use super::work::Work;
use super::{ifup, netplan, network_manager, networkd, wicked};
use crate::render::Backend;

/// What reads the files of a backend while the machine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// NetworkManager.
    NetworkManager,
    /// systemd-networkd.
    Networkd,
    /// ifupdown, ifupdown-ng, busybox.
    Ifupdown,
    /// `ifup` and `ifdown` of initscripts.
    Initscripts,
    /// wicked.
    Wicked,
}

impl Stack {
    /// Who reads the files of a backend.
    #[must_use]
    pub const fn of(backend: Backend) -> Self {
        match backend {
            Backend::IfcfgInitscripts => Self::Initscripts,
            Backend::IfcfgSuse => Self::Wicked,
            Backend::Interfaces | Backend::InterfacesAlpine => Self::Ifupdown,
            Backend::IfcfgNetworkManager | Backend::Keyfile | Backend::NetplanNetworkManager => {
                Self::NetworkManager
            }
            Backend::NetplanNetworkd | Backend::Networkd => Self::Networkd,
        }
    }

    /// Whether it looks out for devices that come, and configures those that it has files for.
    #[must_use]
    pub const fn takes_new_devices(self) -> bool {
        !matches!(self, Self::Ifupdown | Self::Initscripts)
    }

    /// What has to be done while the old files still stand. What goes wrong is told, and keeps nobody
    /// from going on: the device may have been down all along.
    pub fn before(self, work: &Work, tools: &mut impl Tools) {
        match self {
            Self::Ifupdown => ifup::before(work, ifup::names_of_stanzas, tools),
            Self::Initscripts => ifup::before(work, ifup::names_of_files, tools),
            Self::NetworkManager | Self::Networkd | Self::Wicked => {}
        }
    }

    /// What has to be done once the new files stand.
    pub fn after(
        self,
        work: &Work,
        is_present: &dyn Fn(&str) -> bool,
        tools: &mut impl Tools,
    ) -> Activation {
        if let Err(reason) = netplan::generate(work.edits().map(|edit| &*edit.path), tools) {
            return Activation::all(work, &Err(reason));
        }
        match self {
            Self::NetworkManager => network_manager::activate(work, tools),
            Self::Networkd => networkd::activate(work, is_present, tools),
            Self::Ifupdown => ifup::activate(work, ifup::names_of_stanzas, tools),
            Self::Initscripts => ifup::activate(work, ifup::names_of_files, tools),
            Self::Wicked => wicked::activate(work, tools),
        }
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NetworkManager => "NetworkManager",
            Self::Networkd => "systemd-networkd",
            Self::Ifupdown => "ifupdown",
            Self::Initscripts => "the network service of initscripts",
            Self::Wicked => "wicked",
        })
    }
}
