//! The addresses of a NIC, its gateways and their metrics.

use ipnetwork::{Ipv4Network, Ipv6Network};

use super::flag;
use super::model::{Dhcpv6Source, Ipv4, Ipv6, NicConfig};
use super::source::ValueSource;
use super::tokens::{
    DEFAULT_PREFIX4, Prefix, host_and_prefix4, host_and_prefix6, host4, host6, parse, prefix4,
    prefix6,
};
use super::values::{BadValue, FoundValue, Origin, Values};

/// The most aliases that initscripts support (`ifup-eth` counts to 256).
const MOST_ALIASES: usize = 256;

/// Reads both families. Returns whether an address is lost because of a bad value.
pub(super) fn read(values: &mut Values, source: &ValueSource, config: &mut NicConfig) -> bool {
    let aliases = aliases(values, source);
    let mut further = Further::default();
    let method4 = ipv4(values, source, &aliases, config, &mut further);
    ipv6(values, source, method4, &aliases, config, &mut further);
    further.lost
}

/// Whether an address besides the NIC's own is lost.
#[derive(Default)]
struct Further {
    lost: bool,
}

impl Further {
    fn take(&mut self, values: &mut Values, alias: Values) {
        self.lost |= !alias.left_out.is_empty();
        values.left_out.extend(alias.left_out);
        values.origins.extend(alias.origins);
    }
}

/// Reads the IPv4 configuration, and returns `METHOD`.
fn ipv4(
    values: &mut Values,
    source: &ValueSource,
    aliases: &[String],
    config: &mut NicConfig,
    further: &mut Further,
) -> Option<&'static str> {
    config.metric4 = values.extra("metric", &["METRIC"], |text| parse(text, "is not a metric"));
    let method = values.needed_one_of("method", &["METHOD"], &["static", "dhcp", "skip"]);
    match method {
        Some("dhcp") => {
            config.ipv4 = Ipv4::Dhcp;
            return method;
        }
        Some("skip") => return method,
        _ => {}
    }
    let mut addresses: Vec<Ipv4Network> = own4(values, source).into_iter().collect();
    for layer in aliases {
        let mut alias = Values::new(source.context, std::slice::from_ref(layer));
        let address = alias.extra("alias", &["IP"], host_and_prefix4);
        let length = alias.extra("alias mask", &["MASK"], |text| prefix4(text).map(Prefix));
        // An address with a wrong mask would be wrong, too.
        if let Some(address) = address.filter(|_| alias.left_out.is_empty()) {
            let length = length.map_or(address.prefix(), |Prefix(length)| length);
            push_new(&mut addresses, Ipv4Network::new(address.ip(), length).ok());
        }
        further.take(values, alias);
    }
    let gateway = values.extra("gateway", &["GATEWAY"], host4);
    if !addresses.is_empty() {
        // Without an address, a gateway is useless. Dual-stack networks pass both gateways.
        config.gateway4 = gateway;
        config.ipv4 = Ipv4::Static(addresses);
    }
    method
}

/// The NIC's own address.
fn own4(values: &mut Values, source: &ValueSource) -> Option<Ipv4Network> {
    let written = values.needed("address", &["IP"], host_and_prefix4);
    let prefix = values
        .needed("mask", &["MASK"], |text| prefix4(text).map(Prefix))
        .map(|Prefix(length)| length);
    let has_own = |text: FoundValue| text.value.contains(&b'/');
    let has_length = prefix.is_some() || values.find(&["IP"]).is_some_and(has_own);
    if let Some(address) = written {
        let length = prefix.unwrap_or(address.prefix());
        note_guess(values, has_length);
        return Ipv4Network::new(address.ip(), length).ok();
    }
    let decoded = source.decoded.filter(|_| values.find(&["IP"]).is_none())?;
    values.origins.push(Origin::new(
        "address",
        decoded.address.to_string(),
        decoded.from,
    ));
    note_guess(values, has_length);
    Ipv4Network::new(decoded.address, prefix.unwrap_or(DEFAULT_PREFIX4)).ok()
}

/// Notes that the prefix length is a guess: OpenNebula passes the mask of a PCI NIC's network only if `INHERIT_VNET_ATTR` of
/// oned.conf lists it.
fn note_guess(values: &mut Values, has_length: bool) {
    if !has_length {
        let guess = format!("/{DEFAULT_PREFIX4}");
        values
            .origins
            .push(Origin::new("mask", guess, "no variable: a guess"));
    }
}

/// Reads the IPv6 configuration. As in one-context (`loc-10-network.d/functions`, `setup_iface_vars`), an empty `IP6_METHOD`
/// means `METHOD`, and the IPv4 metric applies unless IPv6 has its own.
fn ipv6(
    values: &mut Values,
    source: &ValueSource,
    method4: Option<&str>,
    aliases: &[String],
    config: &mut NicConfig,
    further: &mut Further,
) {
    config.metric6 = values.extra("IPv6 metric", &["IP6_METRIC", "METRIC6"], |text| {
        parse(text, "is not a metric")
    });
    let own = values.needed_one_of(
        "IPv6 method",
        &["IP6_METHOD"],
        &["static", "auto", "dhcp", "disable", "skip"],
    );
    config.ipv6 = match own.or(method4) {
        Some("auto") => Ipv6::Auto,
        Some("dhcp") if own.is_some() => Ipv6::Dhcp(Dhcpv6Source::Ipv6Method),
        Some("dhcp") => Ipv6::Dhcp(Dhcpv6Source::Method),
        Some("disable") => Ipv6::Disabled,
        Some("skip") => Ipv6::None,
        _ => static6(values, source, aliases, config, further),
    };
    let has_default_route =
        config.gateway6.is_some() || matches!(config.ipv6, Ipv6::Auto | Ipv6::Dhcp(_));
    if has_default_route {
        config.metric6 = config.metric6.or(config.metric4);
    }
}

fn static6(
    values: &mut Values,
    source: &ValueSource,
    aliases: &[String],
    config: &mut NicConfig,
    further: &mut Further,
) -> Ipv6 {
    let length = values
        .needed("IPv6 prefix length", &["IP6_PREFIX_LENGTH"], |text| {
            prefix6(text).map(Prefix)
        })
        .map(|Prefix(length)| length);
    let mut addresses = Vec::new();
    if let Some(address) = values.needed("IPv6 address", &["IP6", "IPV6"], host_and_prefix6) {
        let length = length.unwrap_or(address.prefix());
        push_new(&mut addresses, Ipv6Network::new(address.ip(), length).ok());
    }
    further.lost |= ula(values, &mut addresses);
    for layer in aliases {
        let mut alias = Values::new(source.context, std::slice::from_ref(layer));
        alias6(&mut alias, &mut addresses);
        further.take(values, alias);
    }
    let gateway = values.extra("IPv6 gateway", &["IP6_GATEWAY", "GATEWAY6"], host6);
    config.gateway6 = gateway.filter(|_| !addresses.is_empty());
    if addresses.is_empty() {
        Ipv6::None
    } else {
        Ipv6::Static(addresses)
    }
}

fn alias6(alias: &mut Values, addresses: &mut Vec<Ipv6Network>) {
    let length = alias.extra("alias IPv6 prefix length", &["IP6_PREFIX_LENGTH"], |text| {
        prefix6(text).map(Prefix)
    });
    let address = alias.extra("alias IPv6 address", &["IP6", "IPV6"], host_and_prefix6);
    if let Some(address) = address.filter(|_| alias.left_out.is_empty()) {
        let length = length.map_or(address.prefix(), |Prefix(length)| length);
        push_new(addresses, Ipv6Network::new(address.ip(), length).ok());
    }
    ula(alias, addresses);
}

/// Reads the unique local address, by default a /64, because the prefix length variable is for the global address. Returns
/// whether it is ignored because of a bad value.
fn ula(values: &mut Values, addresses: &mut Vec<Ipv6Network>) -> bool {
    let before = values.left_out.len();
    let local = values.extra("unique local address", &["IP6_ULA"], host_and_prefix6);
    push_new(addresses, local);
    values.left_out.len() > before
}

fn push_new<T: PartialEq>(all: &mut Vec<T>, new: Option<T>) {
    all.extend(new.filter(|new| !all.contains(new)));
}

/// The aliases that the guest configures: `ETH1_ALIAS0`, ...
fn aliases(values: &mut Values, source: &ValueSource) -> Vec<String> {
    let Some((index, nic)) = source.eth else {
        return Vec::new();
    };
    if nic.aliases.len() > MOST_ALIASES {
        let number = nic.aliases.len().to_string();
        let reason = format!("aliases are more than {MOST_ALIASES}; the first ones are used");
        let name = format!("ETH{index}_ALIAS<m>");
        let problem = BadValue::new(&name, number.as_bytes(), reason);
        values.left_out.push(problem);
    }
    let layers = nic.aliases.iter().take(MOST_ALIASES);
    let layers = layers.map(|alias| format!("ETH{index}_ALIAS{alias}"));
    let value = |layer: &str, suffix: &str| source.context.get(&format!("{layer}_{suffix}"));
    let is_ours = |layer: &String| {
        let is_external = value(layer, "EXTERNAL").is_some_and(flag::is_yes);
        let is_detaching =
            value(layer, "DETACH").is_some_and(|value| !value.trim_ascii().is_empty());
        !is_external && !is_detaching
    };
    layers.filter(is_ours).collect()
}
