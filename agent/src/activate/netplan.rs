//! Makes netplan generate its renderer's files from changed YAML.
//!
//! netplan does this at boot, but before the agent has read the context. It only writes files: nothing is started or
//! reconfigured.

use std::path::Path;

use super::tools::{SystemTools, Tools};
use crate::install::FileReport;

/// Runs `netplan generate` if any of the paths is netplan's YAML.
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

/// Runs `netplan generate` if a run changed netplan's YAML. An error is only logged.
pub fn generate_if_changed(report: &FileReport) {
    let files = [&report.written, &report.updated, &report.removed];
    let paths = files.into_iter().flatten().map(|file| &*file.path);
    if let Err(reason) = generate(paths, &mut SystemTools) {
        log::warn!("{reason}");
    }
}
