//! The remotes: from an action's name to the driver, while the tree is being replaced, in every shell that is a host's
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
