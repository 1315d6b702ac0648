//! What the black-box tests share: made-up machines, the real binary, real images.
//!
//! The binary is the one that `ONE_SRIOV_AGENT` names, so that a test run can prove the very file
//! that is shipped; without it, cargo builds one.

// Tests may end at the first surprise; that is what this crate is for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

mod agent;
mod fixtures;
mod fleet;
mod image;
mod machine;
mod nic;
mod trial;

pub use agent::{Outcome, agent_path, run};
pub use fixtures::{context, fixture};
pub use fleet::{fleet, sizes};
pub use image::{Tool, image};
pub use machine::Machine;
pub use nic::{Nic, ethernet, infiniband, virtio, virtio_at};
pub use trial::{Trial, is_in_memory, median, peak_memory, processes, time};
