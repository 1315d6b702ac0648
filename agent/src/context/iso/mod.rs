//! A small read-only reader of ISO 9660 file systems: the label of the volume and the files of its root directory.
//!
//! The context CD is read by this code alone, whether it is a block device or an image in a file: no mount, no kernel
//! module. It understands what `genisoimage` and `xorriso -as mkisofs` write with and without `-J` (Joliet) and `-R`
//! (Rock Ridge), and nothing else of the standards.
//!
//! ```text
//! block 0..15   not ours (boot code, partition tables)
//! block 16..    volume descriptors, one per block            descriptor.rs
//!                 primary  --> root directory, Rock Ridge names in its records
//!                 Joliet   --> a second root directory with UCS-2 names, the same files
//! block n..     root directory: records of 34..255 bytes     directory.rs, rock_ridge.rs, names.rs
//! block m..     the bytes of a file, contiguous
//! ```
//! Every number of two or four bytes is recorded twice, little-endian first and then big-endian; only the little-endian
//! half is read, as Linux does: where the two differ, the medium is damaged, and both readers see the same files.
//!
//! The medium is not trusted, and this runs as root before anything else does:
//!
//! | what | bound |
//! |---|---|
//! | volume descriptors | 64 |
//! | root directory | 1 MiB and 4096 records |
//! | Rock Ridge continuation areas | 2048 bytes each, 16 per record, 4096 per lookup |
//! | file | the limit of the caller |
//!
//! A size that the medium claims is never allocated, only bytes that came from the medium are kept; there is no
//! recursion; and every loop moves forward or counts down.

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
    /// Opens the volume: reads the volume descriptors and nothing else.
    ///
    /// [`IsoError::NotIso`] says that there is no such file system here; any other error is one of reading it.
    pub fn open(reader: R) -> Result<Self, IsoError> {
        let mut medium = BlockMedium::new(reader);
        let descriptors = Descriptors::read(&mut medium)?;
        Ok(Self {
            medium,
            descriptors,
        })
    }

    /// The label of the volume without its padding, the Joliet one where the primary one is empty.
    ///
    /// Safe to print: what is not UTF-8 or is a control character is replaced by U+FFFD.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.descriptors.label
    }

    /// Reads a regular file of the root directory; `None` when no entry has this name.
    ///
    /// Rock Ridge names count where the volume has them, else Joliet names, both compared exactly; else the plain
    /// ISO 9660 names, without version and in any case. A file above `limit` bytes is an error, not cut.
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
