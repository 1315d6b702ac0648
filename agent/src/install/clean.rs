//! Takes back all that was ever written, before an image is sealed.

use super::apply::{batch_of, tidy, warn};
use super::backup;
use super::batch::Batch;
use super::decide::decide;
use super::directories::Directories;
use super::error::InstallError;
use super::record::{Record, State};
use super::report::Report;
use super::snapshot::Snapshot;
use super::state_file;
use super::wanted::Wanted;

/// Removes every file of ours, then the record; with `dry` it only says which.
///
/// Files that somebody edited are left and reported. Backups stay where they are and are named: to
/// put one back is a decision, and not ours.
pub fn clean(directories: &mut Directories, dry: bool) -> Result<Report, InstallError> {
    let record = Record::load(directories)?;
    let wanted = Wanted::default();
    let found = Snapshot::take(directories, &wanted, &record)?;
    let changes = decide(&wanted, &record, &found);
    let mut report = Report::of(&changes);
    report.backups = backup::all(directories.root())?;
    report.is_incomplete = record.state == State::Corrupt;
    if dry {
        return Ok(report);
    }
    warn(&changes);
    if record.state == State::Corrupt {
        Record::set_aside(directories.root())?;
    }
    directories.sweep(&state_file::path())?;
    tidy(&record, &changes, directories)?;
    batch_of(&changes).commit(directories)?;
    // The record is what tells the next `clean` where to look.
    if let Some(error) = directories.unswept() {
        return Err(error);
    }
    let path = state_file::path();
    let batch = Batch {
        removals: vec![&path],
        ..Batch::default()
    };
    batch.commit(directories)?;
    Ok(report)
}
