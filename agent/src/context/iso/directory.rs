//! The records of a directory (ECMA-119 section 9.1).
//!
//! A directory is a sequence of blocks with records. A record never spans two blocks: a zero in place of its length means that
//! the rest of the block is empty.
//!
//! ```text
//!    0   1  length of the record      25  1  flags: 02 directory, 04 associated file, 80 more extents follow
//!    1   1  blocks of attributes      26  1  blocks per file unit, 0 unless interleaved
//!           before the data           27  1  blocks between file units, 0 unless interleaved
//!    2   8  first block               32  1  length of the identifier (n)
//!   10   8  size in bytes             33  n  identifier: 00 this directory, 01 its parent, else a name
//!   18   7  time                     ...     00 if n is even, then the system use area (rock_ridge.rs)
//! ```
//! The record of `context.sh` on a real context CD (made by xorriso), up to its identifier: 0x7c bytes long, data at
//! block 0x21, 0x0b9a bytes.
//!
//! ```text
//! 7c 00 21 00 00 00 00 00 00 21 9a 0b 00 00 00 00 0b 9a 7e 0b 17 0f 0b 15 00 00 00 00 01 00 00 01 0c "CONTEXT.SH;1" 00
//! ```

use std::io::{Read, Seek};

use super::IsoError;
use super::bytes::{byte, le32};
use super::medium::{BLOCK, BlockMedium};

const MAX_SIZE: u32 = 1 << 20;
const MAX_RECORDS: usize = 4096;

const DIRECTORY: u8 = 0x02;
const ASSOCIATED: u8 = 0x04;
const MORE_EXTENTS: u8 = 0x80;

/// A place on the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    block: u32,
    attribute_blocks: u8,
    /// The size in bytes, without the attribute blocks.
    pub(super) size: u32,
}

impl Extent {
    /// The first block of the data.
    pub(super) fn start(self) -> u64 {
        u64::from(self.block).saturating_add(u64::from(self.attribute_blocks))
    }
}

#[derive(Debug)]
pub(super) struct IsoDirectory {
    start: u64,
    bytes: Vec<u8>,
}

impl IsoDirectory {
    pub(super) fn read<R: Read + Seek>(
        medium: &mut BlockMedium<R>,
        extent: Extent,
    ) -> Result<Self, IsoError> {
        let start = extent.start();
        if extent.size > MAX_SIZE {
            return Err(IsoError::DirectoryTooLarge {
                block: start,
                size: extent.size,
                limit: MAX_SIZE,
            });
        }
        let bytes = medium.read(
            "the ISO 9660 root directory",
            start,
            0,
            u64::from(extent.size),
        )?;
        Ok(Self { start, bytes })
    }

    /// The records in order, up to the first damaged one.
    pub(super) fn records(&self) -> Records<'_> {
        Records {
            directory: self,
            at: 0,
            seen: 0,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct DirectoryRecord<'d> {
    pub(super) extent: Extent,
    /// The name, in the encoding of its directory tree.
    pub(super) identifier: &'d [u8],
    /// What follows the identifier, such as Rock Ridge entries.
    pub(super) system_use: &'d [u8],
    flags: u8,
    interleaved: bool,
}

impl<'d> DirectoryRecord<'d> {
    /// Parses the record at the start of `bytes`, which must not extend beyond the end of `bytes`.
    pub(super) fn parse(bytes: &'d [u8]) -> Result<Self, &'static str> {
        const TOO_SHORT: &str = "it is shorter than its fields";
        let length = usize::from(byte(bytes, 0).ok_or(TOO_SHORT)?);
        let bytes = bytes
            .get(..length)
            .ok_or("it is longer than the rest of its block")?;
        let identifier_length = usize::from(byte(bytes, 32).ok_or(TOO_SHORT)?);
        let (identifier, rest) = bytes
            .get(33..)
            .and_then(|rest| rest.split_at_checked(identifier_length))
            .ok_or("its identifier is longer than the record")?;
        if identifier.is_empty() {
            return Err("it has no identifier");
        }
        let padding = usize::from(identifier_length % 2 == 0);
        let field = |at| le32(bytes, at).ok_or(TOO_SHORT);
        Ok(Self {
            extent: Extent {
                block: field(2)?,
                attribute_blocks: byte(bytes, 1).ok_or(TOO_SHORT)?,
                size: field(10)?,
            },
            identifier,
            system_use: rest.get(padding..).unwrap_or_default(),
            flags: byte(bytes, 25).ok_or(TOO_SHORT)?,
            interleaved: bytes.get(26..28).ok_or(TOO_SHORT)? != [0, 0],
        })
    }

    pub(super) fn is_directory(&self) -> bool {
        self.flags & DIRECTORY != 0
    }

    /// Whether the record is for the directory itself or its parent.
    pub(super) fn is_dot(&self) -> bool {
        matches!(self.identifier, [0 | 1])
    }

    /// Whether the record is for an associated file: a resource fork, which has the same name as its main file.
    pub(super) fn is_associated(&self) -> bool {
        self.flags & ASSOCIATED != 0
    }

    /// Whether the file continues in the next record, as files larger than 4 GiB do.
    pub(super) fn has_more_extents(&self) -> bool {
        self.flags & MORE_EXTENTS != 0
    }

    /// Whether the data is interleaved with other data.
    pub(super) fn is_interleaved(&self) -> bool {
        self.interleaved
    }
}

pub(super) struct Records<'d> {
    directory: &'d IsoDirectory,
    at: usize,
    seen: usize,
}

impl<'d> Iterator for Records<'d> {
    type Item = Result<DirectoryRecord<'d>, IsoError>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.directory.bytes.as_slice();
        let rest = loop {
            let rest = bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
            let left = BLOCK - self.at % BLOCK;
            let rest = rest.get(..left).unwrap_or(rest);
            if rest.first() != Some(&0) {
                break rest;
            }
            self.at = self.at.saturating_add(rest.len());
        };
        let offset = self.at;
        if self.seen == MAX_RECORDS {
            self.at = bytes.len();
            return Some(Err(IsoError::TooManyRecords {
                block: self.directory.start,
                limit: MAX_RECORDS,
            }));
        }
        self.seen += 1;
        let record = DirectoryRecord::parse(rest);
        self.at = match &record {
            // The first byte is the length, which is not zero here.
            Ok(_) => offset.saturating_add(usize::from(byte(rest, 0).unwrap_or(u8::MAX))),
            Err(_) => bytes.len(),
        };
        Some(record.map_err(|problem| IsoError::DamagedRecord {
            what: "root directory",
            block: self.directory.start,
            offset,
            problem,
        }))
    }
}
