//! Names of pools.
//!
//! ```text
//! sriov_ib0          the bridge of a virtual network: pool ib0
//! vf_maps/ib0        its map
//! /run/one-sriov/ib0 its leases
//! ```

use std::fmt;
use std::str::FromStr;

/// The name of a pool of VFs: what follows `sriov_` in the name of a bridge.
///
/// Usually the netdev of a PF; a pool with a map may have any name. It becomes a file name: 1 to 64 letters, digits, `_`, `-`
/// and `.`, and the first is neither `.` nor `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolName(String);

/// Why a text is not the name of a pool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid pool name '{}': expected 1 to 64 letters, digits, '_', '-' or '.'", .0.escape_debug())]
pub struct PoolNameError(String);

impl PoolName {
    /// The prefix of the name of a bridge that requests a VF.
    pub const BRIDGE_PREFIX: &str = "sriov_";

    const MAX_LEN: usize = 64;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name as part of a monitoring attribute's name: `ib0` becomes `IB0`, `ens1f0.x` becomes `ENS1F0_X`.
    #[must_use]
    pub fn attribute(&self) -> String {
        let letter = |c: char| match c {
            '-' | '.' => '_',
            c => c.to_ascii_uppercase(),
        };
        self.0.chars().map(letter).collect()
    }
}

impl FromStr for PoolName {
    type Err = PoolNameError;

    fn from_str(text: &str) -> Result<Self, PoolNameError> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let is_name = (1..=Self::MAX_LEN).contains(&text.len())
            && text.chars().all(is_allowed)
            && !text.starts_with(['.', '-']);
        if is_name {
            Ok(Self(text.to_owned()))
        } else {
            Err(PoolNameError(text.chars().take(Self::MAX_LEN).collect()))
        }
    }
}

impl fmt::Display for PoolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_name_is_a_plain_file_name() {
        for name in ["ib0", "ens1f0np0", "a.b-c_d", "0"] {
            assert_eq!(name.parse::<PoolName>().unwrap().as_str(), name);
        }
        let long = "x".repeat(65);
        for name in ["", ".", "..", ".lock", "-x", "a/b", "a b", "ä", &long] {
            assert!(name.parse::<PoolName>().is_err(), "{name}");
        }
    }

    #[test]
    fn the_monitoring_attribute_is_an_upper_case_word() {
        let attribute = |name: &str| name.parse::<PoolName>().unwrap().attribute();
        assert_eq!(attribute("ib0"), "IB0");
        assert_eq!(attribute("ens1f0.x-y"), "ENS1F0_X_Y");
    }
}
