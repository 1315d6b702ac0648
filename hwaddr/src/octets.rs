//! Parses and formats octets and hexadecimal numbers for all spellings.
//!
//! ```text
//! 02:00:c0:a8:07:05      groups of one octet, ':'
//! 0200.c0a8.0705         groups of two octets, '.'
//! 0200c0a80705           one group
//! ```
//!
//! All functions work on bytes, and none reads a text beyond its first wrong group, so long or non-ASCII texts cost nothing and
//! are never cut inside a character.

use std::fmt;

/// Parses exactly `N` octets in groups of `width` octets, with `separator` between the groups; each octet is two hexadecimal
/// digits in any case.
pub(crate) fn grouped<const N: usize>(
    text: &str,
    separator: char,
    width: usize,
) -> Option<[u8; N]> {
    let mut octets = [0; N];
    let mut groups = text.split(separator);
    for places in octets.chunks_mut(width) {
        let digits = groups.next()?.as_bytes();
        if digits.len() != 2 * places.len() {
            return None;
        }
        for (place, pair) in places.iter_mut().zip(digits.chunks_exact(2)) {
            *place = octet(pair)?;
        }
    }
    groups.next().is_none().then_some(octets)
}

/// Parses exactly `N` octets without separators.
pub(crate) fn bare<const N: usize>(text: &str) -> Option<[u8; N]> {
    grouped(text, ':', N)
}

/// Parses exactly `N` octets separated by colons, each with or without its leading zero (`2:0:c0:a8:7:5`).
pub(crate) fn unpadded<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut octets = [0; N];
    let mut groups = text.split(':');
    for place in &mut octets {
        *place = octet(groups.next()?.as_bytes())?;
    }
    groups.next().is_none().then_some(octets)
}

/// Parses a number of one to `max_digits` (at most eight) hexadecimal digits, without sign or prefix.
pub(crate) fn hex(text: &str, max_digits: usize) -> Option<u32> {
    let digits = text.as_bytes();
    if digits.is_empty() || digits.len() > max_digits.min(8) {
        return None;
    }
    digits.iter().try_fold(0, |number, digit| {
        Some(number << 4 | u32::from(nibble(*digit)?))
    })
}

/// Returns `text` without its leading `0x` or `0X`, or `None` if it has none.
pub(crate) fn strip_0x(text: &str) -> Option<&str> {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))
}

/// Writes octets in lower case, separated by colons and padded as the format requests.
pub(crate) fn write_colons(f: &mut fmt::Formatter<'_>, octets: &[u8]) -> fmt::Result {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let mut text = String::with_capacity(3 * octets.len());
    for octet in octets {
        if !text.is_empty() {
            text.push(':');
        }
        text.push(DIGITS[usize::from(octet >> 4)]);
        text.push(DIGITS[usize::from(octet & 0xf)]);
    }
    f.pad(&text)
}

/// Parses one octet of one or two digits.
fn octet(digits: &[u8]) -> Option<u8> {
    match *digits {
        [low] => nibble(low),
        [high, low] => Some(nibble(high)? << 4 | nibble(low)?),
        _ => None,
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_any_width_are_read() {
        let expected = Some([0x00, 0x9f, 0xa0, 0xff]);
        assert_eq!(grouped("00:9f:A0:fF", ':', 1), expected);
        assert_eq!(grouped("009f.a0ff", '.', 2), expected);
        assert_eq!(bare("009fa0ff"), expected);
        assert_eq!(unpadded("0:9f:a0:ff"), expected);
    }

    #[test]
    fn the_number_of_groups_and_digits_is_exact() {
        for text in [
            "",
            ":",
            "00:11",
            "00:11:22:",
            ":00:11:22",
            "00:11:2",
            "00:11:222",
            "00::22",
        ] {
            assert_eq!(grouped::<3>(text, ':', 1), None, "{text}");
        }
        for text in ["", "0:1", "0:1:2:3", "0:1:222", "0::2", "0:1:"] {
            assert_eq!(unpadded::<3>(text), None, "{text}");
        }
        for text in ["", "0011", "00112", "0011223", "00:11:22"] {
            assert_eq!(bare::<3>(text), None, "{text}");
        }
    }

    #[test]
    fn only_ascii_digits_count() {
        for text in [
            "+1", "-1", " 1", "1 ", "é", "0g", "0G", "0`", "0@", "0/", "\u{0661}",
        ] {
            assert_eq!(bare::<1>(text), None, "{text}");
            assert_eq!(unpadded::<1>(text), None, "{text}");
            assert_eq!(hex(text, 8), None, "{text}");
        }
    }

    #[test]
    fn numbers_have_a_bounded_length() {
        assert_eq!(hex("", 4), None);
        assert_eq!(hex("0", 4), Some(0));
        assert_eq!(hex("fFfF", 4), Some(0xffff));
        assert_eq!(hex("00000", 4), None);
        assert_eq!(hex("ffffffff", 8), Some(u32::MAX));
        assert_eq!(hex("fffffffff", 100), None);
    }
}
