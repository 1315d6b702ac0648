//! The shipped binaries: static, small, and the same on both architectures.
//!
//! `ONE_SRIOV_AGENT` and `ONE_SRIOV_DRIVER`, and the same with `_AARCH64`, name the binaries; `make test` sets all four. By
//! default, cargo builds static ones.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod aarch64;
mod binaries;
mod size;
mod static_elf;
