//! VF maps: which VFs a pool has, in the format of the driver of 2013.
//!
//! ```text
//! # [domain] bus slot function
//! 0x07 0x00 0x01
//! 0x0001 0x07 0x00 0x2
//! ```
//!
//! The first VF has index 0, the next 1: comments and blank lines do not count.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use hwaddr::PciAddress;

/// One VF of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapEntry {
    /// Its line, from 1.
    pub line: usize,
    /// The VF.
    pub address: PciAddress,
}

/// Why a map cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct MapError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// Reads a map.
pub fn parse(text: &str) -> Result<Vec<MapEntry>, MapError> {
    let mut entries = Vec::new();
    let mut seen = HashMap::new();
    for (content, line) in text.lines().zip(1..) {
        let content = content.split('#').next().unwrap_or_default().trim();
        if content.is_empty() {
            continue;
        }
        let address = address(content).map_err(|what| MapError { line, what })?;
        if let Some(before) = seen.insert(address, line) {
            return Err(MapError {
                line,
                what: format!("VF '{address}' is already on line {before}"),
            });
        }
        entries.push(MapEntry { line, address });
    }
    Ok(entries)
}

fn address(content: &str) -> Result<PciAddress, String> {
    let columns: Vec<&str> = content.split_whitespace().collect();
    let (domain, [bus, slot, function]) = match columns[..] {
        [bus, slot, function] => ("0", [bus, slot, function]),
        [domain, bus, slot, function] => (domain, [bus, slot, function]),
        _ => {
            return Err(format!(
                "expected 'bus slot function' or 'domain bus slot function', found '{}'",
                content.escape_debug()
            ));
        }
    };
    let octet = |name, text, range: RangeInclusive<u32>| {
        let number = hexadecimal(name, text, &range)?;
        u8::try_from(number).map_err(|error| error.to_string())
    };
    PciAddress::new(
        hexadecimal("domain", domain, &(0..=u32::MAX))?,
        octet("bus", bus, 0..=0xff)?,
        octet("slot", slot, 0..=0x1f)?,
        octet("function", function, 0..=7)?,
    )
    .map_err(|error| error.to_string())
}

fn hexadecimal(name: &str, text: &str, range: &RangeInclusive<u32>) -> Result<u32, String> {
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text);
    let number = u32::from_str_radix(digits, 16)
        .ok()
        .filter(|number| range.contains(number) && !digits.starts_with('+'));
    number.ok_or_else(|| {
        format!(
            "{name} '{}' is not a hexadecimal number up to 0x{:x}",
            text.escape_debug(),
            range.end()
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn maps_of_the_old_driver_and_of_this_one_are_read() {
        let text = "# ib0\n0x07 0x00 0x01\n\n0001 7 1f 2 # last\r\n0X07\t0x00 0x3\n";
        let read: Vec<_> = parse(text).unwrap();
        let read: Vec<_> = read
            .iter()
            .map(|entry| (entry.line, entry.address.to_string()))
            .collect();
        let expected = [
            (2, "0000:07:00.1"),
            (4, "0001:07:1f.2"),
            (5, "0000:07:00.3"),
        ];
        assert_eq!(read, expected.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn an_invalid_line_is_reported() {
        let table = [
            (
                "0x07 0x00 0x01\n0x07 0x00 0x1",
                "line 2: VF '0000:07:00.1' is already on line 1",
            ),
            (
                "0x07 0x00",
                "line 1: expected 'bus slot function' or 'domain bus slot function', found '0x07 0x00'",
            ),
            (
                "\n0x100 0 0",
                "line 2: bus '0x100' is not a hexadecimal number up to 0xff",
            ),
            (
                "0x07 0x20 0",
                "line 1: slot '0x20' is not a hexadecimal number up to 0x1f",
            ),
            (
                "0x07 0x00 8",
                "line 1: function '8' is not a hexadecimal number up to 0x7",
            ),
            (
                "0x07 0x00 ib",
                "line 1: function 'ib' is not a hexadecimal number up to 0x7",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).unwrap_err().to_string(), expected);
        }
    }
}
