//! The binaries that are shipped: static, small, and the same on both machines.
//!
//! They are those that `ONE_SRIOV_AGENT`, `ONE_SRIOV_DRIVER` and the same with `_AARCH64` name (`make test`
//! sets all); without them cargo builds static ones here.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod aarch64;
mod binaries;
mod size;
mod static_elf;
