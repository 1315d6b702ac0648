//! Having netplan write for its renderer what its changed YAML says.
//!
//! netplan does so by itself, but early in the boot, before the agent has read the context. It only writes
//! files: nothing is started or changed.

use std::path::Path;

use super::tools::{SystemTools, Tools};
use crate::install::FileReport;

/// `netplan generate` where one of these is a YAML of netplan's.
pub(super) fn generate<'a>(
    paths: impl IntoIterator<Item = &'a Path>,
    tools: &mut impl Tools,
) -> Result<(), String> {
    let mut paths = paths.into_iter();
    if paths.any(|path| path.starts_with("/etc/netplan")) {
        let run = tools.run("netplan", &["generate"]);
        run.map_err(|reason| format!("failed to generate netplan's configuration: {reason}"))?;
        log::info!("netplan has generated its configuration");
    }
    Ok(())
}

/// The same for what a run has changed. An error is logged and has no other effect.
pub fn generate_if_changed(report: &FileReport) {
    let files = [&report.written, &report.updated, &report.removed];
    let paths = files.into_iter().flatten().map(|file| &*file.path);
    if let Err(reason) = generate(paths, &mut SystemTools) {
        log::warn!("{reason}");
    }
}
