//! Lists what is on the drives of a machine whose context is not found, for the user to see.

use std::path::PathBuf;

use one_sriov_system::Root;
use serde::Serialize;

use super::iso::{IsoError, Volume};
use super::medium::{MediumError, devices, open_at_once};

/// A drive or disk that the agent tried to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlockDevice {
    /// The device.
    pub path: PathBuf,
    /// The label of its ISO 9660 volume, if it has one.
    pub label: Option<String>,
    /// What is on it: `not ISO 9660`.
    pub what: String,
    /// Whether this process is not allowed to read the device.
    pub is_denied: bool,
}

/// Reads every device that may hold a context.
///
/// # Errors
/// [`MediumError`] if the devices cannot be listed.
pub fn survey(root: &Root) -> Result<Vec<BlockDevice>, MediumError> {
    let look = |path: PathBuf| {
        let opened = root.path(&path).and_then(|host| open_at_once(&host));
        let (label, what, is_denied) = match opened.map(Volume::open) {
            Ok(Ok(volume)) => {
                let label = volume.label().escape_debug().to_string();
                let what = format!("an ISO 9660 volume labelled '{label}'");
                (Some(label), what, false)
            }
            Ok(Err(IsoError::NotIso)) => (None, "not ISO 9660".to_owned(), false),
            Ok(Err(error)) => (None, error.to_string(), false),
            Err(error) => {
                let is_denied = error.kind() == std::io::ErrorKind::PermissionDenied;
                (None, error.to_string(), is_denied)
            }
        };
        BlockDevice {
            path,
            label,
            what,
            is_denied,
        }
    };
    let devices = devices(root)?.into_iter();
    Ok(devices.map(|device| look(device.path)).collect())
}
