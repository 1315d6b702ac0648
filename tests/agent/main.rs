//! Black-box tests of the agent: the real binary in scratch roots.

// Tests may panic.
#![allow(clippy::expect_used, clippy::print_stdout)]

mod activate;
mod commands;
mod contexts;
mod dhcpv6;
mod edited;
mod elsewhere;
mod faults;
mod files;
mod gateways;
mod json;
mod kill;
mod late;
mod live;
mod log;
mod matching;
mod medium;
mod netplan;
mod peers;
mod readers;
mod resolver;
mod rules;
mod scenario;
mod sources;
mod stacks;
mod status;
mod taken_names;
mod transport;
mod unmanaged;
mod unprivileged;
mod values;
