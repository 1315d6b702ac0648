//! Having netplan write for its renderer what its changed YAML says.
//!
//! netplan does so by itself, but early in the boot, before the agent has read the context. It only writes
//! files: nothing is started or changed.

use std::path::Path;
use std::time::Duration;

use one_sriov_system::Program;

use crate::install::Report;

/// It takes half a second.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs `netplan generate` if a run has changed its files. What goes wrong is told, and costs nothing else.
pub(super) fn generate_if_changed(report: &Report) {
    if !touches_netplan(report) {
        return;
    }
    let done = Program::new("netplan").arg("generate").capture(LIMIT);
    match done {
        Ok(done) if done.status.success() => log::info!("netplan has read its files"),
        Ok(done) => log::warn!(
            "failed to have netplan read its files: {}",
            done.stderr_line()
        ),
        Err(error) => log::warn!("failed to have netplan read its files: {error}"),
    }
}

fn touches_netplan(report: &Report) -> bool {
    let files = [&report.written, &report.updated, &report.removed];
    files
        .into_iter()
        .flatten()
        .any(|file| file.path.starts_with(Path::new("/etc/netplan")))
}
