//! The remotes: an action leads to the driver even while the tree is being replaced, in every shell that may be a host's
//! `/bin/sh`.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod actions;
mod exchange;
mod install;
mod launcher;
mod probes;
mod stand_in;
mod stock;
