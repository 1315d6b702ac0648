//! Black-box tests of the host driver: the real binary on fake hosts.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod attributes;
mod audit;
mod bad_input;
mod cards;
mod deploy;
mod doctor;
mod failures;
mod faults;
mod finish;
mod hotplug;
mod identity;
mod inherit;
mod interrupted;
mod json;
mod kill;
mod leftovers;
mod legacy;
mod migrate;
mod monitoring;
mod native;
mod numa;
mod operator;
mod pass;
mod pools;
mod protocol;
mod refresh;
mod refuse;
mod releasing;
mod repair;
mod resume;
mod root;
mod stress;
mod suspend;
mod unexpected;
mod vfs;
