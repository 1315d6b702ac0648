//! All words that a file of any network stack may contain, specified independently of the renderers: keys, sections, operators,
//! and the characters of harmless values.

/// Words before `=` or `:`, or first on a line, in any file of any stack.
const KEYS: &[&str] = &[
    // ifcfg
    "DEVICE",
    "TYPE",
    "ONBOOT",
    "NM_CONTROLLED",
    "BOOTPROTO",
    "PERSISTENT_DHCLIENT",
    "IPADDR",
    "NETMASK",
    "PREFIX",
    "GATEWAY",
    "METRIC",
    "IPV4_ROUTE_METRIC",
    "IPV6INIT",
    "IPV6_AUTOCONF",
    "DHCLIENT_ROUTE_PRIORITY",
    "DHCPV6C",
    "IPV6_DISABLED",
    "IPV6ADDR",
    "IPV6ADDR_SECONDARIES",
    "IPV6_DEFAULTGW",
    "IPV6_ROUTE_METRIC",
    "MTU",
    "CONNECTED_MODE",
    "DNS",
    "DOMAIN",
    "PKEY",
    "PKEY_ID",
    "PHYSDEV",
    "VLAN",
    "VID",
    "STARTMODE",
    "ETHERDEVICE",
    "VLAN_ID",
    "IPOIB",
    "IPOIB_DEVICE",
    "IPOIB_PKEY",
    "IPOIB_MODE",
    "IPADDR_",
    "net.ipv6.conf.$SYSCTL_IF.accept_ra",
    "net.ipv6.conf.$SYSCTL_IF.autoconf",
    "net.ipv6.conf.$SYSCTL_IF.disable_ipv6",
    // interfaces
    "auto",
    "allow-hotplug",
    "iface",
    "address",
    "netmask",
    "gateway",
    "metric",
    "dns-nameservers",
    "dns-search",
    "nameserver",
    "autoconf",
    "accept_ra",
    "privext",
    "dad-attempts",
    "up",
    "down",
    "pre-up",
    "post-down",
    // keyfile
    "id",
    "uuid",
    "type",
    "interface-name",
    "autoconnect",
    "autoconnect-priority",
    "transport-mode",
    "mtu",
    "p-key",
    "parent",
    "method",
    "route-metric",
    "route",
    "dns",
    "addr-gen-mode",
    "ip6-privacy",
    "unmanaged-devices+",
    // networkd
    "Name",
    "MTUBytes",
    "RequiredForOnline",
    "Unmanaged",
    "DHCP",
    "IPv6AcceptRA",
    "ConfigureWithoutCarrier",
    "IPv6PrivacyExtensions",
    "LinkLocalAddressing",
    "Address",
    "Domains",
    "IPoIB",
    "Gateway",
    "Metric",
    "GatewayOnLink",
    "Destination",
    "Scope",
    "RouteMetric",
    "DHCPv6Client",
    "WithoutRA",
    "Kind",
    "MACAddress",
    "PartitionKey",
    "Mode",
    "Id",
    // netplan
    "network",
    "version",
    "ethernets",
    "vlans",
    "renderer",
    "dhcp4",
    "dhcp6",
    "dhcp4-overrides",
    "dhcp6-overrides",
    "accept-ra",
    "ipv6-privacy",
    "link-local",
    "addresses",
    "nameservers",
    "search",
    "routes",
    "to",
    "via",
    "on-link",
    "scope",
    "link",
];
const SECTIONS: &[&str] = &[
    "connection",
    "ethernet",
    "infiniband",
    "vlan",
    "ipv4",
    "ipv6",
    "keyfile",
    "Match",
    "Link",
    "Network",
    "Route",
    "DHCPv4",
    "DHCPv6",
    "IPv6AcceptRA",
    "NetDev",
    "IPoIB",
    "VLAN",
];
/// Keys of lists of domains, in which a tilde marks a routing-only domain.
const DOMAINS: &[&str] = &["DOMAIN", "Domains", "dns-search", "search"];
/// Words that occur only in the agent's commands and in udev rules.
const OPERATORS: &[&str] = &["||", ">", "2>", "!", "=="];

/// Checks a line: a comment of the agent, a section, or a known key with harmless words.
///
/// # Errors
/// What is wrong with the line.
pub fn check_line(line: &str) -> Result<(), String> {
    if line.is_empty()
        || line.starts_with("# Written by one-sriov-agent")
        || line.starts_with("# Dummy NIC of SR-IOV NIC ")
    {
        return Ok(());
    }
    if let Some(name) = line
        .strip_prefix('[')
        .and_then(|line| line.strip_suffix(']'))
    {
        return if SECTIONS.contains(&name) {
            Ok(())
        } else {
            Err(format!("section: {line}"))
        };
    }
    if line.starts_with("ACTION==\"add|move\", SUBSYSTEM==\"net\", ATTR{type}==\"32\", KERNEL==\"")
    {
        return if line.matches('"').count() == 10 {
            Ok(())
        } else {
            Err(format!("rule: {line}"))
        };
    }
    let text = line.trim_start().trim_start_matches("- ");
    let end = text.find(['=', ' ']).unwrap_or(text.len());
    let key = text[..end].trim_end_matches([':', '+']);
    let numbered = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_setting = key.starts_with("net/ipv6/conf/");
    let is_key =
        KEYS.contains(&key) || KEYS.contains(&numbered) || key == "unmanaged-devices" || is_setting;
    // Lines of routes and of quoted device names start with the value itself.
    let is_token = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._:/%,;[]\"=+-".contains(&byte))
    };
    let is_address = |key: &str| {
        key.contains(['.', ':'])
            && key
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || b".:/".contains(&byte))
    };
    let begins_with_a_token = is_address(&text[..end]) || key.starts_with('"') || key == "default";
    if !is_key && !begins_with_a_token {
        return Err(format!("key: {line}"));
    }
    // One word after `=`, or a quoted list; networkd's list of domains isn't quoted.
    let value = text[end..].strip_prefix('=').unwrap_or_default();
    if value.contains(' ') && !value.starts_with('"') && key != "Domains" {
        return Err(format!("words: {line}"));
    }
    let is_harmless = |word: &str| {
        is_token(word) || OPERATORS.contains(&word) || word.starts_with("net.ipv6.conf.$SYSCTL_IF.")
    };
    let has_domains = DOMAINS.contains(&key) && !text.starts_with("dns-search ");
    let without_tilde = |word: &str| match word.split_once('~') {
        Some(_) if has_domains => word.replace('~', ""),
        _ => word.to_owned(),
    };
    match text
        .split(' ')
        .find(|word| !is_harmless(&without_tilde(word)))
    {
        None => Ok(()),
        Some(word) => Err(format!("word '{word}': {line}")),
    }
}
