//! Hardware addresses of IP-over-InfiniBand devices.
//!
//! ```text
//! /sys/class/net/ib0/address:
//! 80:00:02:08:fe:80:00:00:00:00:00:00:00:00:aa:01:c0:a8:07:05
//! ^^ ^^^^^^^^ ^^^^^^^^^^^^^^^^^^^^^^^ ^^^^^^^^^^^^^^^^^^^^^^^
//! |  queue    subnet prefix           port GUID
//! flags
//! ```

use std::fmt;
use std::str::FromStr;

use crate::octets;
use crate::{AddressError, Guid, ValueKind};

/// The hardware address of an IPoIB device: 20 octets that end in a valid [`Guid`].
///
/// The address consists of one octet of flags, a queue pair number, and the port's GID, which is a subnet prefix and the port
/// GUID (RFC 4391, section 9.1.1). The driver allocates the queue pair when it starts, so only the last eight octets are the same
/// after the next boot: match on [`port_guid`](Self::port_guid), never on the whole address. A device for another partition on
/// the same port has the same GUID, too.
///
/// Spellings: 20 octets with colons (sysfs `address`, `ip link`; canonical) or hyphens.
///
/// ```
/// use hwaddr::IpoibAddress;
///
/// let text = "80:00:02:08:fe:80:00:00:00:00:00:00:00:00:aa:01:c0:a8:07:05";
/// let address: IpoibAddress = text.parse()?;
/// assert_eq!(address.queue_pair(), 0x208);
/// assert_eq!(address.port_guid().to_string(), "00:00:aa:01:c0:a8:07:05");
/// # Ok::<(), hwaddr::AddressError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpoibAddress {
    flags: u8,
    queue_pair: [u8; 3],
    subnet_prefix: [u8; 8],
    port_guid: Guid,
}

impl IpoibAddress {
    /// All 20 octets, in the order in which they are written.
    #[must_use]
    pub fn octets(&self) -> [u8; 20] {
        let mut octets = [0; 20];
        let fields = [self.flags]
            .into_iter()
            .chain(self.queue_pair)
            .chain(self.subnet_prefix)
            .chain(self.port_guid.octets());
        for (octet, value) in octets.iter_mut().zip(fields) {
            *octet = value;
        }
        octets
    }

    /// The GUID of the port: the only part that stays the same across boots.
    #[must_use]
    pub const fn port_guid(&self) -> Guid {
        self.port_guid
    }

    /// The number of the device's queue pair (24 bits).
    #[must_use]
    pub const fn queue_pair(&self) -> u32 {
        let [high, middle, low] = self.queue_pair;
        u32::from_be_bytes([0, high, middle, low])
    }

    /// The first half of the port's GID: `fe:80:00:00:00:00:00:00`, unless the subnet manager is configured otherwise.
    #[must_use]
    pub const fn subnet_prefix(&self) -> [u8; 8] {
        self.subnet_prefix
    }

    /// Splits 20 octets into fields; returns why the GUID among them is invalid, if so.
    fn split(octets: [u8; 20]) -> Result<Self, &'static str> {
        let [flags, q0, q1, q2, s0, s1, s2, s3, s4, s5, s6, s7, guid @ ..] = octets;
        match Guid::fault(guid) {
            Some(reason) => Err(reason),
            None => Ok(Self {
                flags,
                queue_pair: [q0, q1, q2],
                subnet_prefix: [s0, s1, s2, s3, s4, s5, s6, s7],
                port_guid: Guid::from_faultless(guid),
            }),
        }
    }
}

impl TryFrom<[u8; 20]> for IpoibAddress {
    type Error = AddressError;

    fn try_from(octets: [u8; 20]) -> Result<Self, AddressError> {
        Self::split(octets).map_err(|reason| {
            AddressError::refused(ValueKind::IpoibAddress, Colons(octets), reason)
        })
    }
}

impl FromStr for IpoibAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let octets = octets::grouped(text, ':', 1)
            .or_else(|| octets::grouped(text, '-', 1))
            .ok_or_else(|| AddressError::malformed(ValueKind::IpoibAddress, text, "20 octets"))?;
        Self::split(octets)
            .map_err(|reason| AddressError::refused(ValueKind::IpoibAddress, text, reason))
    }
}

impl fmt::Display for IpoibAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        octets::write_colons(f, &self.octets())
    }
}

/// Octets that are not a valid address, for the error message.
struct Colons([u8; 20]);

impl fmt::Display for Colons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        octets::write_colons(f, &self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TEXT: &str = "80:00:02:08:fe:80:00:00:00:00:00:00:00:00:aa:01:c0:a8:07:05";

    #[test]
    fn the_parts_are_where_the_kernel_puts_them() {
        let address: IpoibAddress = TEXT.parse().unwrap();
        assert_eq!(address.queue_pair(), 0x00_02_08);
        assert_eq!(address.subnet_prefix(), [0xfe, 0x80, 0, 0, 0, 0, 0, 0]);
        assert_eq!(
            address.port_guid().octets(),
            [0, 0, 0xaa, 1, 0xc0, 0xa8, 7, 5]
        );
        assert_eq!(address.octets()[0], 0x80);
    }

    #[test]
    fn both_spellings_are_read_in_any_case() {
        for text in [TEXT.to_owned(), TEXT.to_uppercase(), TEXT.replace(':', "-")] {
            let address: IpoibAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), TEXT, "{text}");
        }
    }

    #[test]
    fn the_queue_pair_has_24_bits() {
        let mut octets = [1; 20];
        octets[..4].copy_from_slice(&[0xff; 4]);
        let address = IpoibAddress::try_from(octets).unwrap();
        assert_eq!(address.queue_pair(), 0x00ff_ffff);
        assert_eq!(address.octets(), octets);
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in [
            "",
            "02:00:c0:a8:07:05",
            &TEXT[3..],
            &format!("{TEXT}:00"),
            &TEXT.replace(':', ""),
            &format!("{TEXT}\n"),
            &TEXT.replacen(':', "-", 1),
        ] {
            let error = text.parse::<IpoibAddress>().unwrap_err();
            assert!(matches!(error, AddressError::Malformed { .. }), "{text}");
        }
    }

    #[test]
    fn an_address_without_a_guid_is_refused() {
        let text = "80:00:02:08:fe:80:00:00:00:00:00:00:00:00:00:00:00:00:00:00";
        assert_eq!(
            text.parse::<IpoibAddress>().unwrap_err().to_string(),
            format!("invalid IPoIB address '{text}': all octets of the GUID are zero")
        );
        assert_eq!(
            IpoibAddress::try_from([0xff; 20]).unwrap_err().to_string(),
            format!(
                "invalid IPoIB address '{}': all bits of the GUID are one",
                ["ff"; 20].join(":")
            )
        );
    }
}
