//! Helpers for the black-box tests: fake machines, the real binaries, real images.
//!
//! `ONE_SRIOV_AGENT` and `ONE_SRIOV_DRIVER` name the binaries, so that a run can test the files that are shipped; by default,
//! cargo builds them.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

mod agent;
mod emulated;
mod file_rules;
mod fixtures;
mod fleet;
mod frontend;
pub mod host;
mod image;
mod json_page;
mod machine;
mod nic;
mod program;
mod recorded;
mod remotes;
mod scenarios;
mod stock;
mod trial;
pub mod turn;

pub use agent::{BACKENDS, Outcome, agent_path, driver_path, run, run_while};
pub use emulated::{CLOUD_KERNEL, EmulatedGuest, KERNEL, install_kernel};
pub use file_rules::{check_file, check_line};
pub use fixtures::{context, fixture};
pub use fleet::{fleet, sizes};
pub use frontend::{Answer, ErrorRegime, FrontEnd, Hang, Level, Release, Reply, Stdin, Transport};
pub use image::{Tool, image};
pub use json_page::assert_described;
pub use machine::Machine;
pub use nic::{Nic, ethernet, infiniband, virtio, virtio_at};
pub use program::{copy_program, said, write_program};
pub use recorded::Recorded;
pub use remotes::{ACTIONS, Host, install_remotes};
pub use scenarios::scenarios;
pub use stock::{Call, Stock};
pub use trial::{
    HELD_EACH, HostTrial, Trial, VFS_OF_CARD, instructions, is_in_memory, median, peak_memory,
    processes, processor_time, read_anew, scratch, time,
};
