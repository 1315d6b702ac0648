//! Bad values, and what each of them costs.

use super::{GOOD, two_ethernet};
use crate::scenario::{SCRIPTS, address_of, apply};

/// Asserts that each value is reported, and costs `ETH0` its configuration, but not `ETH1`.
fn assert_nic_refused(table: &[(&str, &str)]) {
    for (variables, expected) in table {
        let machine = two_ethernet(variables);
        let outcome = apply(&machine);
        assert_eq!(
            outcome.stderr,
            format!("one-sriov-agent: error: ETH0 is not configured: {expected}\n"),
            "{variables}"
        );
        assert_eq!(outcome.code, 4, "{variables}");
        assert_eq!(
            machine.etc_paths(),
            [format!("{SCRIPTS}/ifcfg-eth1")],
            "{variables}"
        );
        assert_eq!(
            address_of(&machine, "eth1").as_deref(),
            Some("10.0.0.6"),
            "{variables}"
        );
    }
}

/// Asserts that each value is reported and ignored: the files are the same as without it.
fn assert_value_ignored(table: &[(&str, &str)]) {
    let bare = two_ethernet("ETH0_IP='10.0.0.5'");
    assert_eq!(apply(&bare).code, 0);
    for (variables, expected) in table {
        let machine = two_ethernet(&format!("ETH0_IP='10.0.0.5'\n{variables}"));
        let outcome = apply(&machine);
        assert_eq!(
            outcome.stderr,
            format!(
                "one-sriov-agent: error: ETH0 is configured, but a value is ignored: {expected}\n"
            ),
            "{variables}"
        );
        assert_eq!(outcome.code, 4, "{variables}");
        assert_eq!(machine.etc(), bare.etc(), "{variables}");
    }
}

#[test]
fn a_bad_value_that_the_address_needs_is_reported_and_its_nic_refused() {
    let table = [
        (
            "ETH0_IP='10.0.0.999'",
            "ETH0_IP '10.0.0.999' is not an IPv4 address",
        ),
        (
            "ETH0_IP='224.0.0.1'",
            "ETH0_IP '224.0.0.1' is not the IPv4 address of a host",
        ),
        (
            "ETH0_IP='10.0.0.5 10.0.0.6'",
            "ETH0_IP '10.0.0.5 10.0.0.6' is not an IPv4 address",
        ),
        (
            "ETH0_IP='10.0.0.5'\nETH0_MASK='255.255.0.255'",
            "ETH0_MASK '255.255.0.255' is not a netmask",
        ),
        (
            "ETH0_IP='10.0.0.5'\nETH0_METHOD='bootp'",
            "ETH0_METHOD 'bootp' is not one of static, dhcp, skip",
        ),
        (
            "ETH0_IP6='2001:db8::g'",
            "ETH0_IP6 '2001:db8::g' is not an IPv6 address",
        ),
        (
            "ETH0_IPV6='2001:db8::g'",
            "ETH0_IPV6 '2001:db8::g' is not an IPv6 address",
        ),
        (
            "ETH0_IP6='2001:db8::1'\nETH0_IP6_PREFIX_LENGTH='129'",
            "ETH0_IP6_PREFIX_LENGTH '129' is not an IPv6 prefix length",
        ),
        (
            "ETH0_IP6_METHOD='magic'",
            "ETH0_IP6_METHOD 'magic' is not one of static, auto, dhcp, disable, skip",
        ),
        (
            "ETH0_MAC='02:00:0a:00:00'\nETH0_IP='10.0.0.5'",
            "ETH0_MAC '02:00:0a:00:00' is not a MAC address",
        ),
        // It is the only address.
        (
            "ETH0_IP6_ULA='fd00::g'",
            "ETH0_IP6_ULA 'fd00::g' is not an IPv6 address",
        ),
        (
            "ETH0_ALIAS0_IP='10'",
            "ETH0_ALIAS0_IP '10' is not an IPv4 address",
        ),
    ];
    assert_nic_refused(&table);
}

#[test]
fn any_other_bad_value_is_reported_and_ignored() {
    let table = [
        (
            "ETH0_GATEWAY='gw'",
            "ETH0_GATEWAY 'gw' is not an IPv4 address",
        ),
        ("ETH0_DNS='ns1'", "ETH0_DNS 'ns1' is not an IP address"),
        ("ETH0_DNS='a;b'", "ETH0_DNS 'a;b' is not an IP address"),
        (
            "ETH0_DNS='10.0.0.1%eth0'",
            "ETH0_DNS '10.0.0.1%eth0' names a link, but only a link-local IPv6 address has one",
        ),
        (
            "ETH0_DNS='fe80::1%eth1'",
            "ETH0_DNS 'fe80::1%eth1' names the link of another NIC",
        ),
        (
            "ETH0_SEARCH_DOMAIN='it'\\''s.example'",
            "ETH0_SEARCH_DOMAIN 'it\\'s.example' is not a domain name",
        ),
        ("ETH0_MTU='9000x'", "ETH0_MTU '9000x' is not an MTU"),
        (
            "ETH0_MTU='67'",
            "ETH0_MTU '67' is below 68, the smallest MTU",
        ),
        (
            "ETH0_MTU='65536'",
            "ETH0_MTU '65536' is above 65535, the largest MTU",
        ),
        ("ETH0_METRIC='-1'", "ETH0_METRIC '-1' is not a metric"),
        ("ETH0_IP6_METRIC='x'", "ETH0_IP6_METRIC 'x' is not a metric"),
        (
            "ETH0_IP6_GATEWAY='gw'",
            "ETH0_IP6_GATEWAY 'gw' is not an IPv6 address",
        ),
        (
            "ETH0_IP6_ULA='fd00::g'",
            "ETH0_IP6_ULA 'fd00::g' is not an IPv6 address",
        ),
        (
            "ETH0_ROUTES='10.1.0.0/16 10.0.0.1'",
            "ETH0_ROUTES '10.1.0.0/16 10.0.0.1' is not a route: expected 'NETWORK via GATEWAY [dev DEVICE] [metric NUMBER]'",
        ),
        (
            "ETH0_ROUTES='2001:db8::/32 via 10.0.0.1'",
            "ETH0_ROUTES '2001:db8::/32 via 10.0.0.1' has a gateway of another family than its network",
        ),
        (
            "ETH0_ALIAS0_IP='10'",
            "ETH0_ALIAS0_IP '10' is not an IPv4 address",
        ),
        (
            "ETH0_ALIAS0_IP='10.0.1.5'\nETH0_ALIAS0_MASK='255.0.255.0'",
            "ETH0_ALIAS0_MASK '255.0.255.0' is not a netmask",
        ),
    ];
    assert_value_ignored(&table);
}

/// The good entries of a list are used.
#[test]
fn only_the_bad_entry_of_a_list_is_ignored() {
    let machine = two_ethernet(
        "ETH0_IP='10.0.0.5'\nETH0_DNS='10.0.0.1 ns1, 10.0.0.2'\nETH0_SEARCH_DOMAIN='a.b -c d.e'\n\
         ETH0_ROUTES='10.1.0.0/16 via x,10.2.0.0/16 via 10.0.0.1'",
    );
    let outcome = apply(&machine);
    assert_eq!(outcome.code, 4);
    for named in [
        "ETH0_DNS 'ns1' ",
        "ETH0_SEARCH_DOMAIN '-c' ",
        "ETH0_ROUTES '10.1.0.0/16 via x' ",
    ] {
        assert!(outcome.stderr.contains(named), "{}", outcome.stderr);
    }
    let text = machine.read(&format!("{SCRIPTS}/ifcfg-eth0"));
    assert!(
        text.ends_with("\nDNS1=10.0.0.1\nDNS2=10.0.0.2\nDOMAIN=\"a.b d.e\"\n"),
        "{text}"
    );
    let routes = machine.read(&format!("{SCRIPTS}/route-eth0"));
    assert_eq!(
        routes.lines().skip(1).collect::<Vec<_>>(),
        ["10.2.0.0/16 via 10.0.0.1 dev eth0"]
    );
}

#[test]
fn a_hostile_value_reaches_no_file_and_stays_on_one_log_line() {
    let table = [
        (
            "ETH0_IP='10.0.0.5\nGATEWAY=10.0.0.1'",
            "ETH0_IP '10.0.0.5\\nGATEWAY=10.0.0.1' is not an IPv4 address",
        ),
        (
            "ETH0_IP='$(reboot)'",
            "ETH0_IP '$(reboot)' is not an IPv4 address",
        ),
        (
            "ETH0_IP='`reboot`'",
            "ETH0_IP '`reboot`' is not an IPv4 address",
        ),
        (
            "ETH0_IP='10.0.0.5;reboot'",
            "ETH0_IP '10.0.0.5;reboot' is not an IPv4 address",
        ),
        (
            "ETH0_IP='10.0.0.5'\\''\"'",
            "ETH0_IP '10.0.0.5\\'\\\"' is not an IPv4 address",
        ),
        (
            "ETH0_IP='10.0.0.5\0'",
            "ETH0_IP '10.0.0.5\\0' is not an IPv4 address",
        ),
    ];
    assert_nic_refused(&table);
    let table = [
        (
            "ETH0_SEARCH_DOMAIN='a$(reboot).b'",
            "ETH0_SEARCH_DOMAIN 'a$(reboot).b' is not a domain name",
        ),
        (
            "ETH0_SEARCH_DOMAIN='~$(reboot)'",
            "ETH0_SEARCH_DOMAIN '~$(reboot)' is not a domain name",
        ),
        (
            "ETH0_DNS='fe80::1%$(reboot)'",
            "ETH0_DNS 'fe80::1%$(reboot)' names a link with an invalid name",
        ),
        (
            "ETH0_ROUTES='10.0.0.0/8 via 10.0.0.1 dev $(reboot)'",
            "ETH0_ROUTES '10.0.0.0/8 via 10.0.0.1 dev $(reboot)' names a device with an invalid name",
        ),
        (
            "ETH0_ROUTES='10.0.0.0/8 via 10.0.0.1 metric `id`'",
            "ETH0_ROUTES '10.0.0.0/8 via 10.0.0.1 metric `id`' has a metric that is not a number",
        ),
    ];
    assert_value_ignored(&table);
}

#[test]
fn a_nic_with_a_value_that_is_not_utf8_is_refused() {
    let machine = two_ethernet("");
    let context = [
        b"ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.\xff'\n",
        GOOD.as_bytes(),
    ]
    .concat();
    machine.write("/context/context.sh", context);
    let outcome = apply(&machine);
    assert_eq!(outcome.code, 4);
    assert_eq!(
        outcome.stderr,
        "one-sriov-agent: error: ETH0 is not configured: ETH0_IP '10.0.0.\u{fffd}' is not UTF-8\n"
    );
}

#[test]
fn all_bad_values_of_a_nic_are_reported_at_once() {
    let outcome = apply(&two_ethernet("ETH0_IP='x'\nETH0_MTU='y'\nETH0_DNS='z'"));
    assert_eq!(outcome.stderr.lines().count(), 3);
    assert_eq!(outcome.code, 4);
}

#[test]
fn a_bad_value_of_a_megabyte_is_truncated_in_the_message() {
    let machine = two_ethernet(&format!("ETH0_IP='{}'", "9".repeat(1 << 20)));
    let outcome = apply(&machine);
    assert_eq!(outcome.code, 4);
    let expected = format!(
        "one-sriov-agent: error: ETH0 is not configured: ETH0_IP '{}...' is not an IPv4 address\n",
        "9".repeat(64)
    );
    assert_eq!(outcome.stderr, expected);
    assert_eq!(machine.etc_paths(), [format!("{SCRIPTS}/ifcfg-eth1")]);
    // A variable of another program does not matter.
    let machine = two_ethernet(&format!(
        "ETH0_IP='10.0.0.5'\nSTART_SCRIPT='{}'",
        "x\n'\\''".repeat(200_000)
    ));
    assert_eq!((apply(&machine).code, machine.etc().len()), (0, 2));
}

#[test]
fn a_list_is_limited_to_256_entries() {
    let servers: Vec<String> = (0..300)
        .map(|n| format!("10.0.{}.{}", n / 200, n % 200 + 1))
        .collect();
    let servers = servers.join(" ");
    let outcome = apply(&two_ethernet(&format!(
        "ETH0_IP='10.0.0.5'\nETH0_DNS='{servers}'"
    )));
    assert_eq!(outcome.code, 4);
    assert!(
        outcome
            .stderr
            .ends_with("ETH0_DNS '10.0.1.57' is beyond the first 256 entries\n"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn aliases_are_limited_to_256() {
    let aliases: Vec<String> = (0..300)
        .map(|n| format!("ETH0_ALIAS{n}_IP='10.1.{}.{}'", n / 200, n % 200 + 1))
        .collect();
    let machine = two_ethernet(&format!("ETH0_IP='10.0.0.5'\n{}", aliases.join("\n")));
    let outcome = apply(&machine);
    assert_eq!(outcome.code, 4);
    assert_eq!(
        outcome.stderr,
        "one-sriov-agent: error: ETH0 is configured, but a value is ignored: ETH0_ALIAS<m> '300' aliases are more \
         than 256; the first ones are used\n"
    );
    let text = machine.read(&format!("{SCRIPTS}/ifcfg-eth0"));
    assert!(
        text.contains("\nIPADDR256=") && !text.contains("\nIPADDR257="),
        "{text}"
    );
}
