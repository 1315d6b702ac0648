//! The tokens in values: addresses and masks. Invalid ones are rejected here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnetwork::{Ipv4Network, Ipv6Network};

/// The default mask, as in OpenNebula's guest scripts.
pub(super) const DEFAULT_PREFIX4: u8 = 24;
/// The default IPv6 prefix length.
const DEFAULT_PREFIX6: u8 = 64;

/// A prefix length, printed with its slash.
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
    let address: Ipv4Addr = parse(text, "is not an IPv4 address")?;
    if is_host4(address) {
        Ok(address)
    } else {
        Err("is not the IPv4 address of a host".into())
    }
}

/// Whether the address can be a host's: not in network 0, loopback, multicast or reserved.
pub(super) fn is_host4(address: Ipv4Addr) -> bool {
    let first = address.octets()[0];
    first != 0 && first != 127 && first < 224
}

pub(super) fn host6(text: &str) -> Result<Ipv6Addr, String> {
    let address: Ipv6Addr = parse(text, "is not an IPv6 address")?;
    if is_host(address.into()) {
        Ok(address)
    } else {
        Err("is not the IPv6 address of a host".into())
    }
}

/// Whether the address can be a host's.
pub(super) fn is_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_host4(address),
        IpAddr::V6(address) => {
            !(address.is_unspecified() || address.is_loopback() || address.is_multicast())
        }
    }
}

/// Parses `192.168.7.5`, or with a prefix length: `192.168.7.5/24`.
pub(super) fn host_and_prefix4(text: &str) -> Result<Ipv4Network, String> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (host4(address)?, prefix4(length)?),
        None => (host4(text)?, DEFAULT_PREFIX4),
    };
    Ipv4Network::new(address, length).map_err(|_| "is not an IPv4 address".into())
}

/// Parses `2001:db8::5`, or with a prefix length.
pub(super) fn host_and_prefix6(text: &str) -> Result<Ipv6Network, String> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (host6(address)?, prefix6(length)?),
        None => (host6(text)?, DEFAULT_PREFIX6),
    };
    Ipv6Network::new(address, length).map_err(|_| "is not an IPv6 address".into())
}

/// Parses `255.255.255.0` or `24`; the one bits must be contiguous, and there must be at least one.
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
        .ok_or_else(|| "is not a netmask".into())
}

pub(super) fn prefix6(text: &str) -> Result<u8, String> {
    let length = text
        .parse()
        .ok()
        .filter(|length| (1..=128).contains(length));
    length.ok_or_else(|| "is not an IPv6 prefix length".into())
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
    fn only_host_addresses_are_accepted() {
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
