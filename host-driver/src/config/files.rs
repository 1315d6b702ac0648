//! The files with settings.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use one_sriov_system::{Root, is_absent, unless_absent};

use super::{ConfigError, HOST_DIR};

/// The driver that a file configures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Driver {
    Ours,
    Stock,
}

/// Reads the existing configuration files, in order of precedence, lowest first.
pub(super) fn files(
    root: &Root,
    home: &Path,
    driver: Driver,
) -> Result<Vec<(PathBuf, String)>, ConfigError> {
    let (beside, etc) = match driver {
        Driver::Ours => (home.join("kvmrc"), "../../etc/vmm/kvm-sriov/kvmrc"),
        Driver::Stock => (home.join("../kvm/kvmrc"), "../../etc/vmm/kvm/kvmrc"),
    };
    let mut paths = vec![beside, home.join(etc)];
    if driver == Driver::Ours {
        paths.push(host_file(root)?);
    }
    let mut files = Vec::new();
    for path in paths {
        if let Some(text) = read(&path)? {
            files.push((path, text));
        }
    }
    Ok(files)
}

pub(super) fn host_file(root: &Root) -> Result<PathBuf, ConfigError> {
    let path = Path::new(HOST_DIR).join("kvmrc");
    let found = root.path(&path);
    found.map_err(|cause| ConfigError::Read { path, cause })
}

pub(super) fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    match std::fs::read(path) {
        // Invalid UTF-8 either is in a comment or makes its own value invalid.
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if is_absent(&error) => Ok(None),
        Err(cause) => Err(ConfigError::Read {
            path: path.to_owned(),
            cause,
        }),
    }
}

/// Whether a user other than root and this one owns a file or may write to it.
pub(super) fn is_of_another_user(path: &Path) -> io::Result<bool> {
    const ROOT: u32 = 0;
    let found = unless_absent(std::fs::symlink_metadata(path).map(Some), None)?;
    Ok(found.is_some_and(|file| {
        let owners = [ROOT, nix::unistd::geteuid().as_raw()];
        !owners.contains(&file.uid()) || file.mode() & 0o022 != 0
    }))
}
