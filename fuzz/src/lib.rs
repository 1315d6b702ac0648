//! What must hold for any input: one function per target, which panics if it does not hold.
//!
//! libFuzzer calls these functions through `fuzz_targets/`; `tests/replay.rs` calls them with the
//! committed corpora on any toolchain, as a regression test.

// Targets report violations by panicking.
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
