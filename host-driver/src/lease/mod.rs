//! Leases: which VM has which VF, so that none is lost and none is given out twice.
//!
//! [`Store`] is the directory, [`Guard`] the right to decide. A decision looks at libvirt, sweeps
//! up what is over ([`Guard::sweep`]), chooses VFs ([`Chooser::choose`]) and writes the leases
//! ([`Guard::grant`]). All that takes long comes after it.

mod adopt;
mod choose;
mod error;
mod grant;
mod judge;
mod lock;
mod record;
mod store;
mod sweep;
mod text;

pub use adopt::Adopted;
pub use choose::{Availability, Choice, ChooseError, Chooser, Shortage, Wish};
pub use error::StoreError;
pub use grant::{Deployment, Terms};
pub use judge::{Signs, Verdict, judge};
pub use lock::Guard;
pub use record::{DeploymentId, FORMAT, Former, Lease, LinkState, Place, State, Transport, VmId};
pub use store::{Store, now, user_name};
pub use sweep::{Custody, Depth, Ended, Returning, Sweep};

#[cfg(test)]
pub(crate) mod tests;

#[cfg(test)]
pub(crate) use record::tests::lease as sample;
