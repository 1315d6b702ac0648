//! The state of the disk before a run.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::directories::Directories;
use super::error::{InstallError, nothing_there};
use super::record::Record;
use crate::render::RenderedFile;

/// What exists at a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Current {
    /// Nothing.
    #[default]
    Absent,
    /// A regular file.
    File(OldFile),
    /// A symbolic link, with its target.
    Symlink(PathBuf),
    /// A directory.
    Directory,
    /// A device, socket or pipe.
    Special,
    /// Something that this user may not read.
    Denied,
}

/// A file as it was before the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldFile {
    /// The content.
    pub content: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// User and group.
    pub owner: (u32, u32),
}

/// What exists at each path that a run may change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot(HashMap<OsString, Current>);

impl Snapshot {
    /// Reads the paths of these files and of all recorded ones. Files that their directories do not list are not opened.
    pub fn take(
        directories: &mut Directories,
        files: &[RenderedFile],
        record: &Record,
    ) -> Result<Self, InstallError> {
        let mut seen = HashMap::new();
        let wanted = files.iter().map(|file| file.path.as_path());
        for path in wanted.chain(record.paths()) {
            if !seen.contains_key(path.as_os_str()) {
                let current = match directories.find(path)? {
                    Some(host) => look(&host).or_else(denied),
                    None => Ok(Current::Absent),
                }
                .map_err(InstallError::while_trying("read", path))?;
                seen.insert(path.as_os_str().to_owned(), current);
            }
        }
        Ok(Self(seen))
    }

    /// Returns what was at the path.
    #[must_use]
    pub fn get(&self, path: &Path) -> &Current {
        self.0.get(path.as_os_str()).unwrap_or(&Current::Absent)
    }
}

impl FromIterator<(PathBuf, Current)> for Snapshot {
    fn from_iter<I: IntoIterator<Item = (PathBuf, Current)>>(paths: I) -> Self {
        Self(
            paths
                .into_iter()
                .map(|(path, current)| (path.into_os_string(), current))
                .collect(),
        )
    }
}

/// Turns a missing permission into [`Current::Denied`], because root could read the path.
fn denied(error: io::Error) -> io::Result<Current> {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Ok(Current::Denied),
        _ => Err(error),
    }
}

pub(super) fn look(host: &Path) -> io::Result<Current> {
    let about = match fs::symlink_metadata(host) {
        Ok(about) => about,
        Err(error) if nothing_there(&error) => return Ok(Current::Absent),
        Err(error) => return Err(error),
    };
    Ok(if about.is_file() {
        Current::File(OldFile {
            content: fs::read(host)?,
            mode: about.mode() & 0o7777,
            owner: (about.uid(), about.gid()),
        })
    } else if about.is_symlink() {
        Current::Symlink(fs::read_link(host)?)
    } else if about.is_dir() {
        Current::Directory
    } else {
        Current::Special
    })
}
