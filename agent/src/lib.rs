//! The guest half of one-sriov, step by step from the context CD to the files of the network stack.
//!
//! ```text
//! context/    find the CD, read context.sh        -> Context
//! inventory/  read the NICs (sysfs)               -> Inventory
//! plan/       which variables configure which NIC -> Plan        (pure)
//! detect/     which network stack this guest has  -> Choice
//! render/     files for the network stack   -> Rendered    (pure)
//! install/    put the files in place, atomically
//! activate/   have a running network stack load them
//! kernel/     compare the kernel with the plan
//! diagnose/   why a NIC has no address
//! ```
//! Each step has one input and one output, and data never flows backwards. [`pipeline`] runs the steps up to the list of changes
//! on disk; `cli/` is the command line around them.

pub mod activate;
pub mod cli;
pub mod config;
pub mod context;
pub mod detect;
pub mod diagnose;
mod glob;
pub mod install;
pub mod inventory;
pub mod kernel;
pub mod pipeline;
pub mod plan;
pub mod render;
pub mod wait;
