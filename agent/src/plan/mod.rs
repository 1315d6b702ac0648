//! Which variables configure which device: from a context and an inventory to a plan, without I/O.
//!
//! ```text
//! eth0  aa:00:c0:a8:07:05   a dummy NIC: position 0, key c0:a8:07:05
//! ib0   ...:00:00:aa:00:c0:a8:07:05   an InfiniBand device whose GUID says the same
//! ETH1_MAC='02:00:c0:a8:07:05'   the NIC of the context with that key
//!   =>  IB0_* and ETH1_* configure ib0, and eth0 is left unmanaged
//! ```

mod context_nics;
mod domain_name;
mod ethernet;
mod global;
mod keep;
mod late;
pub mod model;
mod names;
mod nic_id;
mod outcome;
mod planner;
mod positions;
mod read_config;
mod settings;
mod tokens;
mod uncertain;
mod values;
mod vlan_id;

use crate::context::Context;
use crate::inventory::Inventory;
pub use domain_name::DomainName;
pub use nic_id::NicId;
pub use outcome::{Device, DummyNic, MatchedBy, Outcome, Plan, PlannedNic};
use planner::Planner;
pub use settings::{Role, Settings};
pub use values::{Origin, Problem};
pub use vlan_id::VlanId;

/// Plans the network of a guest.
#[must_use]
pub fn plan(context: &Context, inventory: &Inventory, settings: &Settings) -> Plan {
    let no = context
        .get("NETWORK")
        .is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(b"NO"));
    if no {
        return Plan {
            hands_off: true,
            ..Plan::default()
        };
    }
    Planner::new(context, inventory, settings).plan()
}
