//! PCI addresses.
//!
//! ```text
//! /sys/bus/pci/devices/0000:81:00.2
//! domain XML:          <address domain='0x0000' bus='0x81' slot='0x00' function='0x2'/>
//! vf_maps/ib0:         0x81 0x00 0x02
//! context.sh:          PCI0_ADDRESS='01:01.0'
//! ```

use std::fmt;
use std::str::FromStr;

use crate::octets;
use crate::{AddressError, ValueKind};

/// The address of a PCI function: domain, bus, slot (at most 31) and function (at most 7).
///
/// | spelling | where |
/// |---|---|
/// | `0000:81:00.2` | sysfs, `lspci -D`; canonical |
/// | `10000:e1:00.0` | the same with a domain above `ffff`, as behind Intel VMD |
/// | `81:00.2` | domain 0: OpenNebula's `SHORT_ADDRESS` and `PCI<k>_ADDRESS`, `lspci` |
/// | `0000:81:00:2` | `ADDRESS` of OpenNebula's PCI probe |
/// | `pci_0000_81_00_2` | libvirt's node devices |
/// | `0x81 0x00 0x02` | a line of a VF map: bus, slot, function; the domain is 0 |
/// | `0x0000 0x81 0x00 0x02` | a line of a VF map that starts with a domain |
///
/// All digits are hexadecimal, in any case. In the first five spellings, a domain has four to eight digits, bus and slot have
/// two, and the function has one. The columns of a map may be separated and surrounded by any white space; each is a number as
/// [`from_libvirt`](Self::from_libvirt) parses it.
///
/// Ordered by domain, bus, slot, function.
///
/// ```
/// use hwaddr::PciAddress;
///
/// let vf = PciAddress::new(0, 0x81, 0, 2)?;
/// assert_eq!("0x81 0x00 0x02".parse(), Ok(vf));
/// assert_eq!("pci_0000_81_00_2".parse(), Ok(vf));
/// assert_eq!(PciAddress::from_libvirt("0x0000", "0x81", "0x00", "0x2"), Ok(vf));
/// assert_eq!(vf.to_string(), "0000:81:00.2");
/// # Ok::<(), hwaddr::AddressError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PciAddress {
    // The order of the fields determines the order of addresses.
    domain: u32,
    bus: u8,
    slot: u8,
    function: u8,
}

impl PciAddress {
    const MAX_SLOT: u8 = 31;
    const MAX_FUNCTION: u8 = 7;

    /// Creates the address with these four numbers.
    pub fn new(domain: u32, bus: u8, slot: u8, function: u8) -> Result<Self, AddressError> {
        let address = Self {
            domain,
            bus,
            slot,
            function,
        };
        match address.fault() {
            Some(reason) => Err(AddressError::refused(
                ValueKind::PciAddress,
                address,
                reason,
            )),
            None => Ok(address),
        }
    }

    /// Parses the attributes of a PCI `<address>` in a domain XML.
    ///
    /// A number with `0x`, as libvirt writes it, is hexadecimal. Without `0x`, libvirt parses it as C does, as decimal or, after
    /// a zero, octal, while people and OpenNebula's own tools mean hexadecimal. So a number without `0x` is only accepted if it
    /// is the same in all bases: `0` to `9` and, after zeros, `0` to `7`. That includes the `slot='0000'` of a q35 machine
    /// (`oned` prints a zero without `0x`), but not `bus='81'` or `bus='010'`. The `<bus>` and similar elements of `virsh
    /// nodedev-dumpxml` are decimal and must not be passed to this function: parse the node device's name instead.
    pub fn from_libvirt(
        domain: &str,
        bus: &str,
        slot: &str,
        function: &str,
    ) -> Result<Self, AddressError> {
        let domain = number(domain, "a domain such as 0x0000")?;
        let bus = number(bus, "a bus from 0x00 to 0xff")?;
        let slot = number(slot, "a slot from 0x00 to 0x1f")?;
        let function = number(function, "a function from 0x0 to 0x7")?;
        Self::new(domain, bus, slot, function)
    }

    /// The domain, also called segment; 0 on most machines.
    #[must_use]
    pub const fn domain(&self) -> u32 {
        self.domain
    }

    /// The bus.
    #[must_use]
    pub const fn bus(&self) -> u8 {
        self.bus
    }

    /// The slot, also called device: 0 to 31.
    #[must_use]
    pub const fn slot(&self) -> u8 {
        self.slot
    }

    /// The function: 0 to 7.
    #[must_use]
    pub const fn function(&self) -> u8 {
        self.function
    }

    fn fault(self) -> Option<&'static str> {
        if self.slot > Self::MAX_SLOT {
            Some("the slot is above 1f")
        } else if self.function > Self::MAX_FUNCTION {
            Some("the function is above 7")
        } else {
            None
        }
    }

    /// Parses the spellings with a fixed number of digits.
    fn from_digits(text: &str) -> Option<Self> {
        let [domain, bus, slot, function] = if let Some(name) = text.strip_prefix("pci_") {
            fields(name, '_')?
        } else if let Some((front, function)) = text.split_once('.') {
            if let Some([bus, slot]) = fields(front, ':') {
                ["0000", bus, slot, function]
            } else {
                let [domain, bus, slot] = fields(front, ':')?;
                [domain, bus, slot, function]
            }
        } else {
            fields(text, ':')?
        };
        if domain.len() < 4 || function.len() != 1 {
            return None;
        }
        let [bus] = octets::bare(bus)?;
        let [slot] = octets::bare(slot)?;
        Some(Self {
            domain: octets::hex(domain, 8)?,
            bus,
            slot,
            function: octets::hex(function, 1).and_then(|digit| u8::try_from(digit).ok())?,
        })
    }

    /// Parses the columns of a VF map; returns `None` if their number is wrong.
    fn from_columns(text: &str) -> Option<Result<Self, AddressError>> {
        let mut columns = text.split_ascii_whitespace();
        let (first, second, third) = (columns.next()?, columns.next()?, columns.next()?);
        match (columns.next(), columns.next()) {
            (None, _) => Some(Self::from_libvirt("0", first, second, third)),
            (Some(fourth), None) => Some(Self::from_libvirt(first, second, third, fourth)),
            (Some(_), Some(_)) => None,
        }
    }
}

/// Splits a text into exactly `N` parts; returns `None` if it has more or fewer.
fn fields<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    let mut parts = text.split(separator);
    let mut fields = [""; N];
    for field in &mut fields {
        *field = parts.next()?;
    }
    parts.next().is_none().then_some(fields)
}

/// Parses a number with `0x`, or one that is the same in the bases 8, 10 and 16.
fn number<T: TryFrom<u32>>(text: &str, expected: &'static str) -> Result<T, AddressError> {
    let digits = octets::strip_0x(text).or_else(|| {
        let significant = text.trim_start_matches('0');
        let octal = significant.len() < text.len();
        match significant.as_bytes() {
            [] | [b'0'..=b'7'] => Some(text),
            [b'8'..=b'9'] if !octal => Some(text),
            _ => None,
        }
    });
    digits
        .and_then(|digits| octets::hex(digits, 8))
        .and_then(|value| T::try_from(value).ok())
        .ok_or_else(|| AddressError::malformed(ValueKind::PciAddress, text, expected))
}

impl FromStr for PciAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(address) = Self::from_digits(text) {
            return match address.fault() {
                Some(reason) => Err(AddressError::refused(ValueKind::PciAddress, text, reason)),
                None => Ok(address),
            };
        }
        Self::from_columns(text).unwrap_or_else(|| {
            Err(AddressError::malformed(
                ValueKind::PciAddress,
                text,
                "the form 0000:81:00.2",
            ))
        })
    }
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            domain,
            bus,
            slot,
            function,
        } = self;
        f.pad(&format!("{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"))
    }
}

#[cfg(test)]
mod tests;
