//! The part that all addresses of a NIC share.
//!
//! ```text
//! OpenNebula's MAC of the NIC:   02:00:c0:a8:07:05
//! MAC of its dummy NIC:          aa:01:c0:a8:07:05
//! its key:                             c0:a8:07:05
//! ```

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use crate::octets;
use crate::{AddressError, MacAddress, ValueKind};

/// The last four octets of the MAC address that OpenNebula assigned to a NIC.
///
/// The key connects a device in the guest to a NIC in the context. For a lease from a plain IPv4 address range, it *is* the IPv4
/// address (`AddressRange.cc` of `oned`). For IPv6-only, Ethernet and shared ranges, for `MAC_GLOBAL_SPACE` and for MACs that an
/// administrator chose, it is just a number: [`ipv4`](Self::ipv4) is a guess for when nothing better is known.
///
/// Spelling: four octets with colons, canonical in lower case.
///
/// ```
/// use hwaddr::{Key, MacAddress};
/// use std::net::Ipv4Addr;
///
/// let key = Key::from("02:00:c0:a8:07:05".parse::<MacAddress>()?);
/// assert_eq!(key.to_string(), "c0:a8:07:05");
/// assert_eq!(key.ipv4(), Ipv4Addr::new(192, 168, 7, 5));
/// # Ok::<(), hwaddr::AddressError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 4]);

impl Key {
    /// The four octets.
    #[must_use]
    pub const fn octets(&self) -> [u8; 4] {
        self.0
    }

    /// The octets as an IPv4 address; [`Key`] says when they are one.
    #[must_use]
    pub const fn ipv4(&self) -> Ipv4Addr {
        let [a, b, c, d] = self.0;
        Ipv4Addr::new(a, b, c, d)
    }
}

impl From<[u8; 4]> for Key {
    fn from(octets: [u8; 4]) -> Self {
        Self(octets)
    }
}

impl From<MacAddress> for Key {
    fn from(mac: MacAddress) -> Self {
        let [_, _, key @ ..] = mac.octets();
        Self(key)
    }
}

impl From<Ipv4Addr> for Key {
    fn from(address: Ipv4Addr) -> Self {
        Self(address.octets())
    }
}

impl FromStr for Key {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        octets::grouped(text, ':', 1)
            .map(Self)
            .ok_or_else(|| AddressError::malformed(ValueKind::Key, text, "four octets"))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        octets::write_colons(f, &self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_end_of_the_mac() {
        let mac: MacAddress = "02:00:c0:a8:07:05".parse().unwrap();
        let key = Key::from([0xc0, 0xa8, 7, 5]);
        assert_eq!(Key::from(mac), key);
        assert_eq!(key.octets(), [192, 168, 7, 5]);
        assert_eq!("C0:A8:07:05".parse(), Ok(key));
    }

    #[test]
    fn any_four_octets_are_a_key() {
        for (text, address) in [
            ("00:00:00:00", Ipv4Addr::UNSPECIFIED),
            ("ff:ff:ff:ff", Ipv4Addr::BROADCAST),
            ("c0:a8:07:05", Ipv4Addr::new(192, 168, 7, 5)),
        ] {
            let key: Key = text.parse().unwrap();
            assert_eq!(key.ipv4(), address);
            assert_eq!(Key::from(address), key);
            assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in [
            "",
            "c0:a8:07",
            "c0:a8:07:05:06",
            "c0a80705",
            "c0:a8:7:5",
            "192.168.7.5",
        ] {
            assert_eq!(
                text.parse::<Key>().unwrap_err().to_string(),
                format!("invalid NIC key '{text}': expected four octets")
            );
        }
    }
}
