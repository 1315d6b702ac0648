//! What must hold for any input, one function per target: it panics where something does not hold.
//!
//! libFuzzer calls these functions through `fuzz_targets/`; `tests/replay.rs` calls them with the
//! committed corpora on any toolchain, so that an input that once broke something is never forgotten.

// To panic is how a target reports.
#![allow(clippy::missing_panics_doc, clippy::expect_used)]

mod domain;
mod files;
mod grammar;
mod iso;
mod machine;

pub use domain::domain;
pub use files::files;
pub use grammar::grammar;
pub use iso::{SYSTEM_AREA, iso};
