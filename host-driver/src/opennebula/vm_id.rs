//! The ID of a VM.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The ID of a VM in OpenNebula.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VmId(u32);

impl VmId {
    /// The name of its domain in all releases: `one-7`.
    #[must_use]
    pub fn domain(self) -> String {
        format!("one-{self}")
    }

    /// Returns the VM of a domain with this name.
    #[must_use]
    pub fn of_domain(name: &str) -> Option<Self> {
        name.strip_prefix("one-")?.parse().ok()
    }
}

impl FromStr for VmId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for VmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
