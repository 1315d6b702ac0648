//! Enables cloud-init's network configuration again if there is no context with NICs.

use super::error::Failure;
use super::{LOCK_WAIT, Options};
use crate::install::{self, FileReport, Record, Snapshot, decide};
use crate::pipeline::without_nics;
use crate::plan::NicId;

/// Removes the file for cloud-init on a machine without a context medium; returns `None` if the agent has not written one.
pub(super) fn without_medium(
    options: &Options,
    dry_run: bool,
) -> Result<Option<FileReport>, Failure> {
    let has_it = |record: &Record| record.files_of(&NicId::CloudInit).next().is_some();
    let mut directories = options.directories();
    if !has_it(&Record::load(&mut directories)?) {
        return Ok(None);
    }
    let _lock = if dry_run {
        None
    } else {
        Some(options.lock(LOCK_WAIT)?)
    };
    // Another run may have found a context in the meantime.
    let mut directories = options.directories();
    let record = Record::load(&mut directories)?;
    let wanted = without_nics(&record);
    let found = Snapshot::take(&mut directories, &wanted.files, &record)?;
    let changes = decide(&wanted, &record, &found);
    if dry_run {
        return Ok(Some(FileReport::of(&changes)));
    }
    Ok(Some(install::apply(&mut directories, &changes, &record)?))
}
