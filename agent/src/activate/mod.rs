//! Has a running network stack load the changes of a run: `apply --activate`.
//!
//! | stack | before the files change | after that |
//! |---|---|---|
//! | NetworkManager | | `nmcli connection load`, a check of what it really loaded, `device reapply` or `connection up` |
//! | systemd-networkd | | `networkctl reload`, `networkctl reconfigure` |
//! | netplan | | `netplan generate`, then as its renderer |
//! | ifupdown, initscripts | `ifdown` by the old files | `ifup` by the new ones |
//! | wicked | | `wicked ifreload` |
//!
//! Only devices whose files have changed are activated, and new ones ([`Ledger`]). A stack that does not run is not started: it
//! reads its files when it starts. [`ActivationWork`] has what to do, as data; each stack's module does it, by [`Tools`].

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
    /// Does what is needed before the old files are replaced. Errors are logged, and the run continues: the device may already be
    /// down.
    pub fn before(self, work: &ActivationWork, tools: &mut impl Tools) {
        match self {
            Self::Ifupdown => ifup::before(work, ifup::names_of_stanzas, tools),
            Self::Initscripts => ifup::before(work, ifup::names_of_files, tools),
            Self::NetworkManager | Self::Networkd | Self::Wicked => {}
        }
    }

    /// Does what is needed after the new files are written.
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
