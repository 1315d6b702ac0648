//! The tokens of values: addresses, masks, routes. What does not fit a type is refused here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};

use super::model::Route;

/// The mask where the context has none, as the guest scripts of OpenNebula assume it.
pub(super) const DEFAULT_PREFIX4: u8 = 24;
/// The prefix length of IPv6 where the context has none.
const DEFAULT_PREFIX6: u8 = 64;

/// A prefix length that prints as one.
pub(super) struct Prefix(pub(super) u8);

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

pub(super) fn parse<T: FromStr>(text: &str, reason: &str) -> Result<T, String> {
    text.parse().map_err(|_| reason.to_owned())
}

pub(super) fn is_list_separator(c: char) -> bool {
    c.is_ascii_whitespace() || c == ','
}

pub(super) fn host4(text: &str) -> Result<Ipv4Addr, String> {
    let address: Ipv4Addr = parse(text, "is no IPv4 address")?;
    if is_host4(address) {
        Ok(address)
    } else {
        Err("is no IPv4 address of a host".into())
    }
}

/// Whether an address can be one of a host: not of network 0, loopback, multicast or reserved.
pub(super) fn is_host4(address: Ipv4Addr) -> bool {
    let first = address.octets()[0];
    first != 0 && first != 127 && first < 224
}

pub(super) fn host6(text: &str) -> Result<Ipv6Addr, String> {
    let address: Ipv6Addr = parse(text, "is no IPv6 address")?;
    if is_host(address.into()) {
        Ok(address)
    } else {
        Err("is no IPv6 address of a host".into())
    }
}

fn is_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_host4(address),
        IpAddr::V6(address) => {
            !(address.is_unspecified() || address.is_loopback() || address.is_multicast())
        }
    }
}

/// `192.168.7.5`, or with its own length: `192.168.7.5/24`.
pub(super) fn host_and_prefix4(text: &str) -> Result<Ipv4Network, String> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (host4(address)?, prefix4(length)?),
        None => (host4(text)?, DEFAULT_PREFIX4),
    };
    Ipv4Network::new(address, length).map_err(|_| "is no IPv4 address".into())
}

/// `2001:db8::5`, or with its own length.
pub(super) fn host_and_prefix6(text: &str) -> Result<Ipv6Network, String> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (host6(address)?, prefix6(length)?),
        None => (host6(text)?, DEFAULT_PREFIX6),
    };
    Ipv6Network::new(address, length).map_err(|_| "is no IPv6 address".into())
}

/// `255.255.255.0` or `24`; the one bits must stand together, and there must be one.
pub(super) fn prefix4(text: &str) -> Result<u8, String> {
    let length = match text.parse::<u8>() {
        Ok(length) => Some(length),
        Err(_) => text
            .parse()
            .ok()
            .and_then(|mask| ipnetwork::ipv4_mask_to_prefix(mask).ok()),
    };
    length
        .filter(|length| (1..=32).contains(length))
        .ok_or_else(|| "is no netmask".into())
}

pub(super) fn prefix6(text: &str) -> Result<u8, String> {
    let length = text
        .parse()
        .ok()
        .filter(|length| (1..=128).contains(length));
    length.ok_or_else(|| "is no prefix length of IPv6".into())
}

/// `172.16.0.0/12 via 192.168.7.254`; `default` for everything.
pub(super) fn route(text: &str) -> Result<Route, String> {
    let error = || "is no list of 'NETWORK via GATEWAY'".to_owned();
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [destination, "via", via] = words[..] else {
        return Err(error());
    };
    let via: IpAddr = via.parse().map_err(|_| error())?;
    if !is_host(via) {
        return Err("has a route through an address that is none of a host".into());
    }
    let destination: IpNetwork = match (destination, via) {
        ("default", IpAddr::V4(_)) => "0.0.0.0/0".parse(),
        ("default", IpAddr::V6(_)) => "::/0".parse(),
        _ => destination.parse(),
    }
    .map_err(|_| error())?;
    if destination.is_ipv4() != via.is_ipv4() {
        return Err("has a route whose gateway is of another family".into());
    }
    // The kernel refuses a destination with host bits set.
    let network =
        IpNetwork::new(destination.network(), destination.prefix()).map_err(|_| error())?;
    Ok(Route {
        destination: network,
        via,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn masks_are_lengths_or_contiguous_bits() {
        let table = [
            ("255.255.255.0", Some(24)),
            ("24", Some(24)),
            ("255.255.255.255", Some(32)),
            ("128.0.0.0", Some(1)),
            ("0.0.0.0", None),
            ("0", None),
            ("33", None),
            ("255.255.0.255", None),
            ("255.255.255", None),
            ("$(id)", None),
        ];
        for (text, expected) in table {
            assert_eq!(prefix4(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn routes_lose_their_host_bits_and_keep_their_family() {
        let table = [
            (
                "172.16.0.0/12 via 192.168.7.254",
                Some("172.16.0.0/12 192.168.7.254"),
            ),
            (
                "172.16.9.9/12   via 192.168.7.254",
                Some("172.16.0.0/12 192.168.7.254"),
            ),
            ("10.0.0.7 via 10.0.0.1", Some("10.0.0.7/32 10.0.0.1")),
            ("default via 10.0.0.1", Some("0.0.0.0/0 10.0.0.1")),
            ("default via fe80::1", Some("::/0 fe80::1")),
            ("2001:db8::/32 via fe80::1", Some("2001:db8::/32 fe80::1")),
            ("2001:db8::/32 via 10.0.0.1", None),
            ("10.0.0.0/33 via 10.0.0.1", None),
            ("10.0.0.0/8 via 0.0.0.0", None),
            ("10.0.0.0/8 via 224.0.0.1", None),
            ("2001:db8::/32 via ff02::1", None),
            ("10.0.0.0/8 via", None),
            ("10.0.0.0/8", None),
            ("10.0.0.0/8 via 10.0.0.1 dev eth0", None),
        ];
        for (text, expected) in table {
            let parsed = route(text)
                .ok()
                .map(|route| format!("{} {}", route.destination, route.via));
            assert_eq!(parsed.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn addresses_are_those_of_hosts() {
        for text in [
            "0.0.0.0",
            "127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "10.0.0.256",
            "10.0.0",
            "",
        ] {
            assert!(host_and_prefix4(text).is_err(), "{text}");
        }
        for text in [
            "::",
            "::1",
            "ff02::1",
            "2001:db8::g",
            "fe80::1%eth0",
            "2001:db8::1/129",
        ] {
            assert!(host_and_prefix6(text).is_err(), "{text}");
        }
        assert_eq!(
            host_and_prefix4("10.0.0.5/16").unwrap().to_string(),
            "10.0.0.5/16"
        );
        assert_eq!(
            host_and_prefix6("2001:db8::5").unwrap().to_string(),
            "2001:db8::5/64"
        );
    }
}
