//! The first octet of dummy MAC addresses.
//!
//! ```text
//! kvmrc:   DUMMY_MAC_PREFIX="AA"
//! ```

use std::fmt;
use std::str::FromStr;

use crate::octets;
use crate::{AddressError, ValueKind};

/// The octet by which a guest recognizes a dummy NIC: `aa`, unless both host and guest are configured otherwise.
///
/// It is the first octet of a unicast, locally administered MAC address, so its last two bits are `10`. Two such octets are not
/// allowed: `fe`, the first octet that libvirt gives the host's tap devices, and `02`, the start of OpenNebula's own addresses
/// (`MAC_PREFIX = "02:00"` in `oned.conf`).
///
/// Spellings: two hexadecimal digits in any case, with or without `0x`. Canonical: `aa`.
///
/// ```
/// use hwaddr::DummyPrefix;
///
/// assert_eq!("AA".parse::<DummyPrefix>()?, DummyPrefix::default());
/// assert_eq!(DummyPrefix::new(0x06)?.to_string(), "06");
/// assert!(DummyPrefix::new(0x02).is_err());
/// # Ok::<(), hwaddr::AddressError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DummyPrefix(u8);

impl DummyPrefix {
    const GROUP: u8 = 0b01;
    const LOCAL: u8 = 0b10;

    /// Creates the prefix with this octet.
    pub fn new(octet: u8) -> Result<Self, AddressError> {
        Self::checked(octet).map_err(|reason| {
            AddressError::refused(ValueKind::DummyPrefix, format_args!("{octet:02x}"), reason)
        })
    }

    /// The octet.
    #[must_use]
    pub const fn octet(&self) -> u8 {
        self.0
    }

    pub(crate) fn checked(octet: u8) -> Result<Self, &'static str> {
        if octet & Self::GROUP != 0 {
            Err("the first octet is that of a multicast address")
        } else if octet & Self::LOCAL == 0 {
            Err("the first octet is not that of a locally administered address")
        } else if octet == 0xfe {
            Err("libvirt uses first octet fe for its tap devices")
        } else if octet == 0x02 {
            Err("OpenNebula uses first octet 02 for its own NICs")
        } else {
            Ok(Self(octet))
        }
    }
}

impl Default for DummyPrefix {
    /// `aa`, as in the `kvmrc` of 2013.
    fn default() -> Self {
        Self(0xaa)
    }
}

impl FromStr for DummyPrefix {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let [octet] = octets::bare(octets::strip_0x(text).unwrap_or(text)).ok_or_else(|| {
            AddressError::malformed(ValueKind::DummyPrefix, text, "two hexadecimal digits")
        })?;
        Self::checked(octet)
            .map_err(|reason| AddressError::refused(ValueKind::DummyPrefix, text, reason))
    }
}

impl fmt::Display for DummyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        octets::write_colons(f, &[self.0])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read() {
        for text in ["aa", "AA", "aA", "0xaa", "0XAA"] {
            assert_eq!(text.parse(), Ok(DummyPrefix::default()), "{text}");
        }
        assert_eq!(DummyPrefix::default().to_string(), "aa");
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in [
            "", "a", "0xa", "aaa", "0x", "g0", "aa:", " aa", "0x0xaa", "170", "é",
        ] {
            let error = text.parse::<DummyPrefix>().unwrap_err();
            assert!(matches!(error, AddressError::Malformed { .. }), "{text}");
        }
    }

    #[test]
    fn exactly_the_free_local_unicast_octets_are_allowed() {
        for octet in u8::MIN..=u8::MAX {
            let allowed = octet % 4 == 2 && octet != 0x02 && octet != 0xfe;
            assert_eq!(DummyPrefix::new(octet).is_ok(), allowed, "{octet:02x}");
        }
    }

    #[test]
    fn a_refusal_says_why() {
        for (text, message) in [
            (
                "0xAB",
                "invalid dummy MAC prefix '0xAB': the first octet is that of a multicast address",
            ),
            (
                "00",
                "invalid dummy MAC prefix '00': the first octet is not that of a locally administered address",
            ),
            (
                "FE",
                "invalid dummy MAC prefix 'FE': libvirt uses first octet fe for its tap devices",
            ),
            (
                "02",
                "invalid dummy MAC prefix '02': OpenNebula uses first octet 02 for its own NICs",
            ),
        ] {
            assert_eq!(
                text.parse::<DummyPrefix>().unwrap_err().to_string(),
                message
            );
        }
        assert_eq!(
            DummyPrefix::new(1).unwrap_err().to_string(),
            "invalid dummy MAC prefix '01': the first octet is that of a multicast address"
        );
    }
}
