//! MAC addresses.
//!
//! ```text
//! /sys/class/net/eth0/address:   02:00:c0:a8:07:05
//! context.sh:                    ETH0_MAC='02:00:c0:a8:07:05'
//! ```

use std::fmt;
use std::str::FromStr;

use macaddr::MacAddr6;

use crate::octets;
use crate::{AddressError, ValueKind};

/// The MAC address of one Ethernet NIC: six octets, not all zeros, and not a group address.
///
/// These are the addresses that a Linux NIC may have (`is_valid_ether_addr` in the kernel's
/// `include/linux/etherdevice.h`).
///
/// | spelling | where |
/// |---|---|
/// | `02:00:c0:a8:07:05` | sysfs `address`, `ip link`, libvirt, OpenNebula; canonical |
/// | `2:0:c0:a8:7:5` | tools that omit leading zeros |
/// | `02-00-C0-A8-07-05` | Windows and IEEE documents |
/// | `0200.c0a8.0705` | switches |
/// | `0200C0A80705` | labels and inventories |
///
/// ```
/// use hwaddr::MacAddress;
///
/// let mac: MacAddress = "02-00-C0-A8-07-05".parse()?;
/// assert_eq!(mac.to_string(), "02:00:c0:a8:07:05");
/// assert_eq!(mac.octets(), [0x02, 0x00, 192, 168, 7, 5]);
/// # Ok::<(), hwaddr::AddressError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(MacAddr6);

impl MacAddress {
    /// The six octets, in the order in which they are written and transmitted.
    #[must_use]
    pub const fn octets(&self) -> [u8; 6] {
        self.0.into_array()
    }

    /// Explains what makes `address` invalid, if it is.
    fn fault(address: MacAddr6) -> Option<&'static str> {
        if address.is_nil() {
            Some("all octets are zero")
        } else if address.is_multicast() {
            Some("it is a multicast address")
        } else {
            None
        }
    }

    /// Creates an address with the first octet of a dummy MAC.
    pub(crate) fn from_dummy(prefix: crate::DummyPrefix, rest: [u8; 5]) -> Self {
        // A prefix is never zero and never has the group bit, so nothing else needs to be checked.
        let [second, third, fourth, fifth, sixth] = rest;
        Self(MacAddr6::new(
            prefix.octet(),
            second,
            third,
            fourth,
            fifth,
            sixth,
        ))
    }
}

impl TryFrom<[u8; 6]> for MacAddress {
    type Error = AddressError;

    fn try_from(octets: [u8; 6]) -> Result<Self, AddressError> {
        let address = Self(MacAddr6::from(octets));
        match Self::fault(address.0) {
            Some(reason) => Err(AddressError::refused(
                ValueKind::MacAddress,
                address,
                reason,
            )),
            None => Ok(address),
        }
    }
}

impl FromStr for MacAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let octets = octets::unpadded(text)
            .or_else(|| octets::grouped(text, '-', 1))
            .or_else(|| octets::grouped(text, '.', 2))
            .or_else(|| octets::bare(text))
            .ok_or_else(|| AddressError::malformed(ValueKind::MacAddress, text, "six octets"))?;
        let address = MacAddr6::from(octets);
        match Self::fault(address) {
            Some(reason) => Err(AddressError::refused(ValueKind::MacAddress, text, reason)),
            None => Ok(Self(address)),
        }
    }
}

impl fmt::Display for MacAddress {
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
            "02:00:c0:a8:07:05",
            "02:00:C0:A8:07:05",
            "2:0:c0:a8:7:5",
            "02-00-c0-a8-07-05",
            "02-00-C0-A8-07-05",
            "0200.c0a8.0705",
            "0200c0a80705",
            "0200C0A80705",
        ] {
            let mac: MacAddress = text.parse().unwrap();
            assert_eq!(mac.to_string(), "02:00:c0:a8:07:05", "{text}");
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in [
            "",
            "zz",
            "02:00:c0:a8:07",
            "02:00:c0:a8:07:05:06",
            "02:00:c0:a8:07:5g",
            "02:00:c0:a8:07:005",
            "2-0-c0-a8-7-5",
            "02:00-c0:a8-07:05",
            "0200:c0a8:0705",
            "02.00.c0.a8.07.05",
            "0x0200c0a80705",
            " 02:00:c0:a8:07:05",
            "02:00:c0:a8:07:05\n",
            "AA:010:c0:a8:07:05",
            "éé:éé:éé:éé:éé:éé",
        ] {
            let error = text.parse::<MacAddress>().unwrap_err();
            assert!(matches!(error, AddressError::Malformed { .. }), "{text}");
        }
    }

    #[test]
    fn addresses_that_no_nic_has_are_refused() {
        for (text, message) in [
            (
                "00:00:00:00:00:00",
                "invalid MAC address '00:00:00:00:00:00': all octets are zero",
            ),
            (
                "01:00:5e:00:00:01",
                "invalid MAC address '01:00:5e:00:00:01': it is a multicast address",
            ),
            (
                "FFFFFFFFFFFF",
                "invalid MAC address 'FFFFFFFFFFFF': it is a multicast address",
            ),
        ] {
            assert_eq!(text.parse::<MacAddress>().unwrap_err().to_string(), message);
        }
        assert_eq!(
            MacAddress::try_from([0x33, 0x33, 0, 0, 0, 1])
                .unwrap_err()
                .to_string(),
            "invalid MAC address '33:33:00:00:00:01': it is a multicast address"
        );
        assert!(MacAddress::try_from([0; 6]).is_err());
    }

    #[test]
    fn display_pads_to_the_requested_width() {
        let mac = MacAddress::try_from([0, 0, 0, 0, 0, 1]).unwrap();
        assert_eq!(format!("{mac:>20}|"), "   00:00:00:00:00:01|");
    }
}
