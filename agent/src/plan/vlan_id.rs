//! The ID of an 802.1Q VLAN.

use std::fmt;
use std::str::FromStr;

/// 1 to 4094 (IEEE 802.1Q: 0 means "no VLAN", 4095 is reserved).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VlanId(u16);

impl FromStr for VlanId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(id @ 1..=4094) => Ok(Self(id)),
            _ => Err("is not a VLAN: expected 1 to 4094"),
        }
    }
}

impl fmt::Display for VlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
