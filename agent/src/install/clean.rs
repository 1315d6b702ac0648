//! Takes back all that was ever written, before an image is sealed.

use one_sriov_system::Root;

use super::apply::{batch_of, tidy, warn};
use super::backup;
use super::batch::Batch;
use super::changes::Wanted;
use super::decide::decide;
use super::directories::Directories;
use super::error::InstallError;
use super::record::{Record, State};
use super::report::Report;
use super::snapshot::Snapshot;
use super::state_file;

/// Removes every file of ours, then the record; with `dry` it only says which.
///
/// Files that somebody edited are left and reported. Backups stay where they are and are named: to
/// put one back is a decision, and not ours.
pub fn clean(root: &Root, dry: bool) -> Result<Report, InstallError> {
    let record = Record::load(root)?;
    let wanted = Wanted::default();
    let changes = decide(&wanted, &record, &Snapshot::take(root, &wanted, &record)?);
    let mut report = changes.report();
    report.backups = backup::all(root)?;
    report.is_incomplete = record.state == State::Corrupt;
    if dry {
        return Ok(report);
    }
    warn(&changes);
    if record.state == State::Corrupt {
        Record::set_aside(root)?;
    }
    let mut directories = Directories::new(root);
    directories.sweep(&state_file::path())?;
    tidy(&record, &changes, &mut directories)?;
    batch_of(&changes).commit(&mut directories)?;
    let path = state_file::path();
    if root.exists(&path) {
        let batch = Batch {
            removals: vec![&path],
            ..Batch::default()
        };
        batch.commit(&mut directories)?;
    }
    Ok(report)
}
