//! Makes the changes in an order in which a kill at any instant does no harm.

use std::path::PathBuf;

use super::backup;
use super::batch::{Batch, Body, Write};
use super::changes::{Change, ChangeKind, Changes};
use super::directories::Directories;
use super::error::InstallError;
use super::record::{Record, RecordState};
use super::report::FileReport;
use super::state_file;
use super::temporary;

/// Makes the changes that [`decide`](super::decide) computed from the same `record`.
///
/// The order makes this safe:
/// 1. the record gets the hashes of both the old and the new text of every file;
/// 2. foreign files are copied to the backup and flushed;
/// 3. all files are written to temporary files, flushed, and renamed; then obsolete files are removed;
/// 4. the record gets only the hashes of the new texts.
///
/// If the run is killed before step 1 is done, nothing has changed. If it is killed before step 4, the next run recognizes every
/// file as the agent's, whether old or new, removes the temporary files, and finishes. If nothing changes, nothing is written. As
/// long as a temporary file remains, the record stays unfinished.
/// the record stays unfinished.
pub fn apply(
    directories: &mut Directories,
    changes: &Changes,
    record: &Record,
) -> Result<FileReport, InstallError> {
    warn(changes);
    let mut report = FileReport::of(changes);
    // The record does not list its own temporary file, so every run looks for it.
    if let Some(error) = temporary::sweep(directories, [&*state_file::path()])? {
        log::warn!("a temporary file of a killed run remains for now: {error}");
    }
    if !changes.touch_files() && *record == changes.next {
        return Ok(report);
    }
    if record.state == RecordState::Corrupt {
        Record::set_aside(directories.root())?;
    }
    let stays = tidy(record, changes, directories)?;
    let batch = batch_of(record, changes);
    if changes.writes().next().is_some() {
        record.ahead_of(&changes.next).save(directories)?;
    }
    report.backed_up = backup::save(changes, directories)?;
    batch.commit(directories)?;
    match stays {
        None => changes.next.save(directories)?,
        Some(error) => {
            log::warn!("a temporary file of a killed run remains for now: {error}");
            changes.next.clone().unfinished().save(directories)?;
        }
    }
    Ok(report)
}

/// Removes temporary files of killed runs from all directories that this run or the previous one writes to. Returns an error for
/// the first one that remains, if any.
pub(super) fn tidy(
    record: &Record,
    changes: &Changes,
    directories: &mut Directories,
) -> Result<Option<InstallError>, InstallError> {
    let paths = || record.paths().chain(changes.next.paths());
    let is_replaced = |change: &&Change| matches!(change.kind, ChangeKind::ReplaceForeign { .. });
    let backups: Vec<PathBuf> = if record.state == RecordState::Unfinished {
        paths().map(backup::place_of).collect()
    } else {
        let replaced = changes.iter().filter(is_replaced);
        replaced
            .map(|change| backup::place_of(&change.path))
            .collect()
    };
    temporary::sweep(
        directories,
        paths().chain(backups.iter().map(PathBuf::as_path)),
    )
}

/// After a killed run, every directory is flushed, because that run may have renamed files without flushing.
pub(super) fn batch_of<'a>(record: &'a Record, changes: &'a Changes) -> Batch<'a> {
    let mut batch = Batch::default();
    if record.state == RecordState::Unfinished {
        batch.flushes = record.paths().chain(changes.next.paths()).collect();
    }
    for (path, new) in changes.writes() {
        let body = Body::Text(new.text.as_bytes());
        batch.writes.push(Write {
            path,
            mode: new.mode,
            body,
        });
    }
    for change in changes {
        match change.kind {
            ChangeKind::FixMode { new, .. } => batch.modes.push((&change.path, new)),
            ChangeKind::Remove(_) => batch.removals.push(&change.path),
            _ => {}
        }
    }
    batch
}

pub(super) fn warn(changes: &Changes) {
    for change in changes {
        let path = change.path.display();
        match change.kind {
            ChangeKind::Conflict(why) => {
                log::warn!("'{path}' of {} is not written: {why}", change.nic);
            }
            ChangeKind::ForeignLeft => {
                log::warn!(
                    "'{path}' was edited since it was written for {}, so it is not removed",
                    change.nic
                );
            }
            _ => {}
        }
    }
}
