//! `/etc/cloud/cloud.cfg.d`: cloud-init leaves the network alone while there is a context with NICs.
//!
//! ```text
//! # Written by one-sriov-agent from the context of the VM. Do not edit: edited files are not updated.
//! network:
//!   config: disabled
//! ```
//! cloud-init configures every physical NIC, InfiniBand as well, and cannot read an address of 20 bytes: one such
//! NIC costs all of them. Without a context the image may be on another cloud, where it needs cloud-init's network.
//! Facts: `cloudinit/stages.py` (`_find_networking_config`).

use std::path::{Path, PathBuf};

use hwaddr::InterfaceName;

use super::lines::Lines;
use super::{GuestFiles, RenderedFile};
use crate::plan::{NicId, Plan};

const DIRECTORY: &str = "/etc/cloud/cloud.cfg.d";

/// The file, where cloud-init is installed and the context has NICs.
#[must_use]
pub fn drop_in(plan: &Plan, files: &dyn GuestFiles) -> Option<RenderedFile> {
    let has_nics = !plan.network_off && !plan.nics.is_empty();
    if !has_nics || !files.has_directory(Path::new(DIRECTORY)) {
        return None;
    }
    let mut lines = Lines::for_machine();
    lines
        .raw("# Without a context it is removed, so that the image has a network on other clouds.");
    lines.raw("network:\n  config: disabled");
    // It is no NIC's.
    let device = "lo".parse::<InterfaceName>().ok()?;
    let path = PathBuf::from(DIRECTORY).join("99-one-sriov.cfg");
    Some(lines.into_file(path, NicId::CloudInit, &device))
}
