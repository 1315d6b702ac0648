//! Volume descriptors: the label of the volume and its root directories (ECMA-119 section 8, Joliet).
//!
//! From block 16 on, one descriptor per block of 2048 bytes up to the terminator:
//!
//! ```text
//!    0   1  type: 0 boot, 1 primary, 2 supplementary, 3 partition, 255 terminator
//!    1   5  "CD001"
//!   40  32  label, padded with spaces; Joliet: 16 characters of UCS-2
//!   88   3  Joliet: the escape sequence of UCS-2, "%/@", "%/C" or "%/E" (levels 1, 2, 3)
//!  128   4  size of a logical block
//!  156  34  record of the root directory: see directory.rs
//! ```
//! From a real context CD (made by xorriso), block 16, bytes 128..132 and 156..174: blocks of 2048 bytes, root
//! directory at block 0x13 with 0x800 bytes.
//!
//! ```text
//! 00 08 08 00 | 22 00 13 00 00 00 00 00 00 13 00 08 00 00 00 00 08 00
//! ```

use std::io::{Read, Seek};

use super::IsoError;
use super::bytes::{byte, le16};
use super::directory::{DirectoryRecord, Extent};
use super::medium::{BLOCK, BlockMedium};
use super::names;

const FIRST_BLOCK: u64 = 16;
const MAX_DESCRIPTORS: usize = 64;

#[derive(Debug)]
pub(super) struct Descriptors {
    /// The primary label, or the Joliet one if that is empty.
    pub(super) label: String,
    /// The root directory with plain and Rock Ridge names.
    pub(super) root: Extent,
    /// The root directory with Joliet names, if there is one.
    pub(super) joliet_root: Option<Extent>,
}

/// A descriptor with a root directory.
struct Descriptor {
    label: String,
    root: Extent,
}

enum DescriptorKind {
    Primary,
    Joliet,
    Other,
    /// The terminator, or something that is not a descriptor.
    End,
}

impl Descriptors {
    /// Reads the descriptors, and uses the first primary and the first Joliet one.
    pub(super) fn read<R: Read + Seek>(medium: &mut BlockMedium<R>) -> Result<Self, IsoError> {
        let mut primary = None;
        let mut joliet = None;
        for block in (FIRST_BLOCK..).take(MAX_DESCRIPTORS) {
            let bytes = match medium.read("the ISO 9660 volume descriptor", block, 0, BLOCK as u64)
            {
                Err(IsoError::Truncated { .. }) if block == FIRST_BLOCK => {
                    return Err(IsoError::NotIso);
                }
                other => other?,
            };
            match kind(&bytes) {
                DescriptorKind::Primary if primary.is_none() => {
                    primary = Some(Descriptor::parse(&bytes, block, names::plain_label)?);
                }
                DescriptorKind::Joliet if joliet.is_none() => {
                    joliet = Some(Descriptor::parse(&bytes, block, names::joliet_label)?);
                }
                DescriptorKind::End => break,
                _ => {}
            }
        }
        let primary = primary.ok_or(IsoError::NotIso)?;
        let (joliet_label, joliet_root) = joliet.map(|it| (it.label, it.root)).unzip();
        Ok(Self {
            label: Some(primary.label)
                .filter(|label| !label.is_empty())
                .or(joliet_label)
                .unwrap_or_default(),
            root: primary.root,
            joliet_root,
        })
    }
}

impl Descriptor {
    fn parse(bytes: &[u8], block: u64, label: fn(&[u8]) -> String) -> Result<Self, IsoError> {
        let size = le16(bytes, 128).unwrap_or_default();
        if usize::from(size) != BLOCK {
            return Err(IsoError::BlockSize { block, size });
        }
        let root = bytes
            .get(156..190)
            .ok_or("it is cut off")
            .and_then(DirectoryRecord::parse)
            .map_err(|problem| IsoError::DamagedRecord {
                what: "volume descriptor",
                block,
                offset: 156,
                problem,
            })?;
        Ok(Self {
            label: label(bytes.get(40..72).unwrap_or_default()),
            root: root.extent,
        })
    }
}

fn kind(bytes: &[u8]) -> DescriptorKind {
    if bytes.get(1..6) != Some(b"CD001") {
        return DescriptorKind::End;
    }
    match byte(bytes, 0) {
        Some(1) => DescriptorKind::Primary,
        Some(2) if is_joliet(bytes) => DescriptorKind::Joliet,
        Some(255) => DescriptorKind::End,
        _ => DescriptorKind::Other,
    }
}

fn is_joliet(bytes: &[u8]) -> bool {
    matches!(bytes.get(88..91), Some(b"%/@" | b"%/C" | b"%/E"))
}
