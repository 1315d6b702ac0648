//! Restores backups: `clean --restore`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::backup::origin_of;
use super::batch::{Batch, Body, Write};
use super::directories::Directories;
use super::error::InstallError;
use super::report::{BackedUp, FileLeft, FileReport};
use super::snapshot::{Current, OldFile, look};
use super::temporary;
use crate::render::HEADER;

struct Backup {
    moved: BackedUp,
    content: Current,
    /// Whether a run that was killed has already restored it.
    is_back: bool,
}

/// Restores the latest backup of each file, unless another file is at the path; with `dry`, only reports what it would do.
///
/// Backups of edited files of the agent, which `apply --force` makes, are not restored. After a kill at any instant, a backup
/// still exists, perhaps besides the restored file, and the next run finishes.
pub(super) fn restore(
    directories: &mut Directories,
    dry: bool,
    report: &mut FileReport,
) -> Result<(), InstallError> {
    let removed: Vec<PathBuf> = report
        .removed
        .iter()
        .map(|file| file.path.clone())
        .collect();
    let mut due = Vec::new();
    for (path, backup) in latest(directories, &report.backups)? {
        let content = read(directories, &backup)?;
        let place = read(directories, &path)?;
        // A dry run has not removed the file.
        let is_free = place == Current::Absent || dry && removed.contains(&path);
        let is_back = place == content;
        let moved = BackedUp { path, backup };
        if is_free || is_back {
            due.push(Backup {
                moved,
                content,
                is_back,
            });
        } else {
            let reason = "another file has taken its place".to_owned();
            report.not_restored.push(FileLeft {
                path: moved.path,
                reason,
            });
        }
    }
    if !dry {
        put(directories, &due)?;
    }
    report.restored = due.into_iter().map(|backup| backup.moved).collect();
    let restored: Vec<&PathBuf> = report.restored.iter().map(|file| &file.backup).collect();
    report.backups.retain(|backup| !restored.contains(&backup));
    Ok(())
}

/// Returns the latest backup of each file, by number.
fn latest(
    directories: &mut Directories,
    backups: &[PathBuf],
) -> Result<BTreeMap<PathBuf, PathBuf>, InstallError> {
    let mut latest: BTreeMap<PathBuf, (u32, PathBuf)> = BTreeMap::new();
    for backup in backups {
        let Some((path, number)) = origin_of(backup) else {
            continue;
        };
        let is_edited = match read(directories, backup)? {
            Current::File(file) => file.content.starts_with(HEADER.as_bytes()),
            _ => false,
        };
        let is_later = latest.get(&path).is_none_or(|(other, _)| *other < number);
        if !is_edited && is_later {
            latest.insert(path, (number, backup.clone()));
        }
    }
    let latest = latest.into_iter();
    Ok(latest.map(|(path, (_, backup))| (path, backup)).collect())
}

fn put(directories: &mut Directories, due: &[Backup]) -> Result<(), InstallError> {
    let writes = due.iter().filter(|backup| !backup.is_back);
    let writes = writes.filter_map(|backup| {
        let (mode, body) = match &backup.content {
            Current::File(OldFile {
                content,
                mode,
                owner,
            }) => (*mode, Body::Copy(content, *owner)),
            Current::Symlink(target) => (0, Body::Symlink(target)),
            Current::Absent | Current::Directory | Current::Special | Current::Denied => {
                return None;
            }
        };
        let path = &backup.moved.path;
        Some(Write { path, mode, body })
    });
    let places = due.iter().map(|backup| backup.moved.path.as_path());
    temporary::sweep(directories, places)?;
    let batch = Batch {
        writes: writes.collect(),
        ..Batch::default()
    };
    batch.commit(directories)?;
    let removals = due.iter().map(|backup| backup.moved.backup.as_path());
    let batch = Batch {
        removals: removals.collect(),
        ..Batch::default()
    };
    batch.commit(directories)
}

fn read(directories: &mut Directories, path: &Path) -> Result<Current, InstallError> {
    let host = directories.host(path)?;
    look(&host).map_err(InstallError::while_trying("read", path))
}
