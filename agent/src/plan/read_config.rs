//! Reads the configuration of one NIC from its variables.

use std::net::IpAddr;

use hwaddr::InterfaceName;

use super::model::{Ipv4, Ipv6, NicConfig, Route};
use super::name_server::NameServer;
use super::route::{WrittenRoute, routes as parse_routes};
use super::source::ValueSource;
use super::tokens::is_list_separator;
use super::values::{BadValue, Origin, Values};
use super::{SearchDomain, addresses, link};
pub(super) struct ReadConfig {
    pub(super) config: NicConfig,
    /// Where each value came from.
    pub(super) origins: Vec<Origin>,
    /// Bad values that are ignored.
    pub(super) left_out: Vec<BadValue>,
    pub(super) notes: Vec<String>,
}

/// Reads the configuration of a NIC.
///
/// If a value that the addresses need is bad, the NIC is not configured, and all bad values are reported.
pub(super) fn read_config(source: &ValueSource) -> Result<ReadConfig, Vec<BadValue>> {
    let mut values = Values::new(source.context, &source.layers);
    let mut config = NicConfig::default();
    let lost_an_address = addresses::read(&mut values, source, &mut config);
    link::read(&mut values, source, &mut config);
    config.dns = name_servers(&mut values, source);
    config.search = values.extras(
        "search domains",
        &["SEARCH_DOMAIN"],
        is_list_separator,
        |token| {
            let domain = token.parse::<SearchDomain>().map_err(str::to_owned)?;
            Ok(vec![domain])
        },
    );
    config.routes = routes(&mut values, source);
    // A route of a family that the NIC does not use is useless.
    let (has4, has6) = (
        config.ipv4 != Ipv4::None,
        !matches!(config.ipv6, Ipv6::None | Ipv6::Disabled),
    );
    config
        .routes
        .retain(|route| if route.via().is_ipv4() { has4 } else { has6 });
    // An error keeps the files of an earlier run; they must not be removed because of a misspelled address.
    let is_costly = !values.problems.is_empty() || (config.is_empty() && lost_an_address);
    if is_costly {
        let mut problems = values.problems;
        problems.extend(values.left_out);
        return Err(problems);
    }
    Ok(ReadConfig {
        config,
        origins: values.origins,
        left_out: values.left_out,
        notes: values.notes,
    })
}

/// Reads the name servers. A link-local one is reached on the link of the NIC whose variable lists it.
fn name_servers(values: &mut Values, source: &ValueSource) -> Vec<IpAddr> {
    let servers = values.extras("name servers", &["DNS"], is_list_separator, |token| {
        let server: NameServer = token.parse().map_err(str::to_owned)?;
        match &server.link {
            Some(link) if source.is_elsewhere(link) => Err("names the link of another NIC".into()),
            _ => Ok(vec![server]),
        }
    });
    let mut addresses = Vec::new();
    for server in servers {
        if !addresses.contains(&server.address) {
            addresses.push(server.address);
        }
    }
    addresses
}

/// Reads `ROUTES`. The routes use the NIC whose variable lists them, as in one-context's own renderers.
fn routes(values: &mut Values, source: &ValueSource) -> Vec<Route> {
    let mut elsewhere = Vec::new();
    let routes = values.extras(
        "routes",
        &["ROUTES"],
        |c| c == ',' || c == '\n',
        |token| {
            let written = parse_routes(token)?;
            elsewhere.extend(written.iter().filter_map(|WrittenRoute { route, device }| {
                let device = device.as_ref().filter(|name| source.is_elsewhere(name))?;
                Some((*route, device.clone()))
            }));
            Ok(written.into_iter().map(|written| written.route).collect())
        },
    );
    let own = source.device.map_or("it", InterfaceName::as_str);
    values
        .notes
        .extend(elsewhere.into_iter().map(|(route, device)| {
        format!(
            "route {route} names '{device}', but goes through '{own}', whose variable contains it"
        )
    }));
    routes
}
