//! Limits on the cost of the programs that hold even on a busy machine. `side-by-side` compares both programs with the scripts
//! of 2013.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod agent;
mod driver;
