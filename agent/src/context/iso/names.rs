//! Plain ISO 9660 names and Joliet names.
//!
//! ```text
//! 43 4f 4e 54 45 58 54 2e 53 48 3b 31            "CONTEXT.SH;1"  ECMA-119 7.5: name . extension ; version
//! 00 63 00 6f 00 6e 00 74 00 65 00 78 00 74 ...  "context..."    Joliet: UCS-2, big-endian
//! ```
//! A name without extension keeps its dot (`README.;1`). The Joliet specification requires the version, too, but most writers
//! omit it.

/// Whether a plain identifier is this name, ignoring version, trailing dot and case.
pub(super) fn plain_is(identifier: &[u8], name: &str) -> bool {
    let identifier = without_version(identifier, |byte| u16::from(*byte));
    let identifier = identifier.strip_suffix(b".").unwrap_or(identifier);
    identifier.eq_ignore_ascii_case(name.as_bytes())
}

/// Whether a Joliet identifier is exactly this name, ignoring a version.
pub(super) fn joliet_is(identifier: &[u8], name: &str) -> bool {
    // An identifier with an odd number of bytes is not UCS-2.
    let Some(units) = ucs2(identifier) else {
        return false;
    };
    name.encode_utf16()
        .eq(without_version(&units, |unit| *unit).iter().copied())
}

/// Decodes a label with one byte per character.
pub(super) fn plain_label(field: &[u8]) -> String {
    clean(&String::from_utf8_lossy(field))
}

/// Decodes a label with two bytes per character; an odd byte at its end is padding.
pub(super) fn joliet_label(field: &[u8]) -> String {
    let even = field.len() & !1;
    let units = field.get(..even).and_then(ucs2).unwrap_or_default();
    clean(&String::from_utf16_lossy(&units))
}

fn ucs2(bytes: &[u8]) -> Option<Vec<u16>> {
    let (pairs, odd) = bytes.as_chunks();
    odd.is_empty()
        .then(|| pairs.iter().copied().map(u16::from_be_bytes).collect())
}

fn clean(label: &str) -> String {
    label
        .trim_matches([' ', '\0'])
        .chars()
        .map(|char| {
            if char.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                char
            }
        })
        .collect()
}

/// Strips a trailing `;` and version number.
fn without_version<T>(identifier: &[T], unit: impl Fn(&T) -> u16) -> &[T] {
    let is = |item: &T, char: u8| unit(item) == u16::from(char);
    let is_digit = |item: &T| (b'0'..=b'9').any(|digit| is(item, digit));
    identifier
        .iter()
        .rposition(|item| is(item, b';'))
        .and_then(|at| identifier.split_at_checked(at))
        .filter(|(_, version)| version.iter().skip(1).all(is_digit))
        .map_or(identifier, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(name: &str) -> Vec<u8> {
        name.encode_utf16().flat_map(u16::to_be_bytes).collect()
    }

    #[test]
    fn plain_names_lose_version_final_dot_and_case() {
        for identifier in [
            "CONTEXT.SH;1",
            "CONTEXT.SH",
            "context.sh;32767",
            "Context.Sh;",
        ] {
            assert!(
                plain_is(identifier.as_bytes(), "context.sh"),
                "{identifier}"
            );
        }
        assert!(plain_is(b"README.;1", "readme"));
        assert!(plain_is(b"README.", "readme"));
        for identifier in ["CONTEXT.S;1", "XCONTEXT.SH;1", "CONTEXT.SH;A", ";1", ""] {
            assert!(
                !plain_is(identifier.as_bytes(), "context.sh"),
                "{identifier}"
            );
        }
    }

    #[test]
    fn joliet_names_are_exact_apart_from_a_version() {
        assert!(joliet_is(&wide("context.sh"), "context.sh"));
        assert!(joliet_is(&wide("context.sh;1"), "context.sh"));
        assert!(joliet_is(&wide("n\u{e9}t\u{1f600}"), "n\u{e9}t\u{1f600}"));
        assert!(!joliet_is(&wide("Context.sh"), "context.sh"));
        assert!(!joliet_is(&wide("context.sh;1x"), "context.sh"));
        assert!(!joliet_is(b"context.sh", "context.sh"));
        assert!(!joliet_is(b"\0c\0", "c"));
    }

    #[test]
    fn labels_are_trimmed_and_safe_to_print() {
        assert_eq!(plain_label(b"CONTEXT                         "), "CONTEXT");
        assert_eq!(plain_label(b"\0\0\0"), "");
        assert_eq!(
            plain_label(b"A\n\x1b[2J\xff \0"),
            "A\u{fffd}\u{fffd}[2J\u{fffd}"
        );
        assert_eq!(joliet_label(&wide("CONTEXT  ")), "CONTEXT");
        assert_eq!(joliet_label(b"\0A\0B\0"), "AB");
        assert_eq!(joliet_label(b"\xd8\0\0B"), "\u{fffd}B");
    }
}
