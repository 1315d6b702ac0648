//! The file of a PF: the number of VFs, and whether the host's driver binds them.
//!
//! ```text
//! # /etc/one-sriov/vfs/ib0
//! 8 autoprobe=off
//! ```

use std::str::FromStr;

/// The content of a file of `/etc/one-sriov/vfs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedVfs {
    /// How many VFs.
    pub number: u32,
    /// Whether the host's driver binds them; `None` keeps the kernel's setting.
    pub autoprobe: Option<bool>,
}

/// Why such a file is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WantedError {
    /// It has only comments.
    #[error("expected a number of VFs, found none")]
    Empty,
    /// A second line.
    #[error("line {0}: expected one line with a number of VFs, found another")]
    Second(usize),
    /// A wrong line.
    #[error(
        "line {line}: expected a number of VFs, and optionally autoprobe=on or autoprobe=off, found '{}'",
        found.escape_debug()
    )]
    Line {
        /// Its number, from 1.
        line: usize,
        /// The start of its text.
        found: String,
    },
}

impl FromStr for WantedVfs {
    type Err = WantedError;

    fn from_str(text: &str) -> Result<Self, WantedError> {
        let mut wanted = None;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            if wanted.is_some() {
                return Err(WantedError::Second(number));
            }
            let wrong = || WantedError::Line {
                line: number,
                found: line.chars().take(40).collect(),
            };
            wanted = Some(parse(line).ok_or_else(wrong)?);
        }
        wanted.ok_or(WantedError::Empty)
    }
}

fn parse(line: &str) -> Option<WantedVfs> {
    let mut words = line.split_ascii_whitespace();
    let number = words.next()?;
    // `u32` would accept '+8', too.
    let is_decimal = number.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_decimal.then(|| number.parse().ok()).flatten()?;
    let autoprobe = match words.next() {
        None => None,
        Some("autoprobe=on") => Some(true),
        Some("autoprobe=off") => Some(false),
        Some(_) => return None,
    };
    words
        .next()
        .is_none()
        .then_some(WantedVfs { number, autoprobe })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_number_and_comments() {
        let read = |text: &str| text.parse::<WantedVfs>().map(|w| (w.number, w.autoprobe));
        let table = [
            ("8\n", (8, None)),
            ("8", (8, None)),
            (" 0 \r\n", (0, None)),
            ("# the first port\n\n8 # of 16\n", (8, None)),
            ("8 autoprobe=off\n", (8, Some(false))),
            ("16\tautoprobe=on\n", (16, Some(true))),
        ];
        for (text, expected) in table {
            assert_eq!(read(text), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn anything_else_is_reported_with_its_line() {
        let line = |line, found: &str| WantedError::Line {
            line,
            found: found.into(),
        };
        let table = [
            ("", WantedError::Empty),
            ("# 8\n", WantedError::Empty),
            ("8\n16\n", WantedError::Second(2)),
            ("eight\n", line(1, "eight")),
            ("\n-1\n", line(2, "-1")),
            ("+8\n", line(1, "+8")),
            ("0x8\n", line(1, "0x8")),
            ("4294967296\n", line(1, "4294967296")),
            ("8 autoprobe=no\n", line(1, "8 autoprobe=no")),
            ("8 autoprobe=on 9\n", line(1, "8 autoprobe=on 9")),
            ("8; reboot\n", line(1, "8; reboot")),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<WantedVfs>(), Err(expected), "{text:?}");
        }
    }
}
