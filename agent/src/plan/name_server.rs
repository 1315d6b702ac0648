//! A name server, as written in a context.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use hwaddr::InterfaceName;

/// An address; a link-local IPv6 address may name its link (RFC 4007).
///
/// ```text
/// 10.0.0.2
/// 2001:db8::53
/// fe80::1%eth0
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NameServer {
    pub(super) address: IpAddr,
    /// The link, by the device name that the author of the context expects.
    pub(super) link: Option<InterfaceName>,
}

impl FromStr for NameServer {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const NONE: &str = "is not an IP address";
        let (address, link) = match text.split_once('%') {
            Some((address, link)) => (address, Some(link)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NONE)?;
        let link = link.map(str::parse).transpose();
        let link = link.map_err(|_| "names a link with an invalid name")?;
        if link.is_some() && !is_link_local(address) {
            return Err("names a link, but only a link-local IPv6 address has one");
        }
        Ok(Self { address, link })
    }
}

/// Whether the address exists on every link, so the link must be given, too.
pub(crate) fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

impl fmt::Display for NameServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        match &self.link {
            Some(link) => write!(f, "%{link}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_link_local_address_can_name_a_link() {
        let table = [
            ("10.0.0.2", true),
            ("2001:db8::53", true),
            ("fe80::1", true),
            ("fe80::1%eth0", true),
            ("fe80::1%ib0.8001", true),
            ("fe80::1%", false),
            ("fe80::1%a/b", false),
            ("fe80::1%eth0%eth1", false),
            ("fe80::1%$(reboot)", false),
            ("2001:db8::53%eth0", false),
            ("10.0.0.2%eth0", false),
            ("ns1.example.org", false),
            ("a;b", false),
            ("", false),
        ];
        for (text, is_one) in table {
            let parsed = text.parse::<NameServer>().ok();
            let shown = parsed.map(|server| server.to_string());
            assert_eq!(shown.as_deref(), is_one.then_some(text), "{text:?}");
        }
    }
}
