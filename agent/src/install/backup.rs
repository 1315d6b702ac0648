//! Backups of foreign files that the agent replaced: `/var/lib/one-sriov/backup/<its path>`.
//!
//! If the name is taken, a number is added: `ifcfg-ib0`, `ifcfg-ib0.~1~`, ... Backups are never overwritten, and only
//! [`restore`](super::restore) removes them.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use one_sriov_system::Root;

use super::STATE_DIR;
use super::batch::{Batch, Body, Write};
use super::changes::{ChangeKind, Changes, Foreign};
use super::directories::Directories;
use super::error::{InstallError, nothing_there};
use super::report::BackedUp;

/// Durably copies all foreign files that the changes will replace, and returns the backups.
pub(super) fn save(
    changes: &Changes,
    directories: &mut Directories,
) -> Result<Vec<BackedUp>, InstallError> {
    let mut saved = Vec::new();
    let mut missing = Vec::new();
    for change in changes {
        if let ChangeKind::ReplaceForeign { old, .. } = &change.kind {
            let (backup, there) = place_for(&change.path, old, directories)?;
            if !there {
                missing.push((saved.len(), old));
            }
            saved.push(BackedUp {
                path: change.path.clone(),
                backup,
            });
        }
    }
    let writes = missing.into_iter().map(|(at, old)| {
        let path = saved[at].backup.as_path();
        match old {
            Foreign::File(old) => Write {
                path,
                mode: old.mode,
                body: Body::Copy(&old.content, old.owner),
            },
            Foreign::Symlink(target) => Write {
                path,
                mode: 0,
                body: Body::Symlink(target),
            },
        }
    });
    let batch = Batch {
        writes: writes.collect(),
        ..Batch::default()
    };
    batch.commit(directories)?;
    Ok(saved)
}

/// Returns the paths of all backups on a machine.
pub(super) fn all(root: &Root) -> Result<Vec<PathBuf>, InstallError> {
    let mut found = Vec::new();
    let mut ahead = vec![directory()];
    while let Some(dir) = ahead.pop() {
        let fail = InstallError::while_trying("read", &dir);
        let names = match root.list(&dir) {
            Err(error) if nothing_there(&error) => continue,
            names => names.map_err(fail)?,
        };
        for name in names {
            let path = dir.join(name);
            let host = root.entry(&path).map_err(fail)?;
            if fs::symlink_metadata(host).map_err(fail)?.is_dir() {
                ahead.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn directory() -> PathBuf {
    Path::new(STATE_DIR).join("backup")
}

/// Returns the first path for a backup of a file.
pub(super) fn place_of(path: &Path) -> PathBuf {
    directory().join(path.strip_prefix("/").unwrap_or(path))
}

/// Returns the original path of a backup, and the number of the backup, from 0.
pub(super) fn origin_of(backup: &Path) -> Option<(PathBuf, u32)> {
    let origin = Path::new("/").join(backup.strip_prefix(directory()).ok()?);
    let name = origin.file_name()?;
    let numbered = name.to_str().and_then(|name| {
        let (name, number) = name.strip_suffix('~')?.rsplit_once(".~")?;
        Some((origin.with_file_name(name), number.parse().ok()?))
    });
    Some(numbered.unwrap_or((origin, 0)))
}

/// Finds the first name for a backup that is free, or whose file has the same content.
fn place_for(
    path: &Path,
    old: &Foreign,
    directories: &mut Directories,
) -> Result<(PathBuf, bool), InstallError> {
    let wanted = place_of(path);
    let mut place = wanted.clone();
    for number in 1_u32.. {
        let host = directories.host(&place)?;
        match same(&host, old) {
            Ok(true) => return Ok((place, true)),
            Ok(false) => {}
            Err(error) if nothing_there(&error) => return Ok((place, false)),
            Err(error) => return Err(InstallError::new("read", &place, error)),
        }
        let mut name = OsString::from(wanted.file_name().unwrap_or_default());
        name.push(format!(".~{number}~"));
        place = wanted.with_file_name(name);
    }
    Ok((place, false))
}

fn same(host: &Path, old: &Foreign) -> io::Result<bool> {
    let about = fs::symlink_metadata(host)?;
    Ok(match old {
        Foreign::File(old) => about.is_file() && fs::read(host)? == old.content,
        Foreign::Symlink(target) => about.is_symlink() && fs::read_link(host)? == *target,
    })
}
