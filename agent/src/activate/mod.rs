//! Has a running network stack load the changes of a run: `apply --activate`.
//!
//! | stack | before the files change | after the files change |
//! |---|---|---|
//! | NetworkManager | | `nmcli connection load`, a check that it was loaded, `device reapply` or `connection up` |
//! | systemd-networkd | | `networkctl reload`, `networkctl reconfigure` |
//! | netplan | | `netplan generate`, then as for its renderer |
//! | ifupdown, initscripts | `ifdown` with the old files | `ifup` with the new files |
//! | wicked | | `wicked ifreload` |
//!
//! Only devices whose files have changed are activated and, if the stack is not a daemon, new ones ([`Ledger`]). A stack that is
//! not running is not started: it reads its files when it starts. [`ActivationWork`] describes the work as data; each stack's
//! module does it with [`Tools`].

mod activation;
mod ifup;
mod ledger;
mod netplan;
mod network_manager;
mod networkd;
#[cfg(test)]
mod script;
mod tools;
mod wicked;
mod work;

pub use activation::Activation;
pub use ledger::Ledger;
pub use netplan::generate_if_changed;
pub use tools::{SystemTools, Tools};
pub use work::{ActivationWork, Edit, Job};

use crate::render::Reader;

impl Reader {
    /// Does what must happen before the old files are replaced. Errors are only logged, because devices may already be down.
    pub fn before(self, work: &ActivationWork, tools: &mut impl Tools) {
        match self {
            Self::Ifupdown => ifup::before(work, ifup::names_of_stanzas, tools),
            Self::Initscripts => ifup::before(work, ifup::names_of_files, tools),
            Self::NetworkManager | Self::Networkd | Self::Wicked => {}
        }
    }

    /// Does what must happen after the new files are written.
    pub fn after(
        self,
        work: &ActivationWork,
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
