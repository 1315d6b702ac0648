//! The configuration of one NIC, read from its variables.

use std::net::Ipv4Addr;

use hwaddr::Pkey;
use ipnetwork::{Ipv4Network, Ipv6Network};

use super::context_nics::EthNic;
use super::model::{Infiniband, Ipv4, Ipv6, NicConfig, TransportMode};
use super::tokens::{
    DEFAULT_PREFIX4, Prefix, host_and_prefix4, host_and_prefix6, host4, host6, is_list_separator,
    parse, prefix4, prefix6, route,
};
use super::values::{Origin, Values, text};
use super::{DomainName, Problem, VlanId};
use crate::context::Context;

/// The smallest MTU of IPv4 (RFC 791); below it nothing works.
const SMALLEST_MTU: u32 = 68;
const LARGEST_ETHERNET_MTU: u32 = 65_535;

/// Which variables a NIC has and what it is.
pub(super) struct Source<'a> {
    pub(super) context: &'a Context,
    /// Prefixes of variable names, the strongest first.
    pub(super) layers: Vec<String>,
    /// `ETH<k>` among the layers, for its aliases.
    pub(super) eth: Option<(u32, &'a EthNic)>,
    pub(super) infiniband: bool,
    /// Whether the guest tags an Ethernet NIC's VLAN itself: the host cannot for one passed through.
    pub(super) tags: bool,
    /// The IPv4 address in the dummy MAC; only where the context knows no NIC with that key.
    pub(super) decoded: Option<Ipv4Addr>,
}

/// Reads the configuration of a NIC, and where each value came from.
///
/// All problems are told at once; with one, the NIC is not configured.
pub(super) fn read_config(source: &Source) -> Result<(NicConfig, Vec<Origin>), Vec<Problem>> {
    let mut values = Values::new(source.context, &source.layers);
    let mut config = NicConfig::default();
    if let Some((index, nic)) = source
        .eth
        .filter(|(_, nic)| nic.aliases.len() > MOST_ALIASES)
    {
        let number = nic.aliases.len().to_string();
        let reason = format!("aliases are more than {MOST_ALIASES}");
        let name = format!("ETH{index}_ALIAS<m>");
        return Err(vec![Problem::new(&name, number.as_bytes(), reason)]);
    }
    let method4 = ipv4(&mut values, source, &mut config);
    ipv6(&mut values, source, method4, &mut config);
    if source.infiniband {
        config.infiniband = Some(infiniband(&mut values));
    } else if source.tags && !is_no_vlan(&values) {
        config.vlan = values.one("VLAN", &["VLAN_ID"], |text| {
            text.parse::<VlanId>().map_err(str::to_owned)
        });
    }
    mtu(&mut values, &mut config);
    config.dns = values.list("name servers", &["DNS"], is_list_separator, |token| {
        parse(token, "is no list of IP addresses")
    });
    config.search = values.list(
        "search domains",
        &["SEARCH_DOMAIN"],
        is_list_separator,
        |token| {
            token
                .parse::<DomainName>()
                .map_err(|_| "is no list of domain names".to_owned())
        },
    );
    config.routes = values.list("routes", &["ROUTES"], |c| c == ',' || c == '\n', route);
    // A route through a family that the NIC does not speak leads nowhere.
    let (has4, has6) = (
        config.ipv4 != Ipv4::None,
        !matches!(config.ipv6, Ipv6::None | Ipv6::Disabled),
    );
    config
        .routes
        .retain(|route| if route.via.is_ipv4() { has4 } else { has6 });
    if values.problems.is_empty() {
        Ok((config, values.origins))
    } else {
        Err(values.problems)
    }
}

/// The method is what `METHOD` says.
fn ipv4(values: &mut Values, source: &Source, config: &mut NicConfig) -> Option<&'static str> {
    config.metric4 = values.one("metric", &["METRIC"], |text| parse(text, "is no metric"));
    let method = method(values, &["METHOD"], &["static", "dhcp", "skip"]);
    match method {
        Some("dhcp") => {
            config.ipv4 = Ipv4::Dhcp;
            return method;
        }
        Some("skip") => return method,
        _ => {}
    }
    let mut addresses = Vec::new();
    let written = values.one("address", &["IP"], host_and_prefix4);
    let prefix = values
        .one("mask", &["MASK"], |text| prefix4(text).map(Prefix))
        .map(|Prefix(length)| length);
    let decoded = || {
        let address = source.decoded.filter(|_| values.find(&["IP"]).is_none())?;
        Ipv4Network::new(address, DEFAULT_PREFIX4).ok()
    };
    match (written, decoded()) {
        (Some(address), _) => {
            let length = prefix.unwrap_or(address.prefix());
            addresses.extend(Ipv4Network::new(address.ip(), length).ok());
        }
        (None, Some(address)) => {
            let length = prefix.unwrap_or(DEFAULT_PREFIX4);
            addresses.extend(Ipv4Network::new(address.ip(), length).ok());
            values.origins.push(Origin {
                what: "address",
                value: address.ip().to_string(),
                from: "the key in the dummy MAC".into(),
            });
        }
        (None, None) => {}
    }
    for layer in alias_layers(source) {
        let mut alias = Values::new(source.context, &[layer]);
        let address = alias.one("alias", &["IP"], host_and_prefix4);
        let length = alias.one("alias mask", &["MASK"], |text| prefix4(text).map(Prefix));
        if let Some(address) = address {
            let length = length.map_or(address.prefix(), |Prefix(length)| length);
            addresses.extend(
                Ipv4Network::new(address.ip(), length)
                    .ok()
                    .filter(|new| !addresses.contains(new)),
            );
        }
        values.take(alias);
    }
    let gateway = values.one("gateway", &["GATEWAY"], host4);
    if !addresses.is_empty() {
        // Without an address on it, a gateway leads nowhere: networks of two families have both.
        config.gateway4 = gateway;
        config.ipv4 = Ipv4::Static(addresses);
    }
    method
}

/// A NIC that is skipped is skipped for both families, unless this one has a method of its own; and the metric is that of the
/// NIC's routes, of whichever family, as one-context has both (`loc-10-network.d/functions`).
fn ipv6(values: &mut Values, source: &Source, method4: Option<&str>, config: &mut NicConfig) {
    config.metric6 = values.one("IPv6 metric", &["IP6_METRIC", "METRIC6"], |text| {
        parse(text, "is no metric")
    });
    let skipped = method4.filter(|method| *method == "skip");
    let own = method(
        values,
        &["IP6_METHOD"],
        &["static", "auto", "dhcp", "disable", "skip"],
    );
    config.ipv6 = match own.or(skipped) {
        Some("auto") => Ipv6::Auto,
        Some("dhcp") => Ipv6::Dhcp,
        Some("disable") => Ipv6::Disabled,
        Some("skip") => Ipv6::None,
        _ => {
            let mut addresses = addresses6(values);
            for layer in alias_layers(source) {
                let mut alias = Values::new(source.context, &[layer]);
                for address in addresses6(&mut alias) {
                    if !addresses.contains(&address) {
                        addresses.push(address);
                    }
                }
                values.take(alias);
            }
            let gateway = values.one("IPv6 gateway", &["IP6_GATEWAY", "GATEWAY6"], host6);
            config.gateway6 = gateway.filter(|_| !addresses.is_empty());
            if config.gateway6.is_some() {
                config.metric6 = config.metric6.or(config.metric4);
            }
            if addresses.is_empty() {
                Ipv6::None
            } else {
                Ipv6::Static(addresses)
            }
        }
    };
}

/// The address and the unique local address of one layer.
fn addresses6(values: &mut Values) -> Vec<Ipv6Network> {
    let length = values.one("IPv6 prefix length", &["IP6_PREFIX_LENGTH"], |text| {
        prefix6(text).map(Prefix)
    });
    let length = length.map(|Prefix(length)| length);
    let mut addresses = Vec::new();
    if let Some(address) = values.one("IPv6 address", &["IP6"], host_and_prefix6) {
        let length = length.unwrap_or(address.prefix());
        addresses.extend(Ipv6Network::new(address.ip(), length).ok());
    }
    // The length is that of the global network; a unique local one is a /64.
    let local = values.one("unique local address", &["IP6_ULA"], host_and_prefix6);
    addresses.extend(local.filter(|local| !addresses.contains(local)));
    addresses
}

fn infiniband(values: &mut Values) -> Infiniband {
    let mode = values.one("transport mode", &["MODE"], |text| {
        match text.to_ascii_lowercase().as_str() {
            "datagram" => Ok(TransportMode::Datagram),
            "connected" => Ok(TransportMode::Connected),
            _ => Err("is neither 'datagram' nor 'connected'".into()),
        }
    });
    // The network's VLAN_ID is a decimal P_Key on InfiniBand.
    let suffix = if values.find(&["PKEY"]).is_some() {
        "PKEY"
    } else {
        "VLAN_ID"
    };
    let none = suffix == "VLAN_ID" && is_no_vlan(values);
    let pkey = if none {
        None
    } else {
        values.one("P_Key", &[suffix], |text| {
            parse::<Pkey>(text, "is no P_Key")
        })
    };
    Infiniband {
        mode,
        pkey: pkey
            .filter(|pkey| !pkey.is_default())
            .map(|pkey| pkey.full_member()),
    }
}

/// `VLAN_ID='0'` is how some front-ends write "none".
fn is_no_vlan(values: &Values) -> bool {
    let found = values.find(&["VLAN_ID"]);
    found.is_some_and(|found| found.value.trim_ascii() == b"0")
}

/// The MTU; an InfiniBand NIC with one that only connected mode has is one in connected mode.
fn mtu(values: &mut Values, config: &mut NicConfig) {
    let Some(found) = values.find(&["MTU"]) else {
        return;
    };
    let mode = config.infiniband.map(|infiniband| infiniband.mode);
    let largest = match mode {
        None => LARGEST_ETHERNET_MTU,
        Some(mode) => mode.unwrap_or(TransportMode::Connected).largest_mtu(),
    };
    let parsed = text(found.value).and_then(|text| {
        let mtu: u32 = parse(text, "is no MTU")?;
        match mode.flatten() {
            _ if mtu < SMALLEST_MTU => Err(format!("is below {SMALLEST_MTU}, the smallest MTU")),
            Some(mode) if mtu > largest => Err(format!(
                "is above {largest}, the largest MTU of {mode} mode"
            )),
            None if mtu > largest => Err(format!("is above {largest}, the largest MTU")),
            _ => Ok((mtu.to_string(), mtu)),
        }
    });
    config.mtu = values.keep("MTU", &found, parsed);
    if let Some(infiniband) = &mut config.infiniband
        && config.mtu > Some(TransportMode::Datagram.largest_mtu())
        && infiniband.mode.is_none()
    {
        infiniband.mode = Some(TransportMode::Connected);
        let value = TransportMode::Connected.to_string();
        values.origins.push(Origin {
            what: "transport mode",
            value,
            from: format!("{}, which no other mode has", found.name),
        });
    }
}

/// One of the known methods, in lower case.
fn method<'m>(values: &mut Values, suffixes: &[&str], known: &[&'m str]) -> Option<&'m str> {
    let found = values.find(suffixes)?;
    let parsed = text(found.value).and_then(|text| {
        let method = known
            .iter()
            .find(|method| method.eq_ignore_ascii_case(text));
        method
            .map(|method| ((*method).to_owned(), *method))
            .ok_or_else(|| format!("is none of {}", known.join(", ")))
    });
    values.keep("method", &found, parsed)
}

/// As many aliases as initscripts read (`ifup-eth` counts to 256).
const MOST_ALIASES: usize = 256;

/// `ETH1_ALIAS0`, ...: the aliases that live in the guest.
fn alias_layers(source: &Source) -> Vec<String> {
    let Some((index, nic)) = source.eth else {
        return Vec::new();
    };
    let layers = nic
        .aliases
        .iter()
        .map(|alias| format!("ETH{index}_ALIAS{alias}"));
    let is_set = |layer: &str, suffix: &str| {
        source
            .context
            .get(&format!("{layer}_{suffix}"))
            .map(<[u8]>::trim_ascii)
    };
    let is_ours = |layer: &String| {
        let external =
            is_set(layer, "EXTERNAL").is_some_and(|value| value.eq_ignore_ascii_case(b"YES"));
        let detaching = is_set(layer, "DETACH").is_some_and(|value| !value.is_empty());
        !external && !detaching
    };
    layers.filter(is_ours).collect()
}

impl Values<'_> {
    /// Takes over what the values of an alias brought up.
    fn take(&mut self, alias: Values) {
        self.problems.extend(alias.problems);
        self.origins.extend(alias.origins);
    }
}
