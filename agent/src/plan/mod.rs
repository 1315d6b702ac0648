//! Decides which variables configure which device: computes a plan from a context and an inventory, without I/O.
//!
//! ```text
//! eth0  aa:00:c0:a8:07:05   a dummy NIC: position 0, key c0:a8:07:05
//! ib0   ...:00:00:aa:00:c0:a8:07:05   an InfiniBand device with the same position and key in its GUID
//! ETH1_MAC='02:00:c0:a8:07:05'   the NIC of the context with that key
//!   =>  IB0_* and ETH1_* configure ib0; eth0 stays unmanaged
//! ```

mod addresses;
mod context_nics;
mod default_routes;
mod ethernet;
mod flag;
mod global;
mod keep;
mod late;
mod link;
pub mod model;
mod mtu;
mod name_server;
mod names;
mod nic_id;
mod not_found;
mod old_contexts;
mod outcome;
mod pairing;
mod pci;
mod planned;
mod planner;
mod port_number;
mod positions;
mod read_config;
mod route;
mod search_domain;
mod settings;
mod source;
mod tokens;
mod uncertain;
mod values;
mod vlan_id;

use crate::context::Context;
use crate::inventory::Inventory;
pub(crate) use name_server::is_link_local;
pub use nic_id::{BadNicId, NicId};
pub use outcome::{Device, DummyNic, MatchedBy, Outcome, Plan, PlannedNic};
use planner::Planner;
pub use search_domain::SearchDomain;
pub use settings::{PlanSettings, Role};
pub use values::{BadValue, Origin};
pub use vlan_id::VlanId;

/// Plans the network of a guest.
#[must_use]
pub fn plan(context: &Context, inventory: &Inventory, settings: &PlanSettings) -> Plan {
    Planner::new(context, inventory, settings).plan()
}
