//! Static routes, and their lists in a context.
//!
//! ```text
//! ETH0_ROUTES='10.0.0.0/8 via 192.168.7.1, 172.16.0.0/12 via 192.168.7.1 dev eth0 metric 50'
//! ETH0_ROUTES='10.0.0.0 255.0.0.0 192.168.7.1'
//! ```
//! The first form is that of `ip route` and OpenNebula 7.2, the second that of earlier releases. In both, a number after the
//! gateway is a metric.

use std::fmt;
use std::iter::Peekable;
use std::net::IpAddr;
use std::str::SplitAsciiWhitespace;

use hwaddr::InterfaceName;
use ipnetwork::IpNetwork;

use super::tokens::{self, parse};

const FORM: &str = "is not a route: expected 'NETWORK via GATEWAY [dev DEVICE] [metric NUMBER]'";

/// A static route: destination and gateway belong to the same family, the destination has no host bits, and the gateway is a
/// host address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    destination: IpNetwork,
    via: IpAddr,
    metric: Option<u32>,
}

impl Route {
    fn new(destination: IpNetwork, via: IpAddr, metric: Option<u32>) -> Result<Self, String> {
        if !tokens::is_host(via) {
            return Err("has a gateway that is not the address of a host".into());
        }
        if destination.is_ipv4() != via.is_ipv4() {
            return Err("has a gateway of another family than its network".into());
        }
        // The kernel rejects a destination with host bits set.
        let network = IpNetwork::new(destination.network(), destination.prefix());
        Ok(Self {
            destination: network.map_err(|_| FORM.to_owned())?,
            via,
            metric,
        })
    }

    /// The destination.
    #[must_use]
    pub const fn destination(&self) -> IpNetwork {
        self.destination
    }

    /// The gateway.
    #[must_use]
    pub const fn via(&self) -> IpAddr {
        self.via
    }

    /// The route's own metric, if any.
    #[must_use]
    pub const fn metric(&self) -> Option<u32> {
        self.metric
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} via {}", self.destination, self.via)?;
        match self.metric {
            Some(metric) => write!(f, " metric {metric}"),
            None => Ok(()),
        }
    }
}

/// A route as written in a context, which may name a device by the name that its author expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrittenRoute {
    pub(super) route: Route,
    pub(super) device: Option<InterfaceName>,
}

/// Parses the text between two commas: one route, or several separated by blanks.
pub(super) fn routes(text: &str) -> Result<Vec<WrittenRoute>, String> {
    let mut words = text.split_ascii_whitespace().peekable();
    let mut routes = Vec::new();
    while let Some(destination) = words.next() {
        routes.push(route(destination, &mut words)?);
    }
    Ok(routes)
}

type Words<'a> = Peekable<SplitAsciiWhitespace<'a>>;

fn route(destination: &str, words: &mut Words) -> Result<WrittenRoute, String> {
    let mut next = || words.next().ok_or_else(|| FORM.to_owned());
    let (mask, gateway) = match next()? {
        "via" => (None, next()?),
        mask => (Some(mask), next()?),
    };
    let via: IpAddr = parse(gateway, FORM)?;
    let destination = match mask {
        None => network(destination, via),
        Some(mask) => masked(destination, mask),
    }
    .ok_or(FORM)?;
    let (mut device, mut metric) = (None, None);
    loop {
        match words.peek().copied() {
            Some("dev") => {
                words.next();
                let name = words.next().unwrap_or_default();
                device = Some(parse(name, "names a device with an invalid name")?);
            }
            Some("metric") => {
                words.next();
                let number = words.next().unwrap_or_default();
                metric = Some(parse(number, "has a metric that is not a number")?);
            }
            // The NIC's addresses decide whether `onlink` is needed.
            Some("onlink") => {
                words.next();
            }
            Some(word) if word.bytes().all(|byte| byte.is_ascii_digit()) => {
                metric = Some(parse(word, "has a metric that is not a number")?);
                words.next();
            }
            _ => break,
        }
    }
    Ok(WrittenRoute {
        route: Route::new(destination, via, metric)?,
        device,
    })
}

fn network(text: &str, via: IpAddr) -> Option<IpNetwork> {
    match (text, via) {
        ("default", IpAddr::V4(_)) => "0.0.0.0/0".parse().ok(),
        ("default", IpAddr::V6(_)) => "::/0".parse().ok(),
        _ => text.parse().ok(),
    }
}

fn masked(address: &str, mask: &str) -> Option<IpNetwork> {
    let address: IpAddr = address.parse().ok()?;
    let length = match (mask, address) {
        ("0.0.0.0" | "0", _) => Some(0),
        (mask, IpAddr::V4(_)) => tokens::prefix4(mask).ok(),
        (mask, IpAddr::V6(_)) => tokens::prefix6(mask).ok(),
    };
    IpNetwork::new(address, length?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let routes = routes(text).ok()?;
        let shown = routes.iter().map(|written| match &written.device {
            Some(device) => format!("{} dev {device}", written.route),
            None => written.route.to_string(),
        });
        Some(shown.collect::<Vec<_>>().join(" | "))
    }

    #[test]
    fn all_forms_of_routes_are_read() {
        let table = [
            (
                "172.16.0.0/12 via 192.168.7.254",
                "172.16.0.0/12 via 192.168.7.254",
            ),
            (
                "172.16.9.9/12   via 192.168.7.254",
                "172.16.0.0/12 via 192.168.7.254",
            ),
            ("10.0.0.7 via 10.0.0.1", "10.0.0.7/32 via 10.0.0.1"),
            ("default via 10.0.0.1", "0.0.0.0/0 via 10.0.0.1"),
            ("default via fe80::1", "::/0 via fe80::1"),
            ("2001:db8::/32 via fe80::1", "2001:db8::/32 via fe80::1"),
            (
                "10.0.0.0/8 via 10.0.0.1 dev eth0",
                "10.0.0.0/8 via 10.0.0.1 dev eth0",
            ),
            (
                "10.0.0.0/8 via 10.0.0.1 metric 50",
                "10.0.0.0/8 via 10.0.0.1 metric 50",
            ),
            (
                "10.0.0.0/8 via 10.0.0.1 dev ib0.8001 metric 50",
                "10.0.0.0/8 via 10.0.0.1 metric 50 dev ib0.8001",
            ),
            (
                "10.0.0.0/8 via 10.0.0.1 metric 50 dev eth0",
                "10.0.0.0/8 via 10.0.0.1 metric 50 dev eth0",
            ),
            ("10.0.0.0/8 via 10.0.0.1 onlink", "10.0.0.0/8 via 10.0.0.1"),
            (
                "10.0.0.0/8 via 10.0.0.1 200",
                "10.0.0.0/8 via 10.0.0.1 metric 200",
            ),
            ("10.0.0.0 255.0.0.0 10.0.0.1", "10.0.0.0/8 via 10.0.0.1"),
            (
                "10.9.9.9 255.0.0.0 10.0.0.1 500",
                "10.0.0.0/8 via 10.0.0.1 metric 500",
            ),
            ("0.0.0.0 0.0.0.0 10.0.0.1", "0.0.0.0/0 via 10.0.0.1"),
            (
                "10.0.0.0/8 via 10.0.0.1 172.16.0.0/12 via 10.0.0.2 metric 5",
                "10.0.0.0/8 via 10.0.0.1 | 172.16.0.0/12 via 10.0.0.2 metric 5",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn invalid_routes_are_refused() {
        for text in [
            "2001:db8::/32 via 10.0.0.1",
            "10.0.0.0/8 via fe80::1",
            "10.0.0.0/33 via 10.0.0.1",
            "10.0.0.0/8 via 0.0.0.0",
            "10.0.0.0/8 via 224.0.0.1",
            "2001:db8::/32 via ff02::1",
            "10.0.0.0/8 via",
            "10.0.0.0/8",
            "10.0.0.0 255.0.0.0",
            "10.0.0.0 255.0.255.0 10.0.0.1",
            "10.0.0.0/8 via gw",
            "10.0.0.0/8 via 10.0.0.1 dev",
            "10.0.0.0/8 via 10.0.0.1 dev a/b",
            "10.0.0.0/8 via 10.0.0.1 dev $(reboot)",
            "10.0.0.0/8 via 10.0.0.1 metric",
            "10.0.0.0/8 via 10.0.0.1 metric -1",
            "10.0.0.0/8 via 10.0.0.1 4294967296",
            "10.0.0.0/8 via 10.0.0.1 src 10.0.0.5",
            "10.0.0.0/8 via 10.0.0.1; reboot",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
