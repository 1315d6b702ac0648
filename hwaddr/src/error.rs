//! Why a text or a number is not an address.
//!
//! A message is one line that names the kind of value and quotes the text:
//!
//! ```text
//! invalid MAC address 'zz': expected six octets
//! invalid MAC address '01:00:5e:00:00:01': it is a multicast address
//! ```

use std::fmt::{self, Display, Write as _};

/// Why a type rejects a value.
///
/// The cases need different remedies: a [`Malformed`](Self::Malformed) text is a typing error or in the wrong place; a
/// [`Refused`](Self::Refused) one is well-formed, but no NIC can have it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The text is in none of its type's spellings.
    #[error("invalid {kind} '{text}': expected {expected}")]
    Malformed {
        /// What the text should be.
        kind: ValueKind,
        /// The text, as much of it as is safe and useful to show.
        text: Excerpt,
        /// The expected form.
        expected: &'static str,
    },
    /// The text or number is well-formed, but its value is not allowed.
    #[error("invalid {kind} '{text}': {reason}")]
    Refused {
        /// What the value should be.
        kind: ValueKind,
        /// The value, as much of it as is safe and useful to show.
        text: Excerpt,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl AddressError {
    pub(crate) fn malformed(kind: ValueKind, text: impl Display, expected: &'static str) -> Self {
        Self::Malformed {
            kind,
            text: Excerpt::of(text),
            expected,
        }
    }

    pub(crate) fn refused(kind: ValueKind, text: impl Display, reason: &'static str) -> Self {
        Self::Refused {
            kind,
            text: Excerpt::of(text),
            reason,
        }
    }

    /// What the value should be.
    #[must_use]
    pub fn kind(&self) -> ValueKind {
        match self {
            Self::Malformed { kind, .. } | Self::Refused { kind, .. } => *kind,
        }
    }
}

/// The kinds of values that this crate parses, displayed as in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ValueKind {
    /// A [`MacAddress`](crate::MacAddress).
    MacAddress,
    /// A [`DummyMac`](crate::DummyMac).
    DummyMac,
    /// A [`DummyPrefix`](crate::DummyPrefix).
    DummyPrefix,
    /// A [`Key`](crate::Key).
    Key,
    /// A [`Guid`](crate::Guid).
    Guid,
    /// An [`IpoibAddress`](crate::IpoibAddress).
    IpoibAddress,
    /// A [`PciAddress`](crate::PciAddress).
    PciAddress,
    /// A [`Pkey`](crate::Pkey).
    Pkey,
    /// An [`InterfaceName`](crate::InterfaceName).
    InterfaceName,
}

impl Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::MacAddress => "MAC address",
            Self::DummyMac => "dummy MAC address",
            Self::DummyPrefix => "dummy MAC prefix",
            Self::Key => "NIC key",
            Self::Guid => "GUID",
            Self::IpoibAddress => "IPoIB address",
            Self::PciAddress => "PCI address",
            Self::Pkey => "P_Key",
            Self::InterfaceName => "interface name",
        })
    }
}

/// The start of an invalid text, in a form that fits in one line of a log.
///
/// Control characters, line ends, quotes and invisible characters are escaped as in a Rust string literal. After 64 characters,
/// the text is truncated and `...` is added; escapes are not split.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Excerpt(String);

impl Excerpt {
    /// How many characters of a longer text precede the `...`.
    const LIMIT: usize = 64;

    fn of(text: impl Display) -> Self {
        let mut excerpt = Gatherer {
            text: String::new(),
            room: Self::LIMIT,
        };
        if write!(excerpt, "{text}").is_err() {
            excerpt.text.push_str("...");
        }
        Self(excerpt.text)
    }

    /// The excerpt as a string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Collects escaped characters until it is full; then its error stops a long text from being written further.
struct Gatherer {
    text: String,
    room: usize,
}

impl fmt::Write for Gatherer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            let escaped = character.escape_debug();
            self.room = self.room.checked_sub(escaped.len()).ok_or(fmt::Error)?;
            self.text.extend(escaped);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Excerpt::of(text).to_string()
    }

    #[test]
    fn messages_name_the_object_and_quote_the_text() {
        assert_eq!(
            AddressError::malformed(ValueKind::MacAddress, "zz", "six octets").to_string(),
            "invalid MAC address 'zz': expected six octets"
        );
        let refused = AddressError::refused(ValueKind::Pkey, "0x8000", "no partition");
        assert_eq!(refused.to_string(), "invalid P_Key '0x8000': no partition");
        assert_eq!(refused.kind(), ValueKind::Pkey);
    }

    #[test]
    fn a_text_of_64_characters_is_shown_whole() {
        let whole = "x".repeat(64);
        assert_eq!(shown(&whole), whole);
        assert_eq!(shown(""), "");
    }

    #[test]
    fn longer_texts_are_cut() {
        assert_eq!(shown(&"x".repeat(65)), "x".repeat(64) + "...");
        assert_eq!(shown(&"é".repeat(1_000_000)), "é".repeat(64) + "...");
    }

    #[test]
    fn an_escape_is_never_cut_in_two() {
        let text = "x".repeat(63) + "\n";
        assert_eq!(shown(&text), "x".repeat(63) + "...");
    }

    #[test]
    fn control_characters_and_quotes_are_escaped() {
        assert_eq!(shown("a\nb\r\0\t"), r"a\nb\r\0\t");
        assert_eq!(shown("'; rm"), r"\'; rm");
        assert_eq!(shown("\u{1b}[2J"), r"\u{1b}[2J");
        // Right-to-left override, line separator, zero width space.
        assert_eq!(
            shown("\u{202e}\u{2028}\u{200b}"),
            r"\u{202e}\u{2028}\u{200b}"
        );
    }
}
