//! A small read-only reader of ISO 9660 file systems: reads the volume label and the files in the root directory.
//!
//! The context CD, whether a block device or an image file, is read without mounting it and without a kernel module. The reader
//! supports only what `genisoimage` and `xorriso -as mkisofs` write, with and without `-J` (Joliet) and `-R` (Rock Ridge).
//!
//! ```text
//! block 0..15   not used (boot code, partition tables)
//! block 16..    volume descriptors, one per block            descriptor.rs
//!                 primary  --> root directory, Rock Ridge names in its records
//!                 Joliet   --> a second root directory with UCS-2 names, the same files
//! block n..     root directory: records of 34..255 bytes     directory.rs, rock_ridge.rs, names.rs
//! block m..     the bytes of a file, contiguous
//! ```
//! Every number of two or four bytes is recorded twice, first little-endian, then big-endian. Only the little-endian half is
//! read, as in Linux, so that both see the same files if the halves differ.
//!
//! The reader runs as root early at boot, and does not trust the medium:
//!
//! | what | bound |
//! |---|---|
//! | volume descriptors | 64 |
//! | root directory | 1 MiB and 4096 records |
//! | Rock Ridge continuation areas | 2048 bytes each, 16 per record, 4096 per lookup |
//! | file | the caller's limit |
//!
//! Memory is allocated for bytes that were read, never for a size that the medium claims. There is no recursion, and every loop
//! moves forward or counts down.

mod bytes;
mod descriptor;
mod directory;
mod entry;
mod error;
mod lookup;
mod medium;
mod names;
mod rock_ridge;

#[cfg(test)]
mod damage;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::io::{Read, Seek};

use descriptor::Descriptors;
use entry::EntryObstacle;
use medium::BlockMedium;

pub use error::IsoError;

/// An ISO 9660 volume on a block device, in a file or in memory.
#[derive(Debug)]
pub struct Volume<R> {
    medium: BlockMedium<R>,
    descriptors: Descriptors,
}

impl<R: Read + Seek> Volume<R> {
    /// Opens the volume. Only the volume descriptors are read.
    ///
    /// [`IsoError::NotIso`] means that the medium has no ISO 9660 file system; other errors mean that it has an unreadable one.
    pub fn open(reader: R) -> Result<Self, IsoError> {
        let mut medium = BlockMedium::new(reader);
        let descriptors = Descriptors::read(&mut medium)?;
        Ok(Self {
            medium,
            descriptors,
        })
    }

    /// The label of the volume without its padding: the primary one, or the Joliet one if that is empty.
    ///
    /// The label is safe to print: invalid UTF-8 and control characters are replaced by U+FFFD.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.descriptors.label
    }

    /// Reads a regular file in the root directory; returns `None` if no entry has this name.
    ///
    /// Rock Ridge names are compared if the volume has them, else Joliet names, both exactly; else plain ISO 9660 names, ignoring
    /// version and case. A file of more than `limit` bytes is an error.
    pub fn read_top_file(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, IsoError> {
        let Some(found) = lookup::find(&mut self.medium, &self.descriptors, name)? else {
            return Ok(None);
        };
        match found.obstacle {
            Some(EntryObstacle::NotRegular(kind)) => {
                return Err(IsoError::NotRegular {
                    name: name.to_owned(),
                    kind,
                });
            }
            Some(EntryObstacle::Unsupported(feature)) => {
                return Err(IsoError::Unsupported {
                    name: name.to_owned(),
                    feature,
                });
            }
            None => {}
        }
        let size = u64::from(found.extent.size);
        if size > limit {
            return Err(IsoError::FileTooLarge {
                name: name.to_owned(),
                size,
                limit,
            });
        }
        let what = format!("file '{name}'");
        self.medium
            .read(&what, found.extent.start(), 0, size)
            .map(Some)
    }
}
