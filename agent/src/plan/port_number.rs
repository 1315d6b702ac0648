//! The port number of an InfiniBand device.

use std::fmt;
use std::str::FromStr;

/// 1 to 254, as in `/sys/class/infiniband/<device>/ports/<number>` (InfiniBand Architecture, 3.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PortNumber(u8);

impl PortNumber {
    /// Whether this is the port with the given number in `dev_port`, which counts from 0.
    pub(super) fn is_port(self, from_zero: u32) -> bool {
        u32::from(self.0) == from_zero + 1
    }
}

impl FromStr for PortNumber {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(number @ 1..=254) => Ok(Self(number)),
            _ => Err("is not a port: expected 1 to 254"),
        }
    }
}

impl fmt::Display for PortNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
