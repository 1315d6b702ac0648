//! Replaces files atomically, and creates a directory with its first file.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use one_sriov_system::is_absent;

use crate::lease::error::{StoreError, StoreIo};

pub(super) fn names(dir: &Path) -> Result<Vec<String>, StoreError> {
    let read = || {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            names.extend(entry?.file_name().into_string());
        }
        names.retain(|name| !name.starts_with('.'));
        Ok(names)
    };
    match read() {
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        read => StoreIo("list", dir).check(read),
    }
}

/// Replaces a file, and creates its directory if needed. On failure no new file is left.
pub(super) fn replace_in(dir: &Path, new: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let written = match replace(new, path, content) {
        Err(error) if is_absent(&error) => make_dir(dir).and_then(|()| replace(new, path, content)),
        written => written,
    };
    if written.is_err() {
        let _ = fs::remove_file(new);
    }
    written
}

pub(super) fn replace(new: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(new)?;
    file.write_all(content)?;
    fs::rename(new, path)
}

pub(super) fn make_dir(dir: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if is_absent(&error) => Ok(()),
        removed => removed,
    }
}
