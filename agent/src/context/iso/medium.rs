//! Reads bytes from the medium; errors say what was read and where.

use std::io::{ErrorKind, Read, Seek, SeekFrom};

use super::IsoError;

/// The size of a logical sector and of a logical block.
pub(super) const BLOCK: usize = 2048;

#[derive(Debug)]
pub(super) struct BlockMedium<R> {
    reader: R,
}

impl<R: Read + Seek> BlockMedium<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader }
    }

    /// Reads exactly `length` bytes that start `offset` bytes into `block`; `what` names them in an error.
    ///
    /// `length` comes from the medium and may be wrong, so the buffer only grows with the bytes that are read.
    pub(super) fn read(
        &mut self,
        what: &str,
        block: u64,
        offset: u64,
        length: u64,
    ) -> Result<Vec<u8>, IsoError> {
        let mut bytes = Vec::with_capacity(length.min(BLOCK as u64).try_into().unwrap_or(BLOCK));
        // This cannot overflow: blocks are sums of u32 and u8, offsets are u32.
        let start = block.saturating_mul(BLOCK as u64).saturating_add(offset);
        let result = match self.reader.seek(SeekFrom::Start(start)) {
            Ok(_) => self.reader.by_ref().take(length).read_to_end(&mut bytes),
            // Unlike a file, a block device refuses to seek beyond its end.
            Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(0),
            Err(error) => Err(error),
        };
        result.map_err(|reason| IsoError::Read {
            what: what.to_owned(),
            block,
            reason,
        })?;
        let got = bytes.len() as u64;
        if got < length {
            return Err(IsoError::Truncated {
                what: what.to_owned(),
                block,
                got,
                wanted: length,
            });
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::testing::FakeDevice;
    use super::*;

    #[test]
    fn reads_from_the_offset_in_the_block() {
        let mut bytes = vec![0; 3 * BLOCK];
        bytes[2 * BLOCK + 5..2 * BLOCK + 8].copy_from_slice(b"abc");
        let mut medium = BlockMedium::new(Cursor::new(bytes));
        assert_eq!(medium.read("it", 2, 5, 3).unwrap(), b"abc");
    }

    #[test]
    fn a_false_size_allocates_only_what_is_read() {
        let mut medium = BlockMedium::new(Cursor::new(vec![7; 5000]));
        let bytes = medium.read("it", 0, 0, 5000).unwrap();
        assert!(bytes.capacity() <= 2 * 5000, "{}", bytes.capacity());
        let error = medium.read("the thing", 1, 0, u64::MAX).unwrap_err();
        assert_eq!(
            error.to_string(),
            "failed to read the thing at block 1: the medium ends after 2952 of 18446744073709551615 bytes"
        );
    }

    #[test]
    fn the_end_of_a_block_device_is_the_end_of_the_medium() {
        let mut medium = BlockMedium::new(FakeDevice(Cursor::new(vec![7; BLOCK])));
        assert_eq!(medium.read("it", 0, 2047, 1).unwrap(), [7]);
        for block in [1, 2, u64::MAX] {
            let error = medium.read("it", block, 0, 3).unwrap_err();
            assert!(
                matches!(error, IsoError::Truncated { got: 0, .. }),
                "{error}"
            );
        }
    }

    #[test]
    fn an_empty_file_may_be_at_a_block_beyond_the_end() {
        let mut medium = BlockMedium::new(Cursor::new(Vec::new()));
        assert!(medium.read("it", u64::MAX, 1, 0).unwrap().is_empty());
    }
}
