//! InfiniBand partition keys.
//!
//! ```text
//! /sys/class/net/ib0/pkey:   0x8001
//! context.sh:                ETH1_VLAN_ID='32769'
//! ```

use std::fmt;
use std::str::FromStr;

use crate::octets;
use crate::{AddressError, ValueKind};

/// A partition key: 15 bits that identify a partition, and a top bit that marks a *full member*.
///
/// Partition 0 does not exist, so neither `0x0000` nor `0x8000` is a valid P_Key; the kernel does not create a device for them.
///
/// | spelling | where |
/// |---|---|
/// | `0x8001` | sysfs `pkey`, `create_child`, partition files; canonical |
/// | `32769` | decimal: OpenNebula's `VLAN_ID`, NetworkManager's `p-key` |
/// | `8001` | hexadecimal without a prefix: wicked's `IPOIB_PKEY`, device names; only with [`from_hex`](Self::from_hex) |
///
/// A number whose base is ambiguous is rejected: `0010` and `ffff` are errors.
///
/// ```
/// use hwaddr::Pkey;
///
/// let pkey: Pkey = "32769".parse()?;
/// assert_eq!(pkey, Pkey::from_hex("8001")?);
/// assert_eq!(pkey.to_string(), "0x8001");
/// assert_eq!(pkey.partition(), 1);
/// # Ok::<(), hwaddr::AddressError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pkey(u16);

impl Pkey {
    const FULL_MEMBER: u16 = 0x8000;
    const DEFAULT_PARTITION: u16 = 0x7fff;

    const NO_PARTITION: &str = "partition 0 does not exist";

    /// Creates the P_Key with these 16 bits.
    pub fn new(bits: u16) -> Result<Self, AddressError> {
        Self::checked(bits, format_args!("{bits:#06x}"))
    }

    /// Parses one to four hexadecimal digits, with or without `0x`.
    pub fn from_hex(text: &str) -> Result<Self, AddressError> {
        hex(octets::strip_0x(text).unwrap_or(text))
            .ok_or_else(|| {
                AddressError::malformed(ValueKind::Pkey, text, "one to four hexadecimal digits")
            })
            .and_then(|bits| Self::checked(bits, text))
    }

    fn checked(bits: u16, text: impl fmt::Display) -> Result<Self, AddressError> {
        if bits & !Self::FULL_MEMBER == 0 {
            Err(AddressError::refused(
                ValueKind::Pkey,
                text,
                Self::NO_PARTITION,
            ))
        } else {
            Ok(Self(bits))
        }
    }

    /// All 16 bits, as in the hardware.
    #[must_use]
    pub const fn bits(&self) -> u16 {
        self.0
    }

    /// The number of the partition: the low 15 bits, never 0.
    #[must_use]
    pub const fn partition(&self) -> u16 {
        self.0 & !Self::FULL_MEMBER
    }

    /// Whether the holder may communicate with limited members, too, not only with full members.
    #[must_use]
    pub const fn is_full_member(&self) -> bool {
        self.0 & Self::FULL_MEMBER != 0
    }

    /// The key of a full member of the same partition, after which the kernel names IPoIB devices.
    #[must_use]
    pub const fn full_member(&self) -> Self {
        Self(self.0 | Self::FULL_MEMBER)
    }

    /// Whether this is the default partition, `0x7fff`.
    #[must_use]
    pub const fn is_default(&self) -> bool {
        self.partition() == Self::DEFAULT_PARTITION
    }
}

fn hex(digits: &str) -> Option<u16> {
    octets::hex(digits, 4).and_then(|bits| u16::try_from(bits).ok())
}

/// Parses a decimal number without sign or leading zero.
fn decimal(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let padded = text.len() > 1 && text.starts_with('0');
    if plain && !padded {
        text.parse().ok()
    } else {
        None
    }
}

impl FromStr for Pkey {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match octets::strip_0x(text) {
            Some(digits) => hex(digits),
            None => decimal(text),
        }
        .ok_or_else(|| {
            AddressError::malformed(
                ValueKind::Pkey,
                text,
                "0x and up to four hexadecimal digits, or a decimal number up to 65535",
            )
        })
        .and_then(|bits| Self::checked(bits, text))
    }
}

impl fmt::Display for Pkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:#06x}", self.0))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read() {
        for (text, bits) in [
            ("0x8001", 0x8001),
            ("0X8001", 0x8001),
            ("0x1", 0x0001),
            ("0xFfFf", 0xffff),
            ("32769", 0x8001),
            ("8001", 8001),
            ("1", 1),
            ("65535", 0xffff),
        ] {
            assert_eq!(text.parse::<Pkey>().unwrap().bits(), bits, "{text}");
        }
        for text in ["8001", "0x8001", "0X8001"] {
            assert_eq!(Pkey::from_hex(text).unwrap().bits(), 0x8001, "{text}");
        }
        assert_eq!(Pkey::from_hex("a").unwrap().to_string(), "0x000a");
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in [
            "",
            "0x",
            "0x80011",
            "ffff",
            "0010",
            "65536",
            "99999999999999999999",
            "+1",
            "-1",
            " 1",
            "1\n",
            "0x+1",
            "0x 1",
            "1.0",
            "\u{0661}",
            "é",
        ] {
            let error = text.parse::<Pkey>().unwrap_err();
            assert!(matches!(error, AddressError::Malformed { .. }), "{text}");
        }
        for text in ["", "0x", "80011", "g", "+1", "0x0x1"] {
            let error = Pkey::from_hex(text).unwrap_err();
            assert!(matches!(error, AddressError::Malformed { .. }), "{text}");
        }
    }

    #[test]
    fn partition_0_is_refused() {
        for text in ["0x0000", "0x8000", "0", "32768"] {
            assert_eq!(
                text.parse::<Pkey>().unwrap_err().to_string(),
                format!("invalid P_Key '{text}': partition 0 does not exist")
            );
        }
        assert!(Pkey::from_hex("8000").is_err());
        assert_eq!(
            Pkey::new(0x8000).unwrap_err().to_string(),
            "invalid P_Key '0x8000': partition 0 does not exist"
        );
        assert_eq!(
            Pkey::new(0).unwrap_err().to_string(),
            "invalid P_Key '0x0000': partition 0 does not exist"
        );
    }

    #[test]
    fn the_top_bit_is_the_membership() {
        let limited = Pkey::new(0x0003).unwrap();
        let full = limited.full_member();
        assert!(!limited.is_full_member());
        assert!(full.is_full_member());
        assert_eq!(full.bits(), 0x8003);
        assert_eq!(full.full_member(), full);
        assert_eq!((limited.partition(), full.partition()), (3, 3));
        assert!(!full.is_default());
        assert!(Pkey::new(0x7fff).unwrap().is_default());
        assert!(Pkey::new(0xffff).unwrap().is_default());
    }
}
