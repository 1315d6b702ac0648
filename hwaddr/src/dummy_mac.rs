//! MAC addresses of dummy NICs, by which the guest agent recognizes NICs that the host driver set up.
//!
//! ```text
//! domain XML:   <mac address='aa:01:c0:a8:07:05'/>
//!                             ^^ ^^ ^^^^^^^^^^^
//!                         prefix |  key
//!                         position
//! ```

use std::fmt;
use std::str::FromStr;

use crate::{AddressError, DummyPrefix, Guid, Key, MacAddress, ValueKind};

/// The MAC address of a dummy NIC: a [`DummyPrefix`], a position, and the [`Key`] of its NIC.
///
/// The position is the index of the SR-IOV NIC within the VM, from 0 to 255, written as an octet of two hexadecimal digits: `0a`
/// for the eleventh NIC, `10` for the seventeenth.
///
/// On InfiniBand, the same six octets are the end of the port GUID. The two octets before them distinguish equal addresses of two
/// networks on one fabric; guests ignore them.
///
/// Spellings: those of [`MacAddress`], with a valid prefix as the first octet; canonical
/// `aa:01:c0:a8:07:05`. Ordered by prefix, position, key.
///
/// ```
/// use hwaddr::{DummyMac, DummyPrefix};
///
/// let dummy: DummyMac = "AA:0A:C0:A8:07:05".parse()?;
/// assert_eq!(dummy.position(), 10);
/// assert_eq!(dummy.port_guid([0, 0]).to_string(), "00:00:aa:0a:c0:a8:07:05");
/// assert_eq!(DummyMac::from_mac(dummy.mac(), DummyPrefix::default()), Some(dummy));
/// # Ok::<(), hwaddr::AddressError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DummyMac {
    prefix: DummyPrefix,
    position: u8,
    key: Key,
}

impl DummyMac {
    /// Creates the dummy MAC of the NIC with this key, at this position within its VM.
    #[must_use]
    pub const fn new(prefix: DummyPrefix, position: u8, key: Key) -> Self {
        Self {
            prefix,
            position,
            key,
        }
    }

    /// Returns `mac` as a dummy MAC, if it starts with `prefix`.
    ///
    /// A VF's random MAC may start with it, too, so the address alone does not show that the device is a dummy NIC.
    #[must_use]
    pub fn from_mac(mac: MacAddress, prefix: DummyPrefix) -> Option<Self> {
        let [first, position, key @ ..] = mac.octets();
        (first == prefix.octet()).then(|| Self::new(prefix, position, Key::from(key)))
    }

    /// Returns the dummy MAC in `guid`, if its third octet is `prefix`; the two octets before that are ignored.
    #[must_use]
    pub fn from_guid(guid: Guid, prefix: DummyPrefix) -> Option<Self> {
        let [_, _, first, position, key @ ..] = guid.octets();
        (first == prefix.octet()).then(|| Self::new(prefix, position, Key::from(key)))
    }

    /// The first octet.
    #[must_use]
    pub const fn prefix(&self) -> DummyPrefix {
        self.prefix
    }

    /// The index of the SR-IOV NIC within the VM, from 0.
    #[must_use]
    pub const fn position(&self) -> u8 {
        self.position
    }

    /// The last four octets.
    #[must_use]
    pub const fn key(&self) -> Key {
        self.key
    }

    /// The dummy MAC as a MAC address.
    #[must_use]
    pub fn mac(&self) -> MacAddress {
        let [k0, k1, k2, k3] = self.key.octets();
        MacAddress::from_dummy(self.prefix, [self.position, k0, k1, k2, k3])
    }

    /// The port GUID that contains this dummy MAC, after the octets `lead`.
    #[must_use]
    pub fn port_guid(&self, lead: [u8; 2]) -> Guid {
        let [first, second] = lead;
        let [k0, k1, k2, k3] = self.key.octets();
        // The prefix has both zero and one bits, so the GUID is neither all zeros nor all ones.
        let prefix = self.prefix.octet();
        Guid::from_faultless([first, second, prefix, self.position, k0, k1, k2, k3])
    }
}

impl FromStr for DummyMac {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let [first, position, key @ ..] = text.parse::<MacAddress>()?.octets();
        match DummyPrefix::checked(first) {
            Ok(prefix) => Ok(Self::new(prefix, position, Key::from(key))),
            Err(reason) => Err(AddressError::refused(ValueKind::DummyMac, text, reason)),
        }
    }
}

impl fmt::Display for DummyMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mac().fmt(f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0xc0, 0xa8, 0x07, 0x05];

    fn dummy(position: u8) -> DummyMac {
        DummyMac::new(DummyPrefix::default(), position, Key::from(KEY))
    }

    #[test]
    fn a_position_is_one_octet_of_two_digits() {
        for (position, mac, guid) in [
            (0, "aa:00:c0:a8:07:05", "00:07:aa:00:c0:a8:07:05"),
            (9, "aa:09:c0:a8:07:05", "00:07:aa:09:c0:a8:07:05"),
            (10, "aa:0a:c0:a8:07:05", "00:07:aa:0a:c0:a8:07:05"),
            (15, "aa:0f:c0:a8:07:05", "00:07:aa:0f:c0:a8:07:05"),
            (16, "aa:10:c0:a8:07:05", "00:07:aa:10:c0:a8:07:05"),
            (255, "aa:ff:c0:a8:07:05", "00:07:aa:ff:c0:a8:07:05"),
        ] {
            let dummy = dummy(position);
            assert_eq!(dummy.to_string(), mac);
            assert_eq!(dummy.mac().to_string(), mac);
            assert_eq!(dummy.port_guid([0, 7]).to_string(), guid);

            assert_eq!(mac.parse(), Ok(dummy));
            assert_eq!(mac.to_uppercase().parse(), Ok(dummy));
            let read = DummyMac::from_guid(guid.parse().unwrap(), DummyPrefix::default());
            assert_eq!(read, Some(dummy));
            assert_eq!(dummy.position(), position);
            assert_eq!(dummy.key().octets(), KEY);
        }
    }

    #[test]
    fn an_address_with_another_prefix_is_not_a_dummy_mac() {
        let other = DummyPrefix::new(0x06).unwrap();
        assert_eq!(DummyMac::from_mac(dummy(1).mac(), other), None);
        assert_eq!(DummyMac::from_guid(dummy(1).port_guid([0, 0]), other), None);
        let theirs = DummyMac::new(other, 1, Key::from(KEY));
        assert_eq!(theirs.to_string(), "06:01:c0:a8:07:05");
        assert_eq!(DummyMac::from_mac(theirs.mac(), other), Some(theirs));
        assert_eq!(theirs.prefix(), other);
    }

    #[test]
    fn extreme_keys_and_positions_make_valid_guids() {
        for key in [[0; 4], [0xff; 4]] {
            for (position, lead) in [(0, [0, 0]), (255, [0xff, 0xff])] {
                let dummy = DummyMac::new(DummyPrefix::default(), position, Key::from(key));
                let guid = dummy.port_guid(lead);
                assert_eq!(Guid::try_from(guid.octets()), Ok(guid));
                assert_eq!(MacAddress::try_from(dummy.mac().octets()), Ok(dummy.mac()));
            }
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for (text, message) in [
            (
                "02:00:c0:a8:07:05",
                "invalid dummy MAC address '02:00:c0:a8:07:05': OpenNebula uses first octet 02 for its own NICs",
            ),
            (
                "00:0c:29:12:34:56",
                "invalid dummy MAC address '00:0c:29:12:34:56': the first octet is not that of a locally administered address",
            ),
            (
                "aa:010:c0:a8:07:05",
                "invalid MAC address 'aa:010:c0:a8:07:05': expected six octets",
            ),
        ] {
            assert_eq!(text.parse::<DummyMac>().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn dummies_sort_by_position() {
        let mut dummies = [dummy(16), dummy(9), dummy(10)];
        dummies.sort();
        assert_eq!(dummies.map(|dummy| dummy.position()), [9, 10, 16]);
    }
}
