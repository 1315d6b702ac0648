//! The reader for context CDs.

use std::io::{Cursor, Read, Result, Seek, SeekFrom};

use one_sriov_agent::context::iso::Volume;

const LIMIT: u64 = 64 << 10;
/// The most that a lookup may read: 64 descriptors, two root directories of 1 MiB, 4096 continuation areas of 2048 bytes, and the
/// file, all doubled as a margin.
const MOST: u64 = 2 * ((64 * 2048) + (2 << 20) + (4096 * 2048) + LIMIT);
/// Blocks 0 to 15 are not part of the file system, so mutating them is useless.
pub const SYSTEM_AREA: usize = 16 * 2048;

/// Checks that any medium is read within the documented bounds. The input is the medium from block 16 on.
pub fn iso(blocks: &[u8]) {
    let mut bytes = vec![0; SYSTEM_AREA];
    bytes.extend_from_slice(blocks);
    let mut read = 0;
    let medium = Counted {
        medium: Cursor::new(bytes),
        read: &mut read,
    };
    let Ok(mut volume) = Volume::open(medium) else {
        return;
    };
    let label = volume.label();
    assert!(!label.contains(char::is_control), "{label:?}");
    assert!(label.len() <= 32 * 3, "{label:?}");
    for name in ["context.sh", "CONTEXT.SH", "nothing"] {
        match volume.read_top_file(name, LIMIT) {
            Ok(None) => {}
            Ok(Some(text)) => assert!(text.len() as u64 <= LIMIT),
            Err(error) => {
                let message = error.to_string();
                assert!(!message.contains(char::is_control), "{message:?}");
            }
        }
    }
    drop(volume);
    assert!(read <= 3 * MOST, "{read} bytes were read");
}

/// A medium that counts the bytes read.
struct Counted<'a> {
    medium: Cursor<Vec<u8>>,
    read: &'a mut u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let got = self.medium.read(buffer)?;
        *self.read += got as u64;
        Ok(got)
    }
}

impl Seek for Counted<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.medium.seek(to)
    }
}
