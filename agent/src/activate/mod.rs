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
//! not run is not started: it reads its files when it is. [`Work`] is what there is to do, as data; each
//! stack's module says how, and calls its tools through one door ([`Tools`]).

mod activation;
mod ifup;
mod ledger;
mod netplan;
mod network_manager;
mod networkd;
#[cfg(test)]
mod script;
mod stack;
mod tools;
mod wicked;
mod work;

pub use activation::Activation;
pub use ledger::Ledger;
pub use netplan::generate_if_changed;
pub use stack::Stack;
pub use tools::{System, Tools};
pub use work::{Edit, Job, Work};
