//! Names of network interfaces.
//!
//! ```text
//! /sys/class/net/ibp1s0f2/address
//! /etc/sysconfig/network-scripts/ifcfg-ib0.8001
//! ```

use std::fmt;
use std::str::FromStr;

use crate::{AddressError, ValueKind};

/// The name of a network interface: 1 to 15 bytes of ASCII letters, digits, `_`, `.` and `-`, which starts with neither `.` nor
/// `-` and is not all digits.
///
/// This is stricter than the kernel, which accepts any 1 to 15 bytes (`IFNAMSIZ` minus the terminating zero) except `.`, `..`,
/// and names with a slash, a colon or white space (`dev_valid_name` in `net/core/dev.c`). A name becomes part of a file name, a
/// word in files that a shell reads, and an argument of commands, so it must not look like a hidden file, an option, a quote or
/// an interface *number*. All usual names from drivers and udev are valid; any other name is an error, so that the device is
/// reported and not managed.
///
/// An alias such as `eth0:1` is not an interface, so it is not a valid name.
///
/// ```
/// use hwaddr::InterfaceName;
///
/// let name: InterfaceName = "ib0.8001".parse()?;
/// assert_eq!(name.as_str(), "ib0.8001");
/// assert!("../passwd".parse::<InterfaceName>().is_err());
/// # Ok::<(), hwaddr::AddressError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceName(String);

impl InterfaceName {
    /// The maximum length in bytes: `IFNAMSIZ` of the kernel's `include/uapi/linux/if.h`, minus the terminating zero.
    pub const MAX_LEN: usize = 15;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InterfaceName {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let refused = |reason| {
            Err(AddressError::refused(
                ValueKind::InterfaceName,
                text,
                reason,
            ))
        };
        if text.is_empty() || text.len() > Self::MAX_LEN || !text.bytes().all(is_allowed) {
            Err(AddressError::malformed(
                ValueKind::InterfaceName,
                text,
                "1 to 15 letters, digits, '_', '.' or '-'",
            ))
        } else if text.starts_with(['.', '-']) {
            refused("a name must not begin with '.' or '-'")
        } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
            refused("a name of digits only would be read as an interface number")
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

impl AsRef<str> for InterfaceName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_given_by_drivers_and_udev_are_read() {
        for text in [
            "lo",
            "ib0",
            "eth0",
            "ib0.8001",
            "ibp1s0f2",
            "ibs6v1",
            "enp129s0f0np0",
            "enx0200c0a80705",
            "one-12-0",
            "br_lan",
            "_",
            "0a",
            "123456789abcdef",
        ] {
            let name: InterfaceName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
            assert_eq!(AsRef::<str>::as_ref(&name), name.as_str());
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in [
            "",
            "123456789abcdefg",
            "a/b",
            "../x",
            "eth0:1",
            "eth 0",
            "eth0\n",
            "eth0\0",
            "$(id)",
            "'",
            "*",
            "é",
            "%d",
        ] {
            let error = text.parse::<InterfaceName>().unwrap_err();
            assert!(matches!(error, AddressError::Malformed { .. }), "{text}");
        }
    }

    #[test]
    fn names_with_a_special_meaning_elsewhere_are_refused() {
        for (text, reason) in [
            (".", "a name must not begin with '.' or '-'"),
            ("..", "a name must not begin with '.' or '-'"),
            (".eth0", "a name must not begin with '.' or '-'"),
            ("-rf", "a name must not begin with '.' or '-'"),
            (
                "0",
                "a name of digits only would be read as an interface number",
            ),
            (
                "42",
                "a name of digits only would be read as an interface number",
            ),
        ] {
            assert_eq!(
                text.parse::<InterfaceName>().unwrap_err().to_string(),
                format!("invalid interface name '{text}': {reason}")
            );
        }
    }
}
