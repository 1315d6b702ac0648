//! Which names of the volume count, and the record that has the name asked for.

use std::io::{Read, Seek};

use super::IsoError;
use super::descriptor::Descriptors;
use super::directory::{Directory, Record};
use super::entry::{Found, Obstacle};
use super::medium::Medium;
use super::names;
use super::rock_ridge::RockRidge;

/// Where the names of a directory are.
enum Names {
    RockRidge(RockRidge),
    Joliet,
    Plain,
}

/// Finds the entry of the root directory with this name.
pub(super) fn find<R: Read + Seek>(
    medium: &mut Medium<R>,
    descriptors: &Descriptors,
    name: &str,
) -> Result<Option<Found>, IsoError> {
    let (directory, mut names) = choose(medium, descriptors)?;
    for record in directory.records() {
        let record = record?;
        if record.is_dot() || record.is_associated() {
            continue;
        }
        let obstacle = match &mut names {
            Names::RockRidge(rock_ridge) => match rock_ridge.entry(medium, &record, name)? {
                Some(entry) => entry.obstacle,
                None => continue,
            },
            Names::Joliet if names::joliet_is(record.identifier, name) => None,
            Names::Plain if names::plain_is(record.identifier, name) => None,
            Names::Joliet | Names::Plain => continue,
        };
        return Ok(Some(Found {
            extent: record.extent,
            obstacle: plain_obstacle(&record).or(obstacle),
        }));
    }
    Ok(None)
}

/// Rock Ridge if the first record of the root directory announces it, else Joliet if there is a directory for it.
fn choose<R: Read + Seek>(
    medium: &mut Medium<R>,
    descriptors: &Descriptors,
) -> Result<(Directory, Names), IsoError> {
    let directory = Directory::read(medium, descriptors.root)?;
    if let Some(first) = directory.records().next().transpose()?
        && let Some(rock_ridge) = RockRidge::detect(&first)
    {
        return Ok((directory, Names::RockRidge(rock_ridge)));
    }
    match descriptors.joliet_root {
        Some(root) => Ok((Directory::read(medium, root)?, Names::Joliet)),
        None => Ok((directory, Names::Plain)),
    }
}

fn plain_obstacle(record: &Record<'_>) -> Option<Obstacle> {
    if record.is_directory() {
        Some(Obstacle::NotRegular("a directory"))
    } else if record.has_more_extents() {
        Some(Obstacle::Unsupported("stored in several extents"))
    } else if record.is_interleaved() {
        Some(Obstacle::Unsupported("interleaved"))
    } else {
        None
    }
}
