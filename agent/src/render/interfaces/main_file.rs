//! Checks that `/etc/network/interfaces`, a foreign file, includes the agent's files and does not configure the same devices.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hwaddr::InterfaceName;

use super::Dialect;
use super::sources::{PATH, Sources};
use crate::plan::Plan;
use crate::render::GuestFiles;
use crate::render::configured::configured;

const DIR: &str = "/etc/network/interfaces.d";
const BEGINNING: &str = "60-one-sriov-";

/// Returns the path of the file for a device.
pub(super) fn path_of(device: &InterfaceName) -> PathBuf {
    PathBuf::from(format!("{DIR}/{BEGINNING}{device}.cfg"))
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    path.starts_with(DIR) && name.is_some_and(|name| name.starts_with(BEGINNING))
}

/// Warns about problems in the main file, and in the files that it includes.
pub(in crate::render) fn warnings(
    plan: &Plan,
    dialect: Dialect,
    files: &dyn GuestFiles,
) -> Vec<String> {
    let ours: BTreeSet<&InterfaceName> = configured(plan).map(|nic| nic.device).collect();
    if ours.is_empty() {
        return Vec::new();
    }
    let sources = Sources::gather(dialect, files, is_ours);
    let mut warnings = Vec::new();
    if !ours.iter().all(|device| sources.reads(&path_of(device))) {
        warnings.push(match dialect {
            Dialect::Debian => {
                format!("'{PATH}' has no line 'source {DIR}/*', so the files there are not read")
            }
            // The guest may have either of these readers.
            Dialect::Alpine => format!(
                "'{PATH}' has no line 'source-directory {DIR}', so busybox and ifupdown-ng do not read the files there"
            ),
        });
    }
    let dummies = plan.dummies.iter().map(|dummy| &dummy.name);
    for device in ours.into_iter().chain(dummies) {
        let is_its = |line: &String| {
            let mut words = line.split_whitespace();
            words.next() == Some("iface") && words.next() == Some(device.as_str())
        };
        let others = sources.read.iter();
        let others = others.filter(|(_, lines)| lines.iter().any(is_its));
        warnings.extend(others.map(|(path, _)| {
            let path = path.display();
            format!("'{path}' also configures '{device}': remove its stanza there")
        }));
    }
    warnings
}
