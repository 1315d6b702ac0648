//! A DNS domain to search.

use std::fmt;
use std::str::FromStr;

/// A domain of letters, digits, `-` and `_`, with labels of 1 to 63 and at most 253 characters, in lower case; or the root.
///
/// ```text
/// ib.example.org    a search domain, whose names are resolved by this NIC's servers
/// .                 the root: no search domain (resolv.conf(5))
/// ~example.org      routing only, not for searching (systemd.network(5), nm-settings(5))
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchDomain {
    /// Without a trailing dot; empty for the root.
    name: String,
    is_routing_only: bool,
}

impl SearchDomain {
    /// Whether the domain is routing-only, which `resolv.conf` does not support.
    #[must_use]
    pub const fn is_routing_only(&self) -> bool {
        self.is_routing_only
    }
}

impl FromStr for SearchDomain {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (is_routing_only, domain) = match text.strip_prefix('~') {
            Some(domain) => (true, domain),
            None => (false, text),
        };
        let name = domain.strip_suffix('.').unwrap_or(domain);
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if domain == "." || (name.len() <= 253 && name.split('.').all(is_label)) {
            Ok(Self {
                name: name.to_ascii_lowercase(),
                is_routing_only,
            })
        } else {
            Err("is not a domain name")
        }
    }
}

impl fmt::Display for SearchDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_routing_only {
            f.write_str("~")?;
        }
        f.write_str(if self.name.is_empty() {
            "."
        } else {
            &self.name
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_domain_names_are_accepted() {
        let long = format!("{}.org", "a".repeat(64));
        let table = [
            ("ib.example.org", Some("ib.example.org")),
            ("Cluster.LOCAL.", Some("cluster.local")),
            ("_srv.x", Some("_srv.x")),
            (".", Some(".")),
            ("~example.org", Some("~example.org")),
            ("~.", Some("~.")),
            ("a..b", None),
            ("..", None),
            ("", None),
            ("~", None),
            ("~~a", None),
            ("a.~b", None),
            ("-a.b", None),
            ("a b", None),
            ("it's.example", None),
            ("$(reboot)", None),
            ("a\"b", None),
            ("müller.de", None),
            (long.as_str(), None),
        ];
        for (text, expected) in table {
            let parsed = text.parse::<SearchDomain>().ok();
            let shown = parsed.map(|domain| domain.to_string());
            assert_eq!(shown.as_deref(), expected, "{text:?}");
        }
    }
}
