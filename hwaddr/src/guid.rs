//! InfiniBand GUIDs.
//!
//! ```text
//! /sys/class/infiniband/mlx4_0/node_guid:   0002:c903:0012:3456
//! ip link set ib0 vf 1 port_guid            00:00:aa:01:c0:a8:07:05
//! ```

use std::fmt;
use std::str::FromStr;

use macaddr::MacAddr8;

use crate::octets;
use crate::{AddressError, ValueKind};

/// The GUID of an InfiniBand node or port: eight octets, neither all zeros nor all ones.
///
/// A VF without a GUID reports zeros, and all ones make some drivers clear a GUID: neither identifies a port.
///
/// | spelling | where |
/// |---|---|
/// | `00:02:c9:03:00:12:34:56` | `ip link`, mlx5's sysfs files of a VF; canonical |
/// | `0002:c903:0012:3456` | sysfs `node_guid` |
/// | `0x0002c90300123456` | subnet manager files, `ibstat`, mlx4's `admin_guids` |
/// | `0002c90300123456` | the scripts of 2013 |
///
/// ```
/// use hwaddr::Guid;
///
/// let guid: Guid = "0002:c903:0012:3456".parse()?;
/// assert_eq!(guid.to_string(), "00:02:c9:03:00:12:34:56");
/// # Ok::<(), hwaddr::AddressError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(MacAddr8);

impl Guid {
    /// The eight octets, most significant first.
    #[must_use]
    pub const fn octets(&self) -> [u8; 8] {
        self.0.into_array()
    }

    /// Explains what makes these octets an invalid GUID, if they are.
    pub(crate) fn fault(octets: [u8; 8]) -> Option<&'static str> {
        let guid = MacAddr8::from(octets);
        if guid.is_nil() {
            Some("all octets of the GUID are zero")
        } else if guid.is_broadcast() {
            Some("all bits of the GUID are one")
        } else {
            None
        }
    }

    /// Creates a GUID from octets that are known to be valid; see [`Self::fault`].
    pub(crate) fn from_faultless(octets: [u8; 8]) -> Self {
        debug_assert_eq!(Self::fault(octets), None);
        Self(MacAddr8::from(octets))
    }
}

impl TryFrom<[u8; 8]> for Guid {
    type Error = AddressError;

    fn try_from(octets: [u8; 8]) -> Result<Self, AddressError> {
        let guid = Self(MacAddr8::from(octets));
        match Self::fault(octets) {
            Some(reason) => Err(AddressError::refused(ValueKind::Guid, guid, reason)),
            None => Ok(guid),
        }
    }
}

impl FromStr for Guid {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let octets = octets::grouped(text, ':', 1)
            .or_else(|| octets::grouped(text, ':', 2))
            .or_else(|| octets::bare(octets::strip_0x(text).unwrap_or(text)))
            .ok_or_else(|| AddressError::malformed(ValueKind::Guid, text, "eight octets"))?;
        match Self::fault(octets) {
            Some(reason) => Err(AddressError::refused(ValueKind::Guid, text, reason)),
            None => Ok(Self::from_faultless(octets)),
        }
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        octets::write_colons(f, self.0.as_bytes())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read() {
        for text in [
            "00:02:c9:03:00:12:34:56",
            "00:02:C9:03:00:12:34:56",
            "0002:c903:0012:3456",
            "0002:C903:0012:3456",
            "0x0002c90300123456",
            "0X0002C90300123456",
            "0002c90300123456",
        ] {
            let guid: Guid = text.parse().unwrap();
            assert_eq!(guid.to_string(), "00:02:c9:03:00:12:34:56", "{text}");
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in [
            "",
            "0x",
            "0:2:c9:3:0:12:34:56",
            "2:c903:12:3456",
            "00-02-c9-03-00-12-34-56",
            "0x2c90300123456",
            "0x00:02:c9:03:00:12:34:56",
            "0x0x0002c903001234",
            "00:02:c9:03:00:12:34",
            "00:02:c9:03:00:12:34:56:78",
            "0002:c903:0012:3456\n",
        ] {
            let error = text.parse::<Guid>().unwrap_err();
            assert!(matches!(error, AddressError::Malformed { .. }), "{text}");
        }
    }

    #[test]
    fn guids_of_only_zeros_or_ones_are_refused() {
        for (text, message) in [
            (
                "0000:0000:0000:0000",
                "invalid GUID '0000:0000:0000:0000': all octets of the GUID are zero",
            ),
            (
                "ff:ff:ff:ff:ff:ff:ff:ff",
                "invalid GUID 'ff:ff:ff:ff:ff:ff:ff:ff': all bits of the GUID are one",
            ),
        ] {
            assert_eq!(text.parse::<Guid>().unwrap_err().to_string(), message);
        }
        assert!(Guid::try_from([0; 8]).is_err());
        assert!(Guid::try_from([0xff; 8]).is_err());
        assert!(Guid::try_from([0, 0, 0, 0, 0, 0, 0, 1]).is_ok());
    }
}
