//! `ifcfg` files: a file of `KEY=value` lines per device, read by three kinds of programs.
//!
//! ```text
//! # Written by one-sriov-agent for ETH1 from the context of the VM. Do not edit: edited files are not updated.
//! DEVICE=ib0
//! BOOTPROTO=none
//! IPADDR=192.168.7.5
//! ```
//! initscripts *source* these files as root; NetworkManager and wicked parse them. Values are only typed tokens and double-quoted
//! lists of tokens, so a shell has nothing to expand.

mod red_hat;
mod suse;

pub(super) use red_hat::{IfcfgReader, red_hat};
pub(super) use suse::suse;
