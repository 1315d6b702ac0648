//! Variables of the context that are not for a single NIC: name servers, search domains, OneGate.
//!
//! ```text
//! DNS='10.0.0.2 10.0.0.3'                       CONTEXT section of the VM template
//! SEARCH_DOMAIN='example.org'
//! ONEGATE_ENDPOINT='http://169.254.16.9:5030'   oned, with TOKEN=YES
//! ```
//!
//! Network stacks keep name servers per NIC, so these go to the first NIC with an address, before its own, as in one-context's
//! `resolv.conf`. A link-local one goes to the NIC whose link it names. A OneGate with a link-local address is a proxy on the
//! hypervisor, reached on the link of the first NIC with a static IPv4 address.

use std::fmt::Display;
use std::net::Ipv4Addr;
use std::str::FromStr;

use super::model::{Ipv4, NicConfig};
use super::name_server::NameServer;
use super::outcome::{Outcome, PlannedNic};
use super::tokens::is_list_separator;
use super::values::{BadValue, FoundValue, Origin, list};
use super::{Role, SearchDomain};
use crate::context::Context;
use crate::inventory::Inventory;

/// Adds these variables to NICs, and returns the bad values.
pub(super) fn hand_out(
    context: &Context,
    role: Role,
    inventory: &Inventory,
    nics: &mut [PlannedNic],
) -> Vec<BadValue> {
    onegate(context, nics);
    // one-context sets these itself.
    if role == Role::Companion {
        return Vec::new();
    }
    let (servers, mut problems) = values::<NameServer>(context, "DNS");
    let (domains, bad_domains) = values::<SearchDomain>(context, "SEARCH_DOMAIN");
    problems.extend(bad_domains);
    // In reverse, because each is inserted before the others.
    for server in servers.into_iter().rev() {
        if let Err(problem) = hand_out_server(&server, inventory, nics) {
            problems.push(problem);
        }
    }
    if let Some((origins, config)) = first(nics, |_, _| true) {
        let what = "search domains";
        origins.extend(
            (!domains.is_empty()).then(|| Origin::new(what, joined(&domains), "SEARCH_DOMAIN")),
        );
        config.search.retain(|domain| !domains.contains(domain));
        config.search.splice(0..0, domains);
    }
    problems
}

/// Parses a list of the context. Returns the values without duplicates, and the bad values.
fn values<T>(context: &Context, name: &str) -> (Vec<T>, Vec<BadValue>)
where
    T: FromStr<Err = &'static str> + PartialEq,
{
    let Some(value) = context.get(name) else {
        return (Vec::new(), Vec::new());
    };
    list(&FoundValue { name, value }, is_list_separator, |token| {
        let value = token.parse().map_err(str::to_owned)?;
        Ok(vec![value])
    })
}

fn joined(values: &[impl Display]) -> String {
    let words: Vec<String> = values.iter().map(ToString::to_string).collect();
    words.join(", ")
}

/// Inserts a name server before those of the first NIC, or of the NIC whose link it names. If no such link exists, the first NIC
/// is used, because the author of the context may have expected other device names.
fn hand_out_server(
    server: &NameServer,
    inventory: &Inventory,
    nics: &mut [PlannedNic],
) -> Result<(), BadValue> {
    let link = server.link.as_ref();
    let link = link.filter(|name| inventory.by_name(name).is_some());
    let is_its = |nic: &PlannedNic, _: &NicConfig| {
        let own = nic.device.as_ref();
        link.is_none() || own.is_some_and(|device| Some(&device.name) == link)
    };
    match first(nics, is_its) {
        Some((origins, config)) => {
            origins.push(Origin::new("name server", server.to_string(), "DNS"));
            config.dns.retain(|own| *own != server.address);
            config.dns.insert(0, server.address);
            Ok(())
        }
        None if link.is_none() => Ok(()),
        None => {
            let reason = "names a link that is not configured";
            Err(BadValue::new("DNS", server.to_string().as_bytes(), reason))
        }
    }
}

/// Returns the origins and the configuration of the first configured NIC that fits.
fn first(
    nics: &mut [PlannedNic],
    fits: impl Fn(&PlannedNic, &NicConfig) -> bool,
) -> Option<(&mut Vec<Origin>, &mut NicConfig)> {
    let is_wanted = |nic: &PlannedNic| match &nic.outcome {
        Outcome::Configure(config) => fits(nic, config),
        _ => false,
    };
    let nic = nics.iter_mut().find(|nic| is_wanted(nic))?;
    match &mut nic.outcome {
        Outcome::Configure(config) => Some((&mut nic.origins, &mut **config)),
        _ => None,
    }
}

fn onegate(context: &Context, nics: &mut [PlannedNic]) {
    const NAME: &str = "ONEGATE_ENDPOINT";
    let has_address = |_: &PlannedNic, config: &NicConfig| matches!(config.ipv4, Ipv4::Static(_));
    let proxy = context.get(NAME).and_then(proxy);
    let Some((address, (origins, config))) = proxy.zip(first(nics, has_address)) else {
        return;
    };
    origins.push(Origin::new(
        "OneGate on the link",
        address.to_string(),
        NAME,
    ));
    config.onegate = Some(address);
}

/// Returns the link-local IPv4 address in `http://169.254.16.9:5030/path`.
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
