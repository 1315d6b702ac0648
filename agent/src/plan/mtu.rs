//! The MTU of a NIC.

use std::fmt;
use std::str::FromStr;

/// 68 bytes (the minimum of IPv4, RFC 791) to 65535, more than any supported link type allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mtu(u16);

impl Mtu {
    const SMALLEST: u16 = 68;

    /// The MTU in bytes.
    #[must_use]
    pub const fn bytes(self) -> u32 {
        self.0 as u32
    }
}

impl FromStr for Mtu {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes: u64 = text.parse().map_err(|_| "is not an MTU".to_owned())?;
        match u16::try_from(bytes) {
            Ok(bytes) if bytes >= Self::SMALLEST => Ok(Self(bytes)),
            Ok(_) => Err(format!("is below {}, the smallest MTU", Self::SMALLEST)),
            Err(_) => Err(format!("is above {}, the largest MTU", u16::MAX)),
        }
    }
}

impl fmt::Display for Mtu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
