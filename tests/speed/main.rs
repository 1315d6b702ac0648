//! Bounds on what a run costs, wide enough to hold on a busy machine. How much faster than the scripts
//! of 2013 both halves are, `side-by-side` measures.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod agent;
mod driver;
