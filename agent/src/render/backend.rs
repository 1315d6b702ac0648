//! The network stacks that files can be written for.

use std::fmt;
use std::str::FromStr;

use super::{Rendered, ifcfg};
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
}

impl Backend {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 3] = [
        Self::IfcfgInitscripts,
        Self::IfcfgNetworkManager,
        Self::IfcfgSuse,
    ];

    /// Renders a plan for this network stack.
    #[must_use]
    pub fn render(self, plan: &Plan) -> Rendered {
        match self {
            Self::IfcfgInitscripts => ifcfg::red_hat(plan, ifcfg::Reader::Initscripts),
            Self::IfcfgNetworkManager => ifcfg::red_hat(plan, ifcfg::Reader::NetworkManager),
            Self::IfcfgSuse => ifcfg::suse(plan),
        }
    }

    /// The name, as on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IfcfgInitscripts => "ifcfg-initscripts",
            Self::IfcfgNetworkManager => "ifcfg-nm",
            Self::IfcfgSuse => "ifcfg-suse",
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
#[error("unknown backend '{0}': expected ifcfg, ifcfg-initscripts, ifcfg-nm or ifcfg-suse")]
pub struct UnknownBackend(pub String);

impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|backend| backend.name() == text);
        named.ok_or_else(|| UnknownBackend(text.escape_debug().take(64).collect()))
    }
}
