//! Numbers in a slice of bytes.
//!
//! ```text
//! 00 08 | 08 00               ECMA-119 7.2.3, "both-byte order": 2048
//! 13 00 00 00 | 00 00 00 13   ECMA-119 7.3.3, "both-byte order": 19
//! ```
//! Only the little-endian half, which comes first, is read.

/// The byte at `at`, if the slice is that long.
pub(super) fn byte(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// The little-endian half of the 16-bit number at `at`.
pub(super) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*field))
}

/// The little-endian half of the 32-bit number at `at`.
pub(super) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_little_endian_half_of_a_pair() {
        let field = [0x13, 0x02, 0, 0, 0, 0, 0x02, 0x13];
        assert_eq!(le32(&field, 0), Some(0x213));
        assert_eq!(le16(&field, 0), Some(0x213));
        assert_eq!(byte(&field, 7), Some(0x13));
    }

    #[test]
    fn reading_beyond_the_end_returns_none() {
        assert_eq!(le32(&[1, 2, 3], 0), None);
        assert_eq!(le16(&[1, 2, 3], 2), None);
        assert_eq!(le32(&[1, 2, 3], usize::MAX), None);
        assert_eq!(byte(&[], 0), None);
    }
}
