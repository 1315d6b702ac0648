//! A DNS domain to search.

use std::fmt;
use std::str::FromStr;

/// A domain name of letters, digits, `-` and `_`, labels of 1..=63, at most 253 characters.
///
/// ```text
/// ib.example.org
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DomainName(String);

impl FromStr for DomainName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.strip_suffix('.').unwrap_or(text);
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if name.len() <= 253 && name.split('.').all(is_label) {
            Ok(Self(name.to_ascii_lowercase()))
        } else {
            Err("is no domain name")
        }
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_strict_grammar_passes() {
        let long = format!("{}.org", "a".repeat(64));
        let table = [
            ("ib.example.org", Some("ib.example.org")),
            ("Cluster.LOCAL.", Some("cluster.local")),
            ("_srv.x", Some("_srv.x")),
            ("a..b", None),
            ("", None),
            (".", None),
            ("-a.b", None),
            ("a b", None),
            ("$(reboot)", None),
            ("a\"b", None),
            ("müller.de", None),
            (long.as_str(), None),
        ];
        for (text, expected) in table {
            let parsed = text.parse::<DomainName>().ok().map(|name| name.to_string());
            assert_eq!(parsed.as_deref(), expected, "{text:?}");
        }
    }
}
