//! `/etc/cloud/cloud.cfg.d`: disables cloud-init's network configuration if there is a context with NICs.
//!
//! ```text
//! # Written by one-sriov-agent from the context of the VM. Do not edit: edited files are not updated.
//! network:
//!   config: disabled
//! ```
//! cloud-init configures every physical NIC, including InfiniBand, and a single 20-byte address makes it fail for all.
//! Without a context, the image may be on another cloud, where it needs cloud-init's network configuration.
//! Source: `cloudinit/stages.py` (`_find_networking_config`).

use std::path::{Path, PathBuf};

use hwaddr::InterfaceName;

use super::lines::Lines;
use super::{GuestFiles, RenderedFile};
use crate::plan::{NicId, Plan};

const DIRECTORY: &str = "/etc/cloud/cloud.cfg.d";

/// Renders the file, if cloud-init is installed and the context has NICs.
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
    // The file is not for a single NIC.
    let device = "lo".parse::<InterfaceName>().ok()?;
    let path = PathBuf::from(DIRECTORY).join("99-one-sriov.cfg");
    Some(lines.into_file(path, NicId::CloudInit, &device))
}
