//! Finds a file in the root directory by the kind of names that the volume has.

use std::io::{Read, Seek};

use super::IsoError;
use super::descriptor::Descriptors;
use super::directory::{DirectoryRecord, IsoDirectory};
use super::entry::{EntryObstacle, FoundFile};
use super::medium::BlockMedium;
use super::names;
use super::rock_ridge::RockRidge;

enum NameSource {
    RockRidge(RockRidge),
    Joliet,
    Plain,
}

pub(super) fn find<R: Read + Seek>(
    medium: &mut BlockMedium<R>,
    descriptors: &Descriptors,
    name: &str,
) -> Result<Option<FoundFile>, IsoError> {
    let (directory, mut names) = choose(medium, descriptors)?;
    for record in directory.records() {
        let record = record?;
        if record.is_dot() || record.is_associated() {
            continue;
        }
        let obstacle = match &mut names {
            NameSource::RockRidge(rock_ridge) => match rock_ridge.entry(medium, &record, name)? {
                Some(entry) => entry.obstacle,
                None => continue,
            },
            NameSource::Joliet if names::joliet_is(record.identifier, name) => None,
            NameSource::Plain if names::plain_is(record.identifier, name) => None,
            NameSource::Joliet | NameSource::Plain => continue,
        };
        return Ok(Some(FoundFile {
            extent: record.extent,
            obstacle: plain_obstacle(&record).or(obstacle),
        }));
    }
    Ok(None)
}

/// Chooses Rock Ridge if the first record of the root directory announces it, else Joliet if the volume has it.
fn choose<R: Read + Seek>(
    medium: &mut BlockMedium<R>,
    descriptors: &Descriptors,
) -> Result<(IsoDirectory, NameSource), IsoError> {
    let directory = IsoDirectory::read(medium, descriptors.root)?;
    if let Some(first) = directory.records().next().transpose()?
        && let Some(rock_ridge) = RockRidge::detect(&first)
    {
        return Ok((directory, NameSource::RockRidge(rock_ridge)));
    }
    match descriptors.joliet_root {
        Some(root) => Ok((IsoDirectory::read(medium, root)?, NameSource::Joliet)),
        None => Ok((directory, NameSource::Plain)),
    }
}

fn plain_obstacle(record: &DirectoryRecord<'_>) -> Option<EntryObstacle> {
    if record.is_directory() {
        Some(EntryObstacle::NotRegular("a directory"))
    } else if record.has_more_extents() {
        Some(EntryObstacle::Unsupported("stored in several extents"))
    } else if record.is_interleaved() {
        Some(EntryObstacle::Unsupported("interleaved"))
    } else {
        None
    }
}
