//! Which variables configure which device.

mod nic_id;

pub use nic_id::NicId;
