//! Having a network stack that runs already take over what a run has changed: `apply --activate`.
//!
//! | stack | before the files change | after that |
//! |---|---|---|
//! | NetworkManager | | `nmcli connection load`, a look at what it really loaded, `device reapply` or `connection up` |
//! | systemd-networkd | | `networkctl reload`, `networkctl reconfigure` |
//! | netplan | | `netplan generate`, then as its renderer |
//! | ifupdown, initscripts | `ifdown` by the old files | `ifup` by the new ones |
//! | wicked | | `wicked ifreload` |
//!
//! Only devices whose files changed are touched, and those that came since ([`Ledger`]). A stack that does
//! not run is not started: it reads its files when it is. [`ActivationWork`] is what there is to do, as data; each
//! stack's module says how, and calls its tools through one door ([`Tools`]).

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
    /// What has to be done before the old files are replaced. Errors are logged, and the run
    /// continues: the device may already be down.
    pub fn before(self, work: &ActivationWork, tools: &mut impl Tools) {
        match self {
            Self::Ifupdown => ifup::before(work, ifup::names_of_stanzas, tools),
            Self::Initscripts => ifup::before(work, ifup::names_of_files, tools),
            Self::NetworkManager | Self::Networkd | Self::Wicked => {}
        }
    }

    /// What has to be done once the new files stand.
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
