//! Rock Ridge: the POSIX name and type of a file, in the system use area of its record (SUSP 1.12, RRIP 1.12).
//!
//! The area is a sequence of entries:
//!
//! ```text
//!    0   2  signature           2  1  length of the entry          3  1  version          4  ..  data
//!
//! SP  be ef, then how many bytes to skip at the start of the area of every other record. If the volume uses these
//!     entries, SP is the first entry in the root directory's first record (after 14 bytes on CD-ROM XA)
//! NM  flags (01: the name continues in the next NM, 02 and 04: it is "." and ".."), then bytes of the name
//! PX  mode (with the file type), links, owner, group: 8 bytes each
//! CE  block, offset, size, 8 bytes each: the area continues there
//! ST  the area ends here
//! SL, CL   a symbolic link; a placeholder for a relocated directory
//! ZF, SF   the file is compressed (zisofs); the file is sparse
//! ```
//! From a real context CD (made by xorriso): the start of the root directory's area, and the end of the area of `context.sh`:
//!
//! ```text
//! 53 50 07 01 be ef 00                                  SP, skip 0
//! 4e 4d 0f 01 00 63 6f 6e 74 65 78 74 2e 73 68          NM, "context.sh"
//! ```
//! Names are compared piece by piece and never stored. A continuation area is read only as long as the name still matches.

use std::io::{Read, Seek};

use super::IsoError;
use super::bytes::{byte, le32};
use super::directory::DirectoryRecord;
use super::entry::EntryObstacle;
use super::medium::{BLOCK, BlockMedium};
use super::names;

const MAX_HOPS: usize = 16;
const MAX_AREAS: usize = 4096;

const NAME_CONTINUES: u8 = 0x01;
const NAME_IS_DOT: u8 = 0x02 | 0x04;

pub(super) struct RockRidge {
    /// The number of bytes before the first entry of a record.
    skip: usize,
    /// How many continuation areas may still be read.
    areas_left: usize,
}

/// The result of reading the entries of the wanted record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SystemUseEntry {
    /// Why the file cannot be read, if so.
    pub(super) obstacle: Option<EntryObstacle>,
}

impl RockRidge {
    /// Detects Rock Ridge by the SP entry in the first record of the root directory.
    pub(super) fn detect(first: &DirectoryRecord<'_>) -> Option<Self> {
        [0, 14].into_iter().find_map(|start| {
            let mut entries = Entries(first.system_use.get(start..)?);
            match entries.next()? {
                ([b'S', b'P'], [0xbe, 0xef, skip, ..]) => Some(Self {
                    skip: usize::from(*skip),
                    areas_left: MAX_AREAS,
                }),
                _ => None,
            }
        })
    }

    /// Reads the entries of the record if it has the wanted name. A record without NM has its plain name.
    pub(super) fn entry<R: Read + Seek>(
        &mut self,
        medium: &mut BlockMedium<R>,
        record: &DirectoryRecord<'_>,
        wanted: &str,
    ) -> Result<Option<SystemUseEntry>, IsoError> {
        let mut scan = Scan {
            name: Name::Unseen,
            obstacle: None,
            next: None,
        };
        scan.area(
            record.system_use.get(self.skip..).unwrap_or_default(),
            wanted,
        );
        let mut hops = 0;
        while scan.name != Name::Other
            && let Some(next) = scan.next.take()
        {
            hops += 1;
            if hops > MAX_HOPS {
                return Err(next.damaged("there are more than 16 in a row"));
            }
            let Some(left) = self.areas_left.checked_sub(1) else {
                return Err(next.damaged("the root directory has more than 4096"));
            };
            self.areas_left = left;
            scan.area(&next.read(medium)?, wanted);
        }
        let is_wanted = match scan.name {
            Name::Unseen => names::plain_is(record.identifier, wanted),
            Name::SoFar(matched) => matched == wanted.len(),
            Name::Same => true,
            Name::Other => false,
        };
        Ok(is_wanted.then_some(SystemUseEntry {
            obstacle: scan.obstacle,
        }))
    }
}

/// How far the name has been compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Unseen,
    /// The pieces so far match the first n bytes, and the name continues.
    SoFar(usize),
    Same,
    Other,
}

impl Name {
    fn and(self, flags: u8, piece: &[u8], wanted: &str) -> Self {
        let matched = match self {
            Self::Unseen => 0,
            Self::SoFar(matched) => matched,
            Self::Same | Self::Other => return self,
        };
        let rest = wanted.as_bytes().get(matched..).unwrap_or_default();
        if flags & NAME_IS_DOT != 0 || !rest.starts_with(piece) {
            Self::Other
        } else if flags & NAME_CONTINUES != 0 {
            Self::SoFar(matched.saturating_add(piece.len()))
        } else if rest.len() == piece.len() {
            Self::Same
        } else {
            Self::Other
        }
    }
}

/// What the areas of one record have yielded so far.
struct Scan {
    name: Name,
    obstacle: Option<EntryObstacle>,
    next: Option<Continuation>,
}

impl Scan {
    fn area(&mut self, area: &[u8], wanted: &str) {
        for (signature, data) in Entries(area) {
            match &signature {
                b"NM" => {
                    if let [flags, piece @ ..] = data {
                        self.name = self.name.and(*flags, piece, wanted);
                    }
                }
                b"CE" => self.next = Continuation::parse(data),
                _ => self.obstacle = self.obstacle.or(obstacle(signature, data)),
            }
        }
    }
}

fn obstacle(signature: [u8; 2], data: &[u8]) -> Option<EntryObstacle> {
    match &signature {
        b"SL" => Some(EntryObstacle::NotRegular("a symbolic link")),
        b"CL" => Some(EntryObstacle::NotRegular("a directory")),
        b"PX" => match le32(data, 0)? & 0o170_000 {
            0o100_000 => None,
            0o040_000 => Some(EntryObstacle::NotRegular("a directory")),
            0o120_000 => Some(EntryObstacle::NotRegular("a symbolic link")),
            _ => Some(EntryObstacle::NotRegular("a special file")),
        },
        b"ZF" => Some(EntryObstacle::Unsupported("compressed")),
        b"SF" => Some(EntryObstacle::Unsupported("sparse")),
        _ => None,
    }
}

#[derive(Debug, Clone, Copy)]
struct Continuation {
    block: u32,
    offset: u32,
    size: u32,
}

impl Continuation {
    fn parse(data: &[u8]) -> Option<Self> {
        Some(Self {
            block: le32(data, 0)?,
            offset: le32(data, 8)?,
            size: le32(data, 16)?,
        })
    }

    fn read<R: Read + Seek>(self, medium: &mut BlockMedium<R>) -> Result<Vec<u8>, IsoError> {
        let block = BLOCK as u64;
        if u64::from(self.offset) >= block {
            return Err(self.damaged("it starts beyond the end of its block"));
        }
        if u64::from(self.size) > block {
            return Err(self.damaged("it is longer than a block"));
        }
        medium.read(
            "a Rock Ridge continuation area",
            u64::from(self.block),
            u64::from(self.offset),
            u64::from(self.size),
        )
    }

    fn damaged(self, problem: &'static str) -> IsoError {
        IsoError::DamagedContinuation {
            block: self.block,
            problem,
        }
    }
}

/// The entries of one area, up to ST, padding or damage.
struct Entries<'d>(&'d [u8]);

impl<'d> Iterator for Entries<'d> {
    type Item = ([u8; 2], &'d [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let signature = *self.0.first_chunk()?;
        let length = usize::from(byte(self.0, 2)?);
        let (entry, rest) = self.0.split_at_checked(length)?;
        // Fewer than four bytes are padding, which ends the area.
        let data = entry.get(4..)?;
        if &signature == b"ST" {
            self.0 = &[];
            return None;
        }
        self.0 = rest;
        Some((signature, data))
    }
}
