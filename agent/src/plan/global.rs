//! What the context says of no NIC in particular: name servers, search domains, OneGate.
//!
//! ```text
//! DNS='10.0.0.2 10.0.0.3'                       user's CONTEXT section
//! SEARCH_DOMAIN='example.org'
//! ONEGATE_ENDPOINT='http://169.254.16.9:5030'   oned, with TOKEN=YES
//! ```
//!
//! The network stacks keep name servers per NIC, so that these go to the first NIC with an address,
//! behind its own and without what another NIC has already. A OneGate with a link-local address is a
//! proxy on the hypervisor: it is reached on the link of the first NIC with a static IPv4 address.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};

use super::model::{Ipv4, NicConfig};
use super::outcome::{Outcome, PlannedNic};
use super::tokens::{is_list_separator, parse};
use super::values::{Origin, Problem, text};
use super::{DomainName, Role};
use crate::context::Context;

/// Gives the NICs what is said of none of them in particular.
pub(super) fn hand_out(
    context: &Context,
    role: Role,
    nics: &mut [PlannedNic],
    notes: &mut Vec<String>,
) {
    onegate(context, nics);
    // Beside one-context these are its own business.
    if role == Role::Companion {
        return;
    }
    let servers = list(context, "DNS", notes, |token| {
        parse::<IpAddr>(token, "is no list of IP addresses")
    });
    let domains = list(context, "SEARCH_DOMAIN", notes, |token| {
        token
            .parse::<DomainName>()
            .map_err(|_| "is no list of domain names".to_owned())
    });
    let servers = new_ones(nics, servers, |config| &config.dns);
    let domains = new_ones(nics, domains, |config| &config.search);
    let Some((origins, config)) = first(nics, |_| true) else {
        return;
    };
    origins.extend(origin("name servers", "DNS", &servers));
    origins.extend(origin("search domains", "SEARCH_DOMAIN", &domains));
    config.dns.extend(servers);
    config.search.extend(domains);
}

/// The first NIC that is configured, its origins and its configuration.
fn first(
    nics: &mut [PlannedNic],
    is_wanted: fn(&NicConfig) -> bool,
) -> Option<(&mut Vec<Origin>, &mut NicConfig)> {
    nics.iter_mut().find_map(|nic| match &mut nic.outcome {
        Outcome::Configure(config) if is_wanted(config) => Some((&mut nic.origins, &mut **config)),
        _ => None,
    })
}

/// Without those that a NIC has already.
fn new_ones<T: Clone + Ord>(
    nics: &[PlannedNic],
    values: Vec<T>,
    of: fn(&NicConfig) -> &Vec<T>,
) -> Vec<T> {
    let configs = nics.iter().filter_map(|nic| match &nic.outcome {
        Outcome::Configure(config) => Some(config),
        _ => None,
    });
    let mut known: BTreeSet<T> = configs.flat_map(|config| of(config)).cloned().collect();
    let mut new = values;
    new.retain(|value| known.insert(value.clone()));
    new
}

fn origin(what: &'static str, from: &str, values: &[impl Display]) -> Option<Origin> {
    let words: Vec<String> = values.iter().map(ToString::to_string).collect();
    (!words.is_empty()).then(|| Origin {
        what,
        value: words.join(", "),
        from: from.to_owned(),
    })
}

fn list<T>(
    context: &Context,
    name: &str,
    notes: &mut Vec<String>,
    parse: fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let Some(value) = context.get(name) else {
        return Vec::new();
    };
    let parsed = text(value).and_then(|text| {
        let tokens = text.split(is_list_separator);
        let tokens = tokens.filter(|token| !token.is_empty());
        tokens.map(parse).collect::<Result<Vec<T>, String>>()
    });
    parsed.unwrap_or_else(|reason| {
        // It is of no NIC, and costs none.
        notes.push(Problem::new(name, value, reason).to_string());
        Vec::new()
    })
}

fn onegate(context: &Context, nics: &mut [PlannedNic]) {
    const NAME: &str = "ONEGATE_ENDPOINT";
    let has_address = |config: &NicConfig| matches!(config.ipv4, Ipv4::Static(_));
    let proxy = context.get(NAME).and_then(proxy);
    let Some((address, (origins, config))) = proxy.zip(first(nics, has_address)) else {
        return;
    };
    origins.push(Origin {
        what: "OneGate on the link",
        value: address.to_string(),
        from: NAME.to_owned(),
    });
    config.onegate = Some(address);
}

/// The link-local IPv4 address in `http://169.254.16.9:5030/path`.
fn proxy(url: &[u8]) -> Option<Ipv4Addr> {
    let (_, rest) = std::str::from_utf8(url)
        .ok()?
        .trim_ascii()
        .split_once("://")?;
    let host = rest.split(['/', ':', '?', '#']).next()?;
    host.parse().ok().filter(Ipv4Addr::is_link_local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_link_local_address_is_a_proxy() {
        let table = [
            ("http://169.254.16.9:5030", Some([169, 254, 16, 9])),
            ("https://169.254.1.1/RPC2", Some([169, 254, 1, 1])),
            ("http://10.0.0.1:5030/RPC2", None),
            ("http://[::1]:5030", None),
            ("http://169.254.16.9.example.org", None),
            ("169.254.16.9", None),
            ("", None),
        ];
        for (url, expected) in table {
            assert_eq!(proxy(url.as_bytes()), expected.map(Ipv4Addr::from), "{url}");
        }
    }
}
