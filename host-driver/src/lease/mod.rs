//! Leases: which VM has which VF, so that no VF is lost or assigned twice.
//!
//! [`Store`] is the directory, [`Guard`] its lock. Under the lock the driver takes a snapshot of the running domains, finds
//! stale leases ([`Guard::sweep`]), allocates VFs ([`Allocator::allocate`]) and writes the leases ([`Guard::grant`]).
//! Everything slow happens after the lock is released.

mod adopt;
mod allocate;
mod allocator;
mod availability;
mod count;
mod error;
mod exact;
mod grant;
mod held;
mod judge;
mod lock;
mod observe;
mod record;
mod released;
mod request;
mod shortage;
mod store;
mod sweep;

pub use adopt::Adopted;
pub use allocator::{AllocateError, Allocation, Allocator};
pub use availability::Availability;
pub use error::StoreError;
pub use grant::{Deployment, VfSetup};
pub use held::HeldDeployment;
pub use judge::{Signs, Verdict, judge};
pub use lock::Guard;
pub use observe::{claimed, stop_decisions};
pub use record::{
    DeploymentId, EthernetFeatures, FORMAT, Lease, OriginalState, Place, State, VfIdentity,
};
pub use released::{VFIO, is_released};
pub use request::{VfRequest, Wanted};
pub use shortage::Shortage;
pub use store::{MigrationLock, Store, now, user_name};
pub use sweep::{BeingReleased, ReclaimGuard, StaleLease, Sweep, SweepScope};

#[cfg(test)]
pub(crate) mod tests;

#[cfg(test)]
pub(crate) use record::tests::lease as sample;
