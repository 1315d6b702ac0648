//! Values of variables: which are accepted, and what a bad one costs.

use one_sriov_tests::{Machine, infiniband, virtio};

use crate::scenario::{SCRIPTS, address_of, apply, check};

const GOOD: &str = "ETH1_MAC='02:00:0a:00:00:06'\nETH1_IP='10.0.0.6'\n";

/// A machine with ETH0 and ETH1 on Ethernet. `variables` are those of ETH0 besides its MAC.
pub(super) fn two_ethernet(variables: &str) -> Machine {
    let context = format!("ETH0_MAC='02:00:0a:00:00:05'\n{variables}\n{GOOD}");
    Machine::new(
        &context,
        &[
            virtio("eth0", "02:00:0a:00:00:05", 3),
            virtio("eth1", "02:00:0a:00:00:06", 4),
        ],
    )
}

/// Asserts that each value is reported and costs `ETH0` its configuration, but not `ETH1`.
fn refuses(table: &[(&str, &str)]) {
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
fn costs_itself_alone(table: &[(&str, &str)]) {
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
fn a_bad_value_that_the_address_needs_costs_its_nic_and_is_named() {
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
        // The only address.
        (
            "ETH0_IP6_ULA='fd00::g'",
            "ETH0_IP6_ULA 'fd00::g' is not an IPv6 address",
        ),
        (
            "ETH0_ALIAS0_IP='10'",
            "ETH0_ALIAS0_IP '10' is not an IPv4 address",
        ),
    ];
    refuses(&table);
}

#[test]
fn any_other_bad_value_costs_itself_alone_and_is_named() {
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
    costs_itself_alone(&table);
}

/// Of a list, the good entries are used.
#[test]
fn a_bad_entry_of_a_list_costs_that_entry() {
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
fn of_a_hostile_value_nothing_reaches_a_file_and_its_log_line_stays_one() {
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
    refuses(&table);
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
    costs_itself_alone(&table);
}

#[test]
fn a_value_that_is_no_utf8_costs_its_nic() {
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
fn all_bad_values_of_a_nic_are_told_at_once() {
    let outcome = apply(&two_ethernet("ETH0_IP='x'\nETH0_MTU='y'\nETH0_DNS='z'"));
    assert_eq!(outcome.stderr.lines().count(), 3);
    assert_eq!(outcome.code, 4);
}

#[test]
fn a_value_of_a_megabyte_is_cut_in_the_message_and_costs_its_nic() {
    let machine = two_ethernet(&format!("ETH0_IP='{}'", "9".repeat(1 << 20)));
    let outcome = apply(&machine);
    assert_eq!(outcome.code, 4);
    let expected = format!(
        "one-sriov-agent: error: ETH0 is not configured: ETH0_IP '{}...' is not an IPv4 address\n",
        "9".repeat(64)
    );
    assert_eq!(outcome.stderr, expected);
    assert_eq!(machine.etc_paths(), [format!("{SCRIPTS}/ifcfg-eth1")]);
    // In another program's variable it does not matter.
    let machine = two_ethernet(&format!(
        "ETH0_IP='10.0.0.5'\nSTART_SCRIPT='{}'",
        "x\n'\\''".repeat(200_000)
    ));
    assert_eq!((apply(&machine).code, machine.etc().len()), (0, 2));
}

#[test]
fn a_list_without_end_is_cut() {
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
fn empty_values_are_unset_values_and_unknown_variables_are_passed_over() {
    let variables = "ETH0_IP='10.0.0.5'\nETH0_MASK=''\nETH0_GATEWAY=''\nETH0_DNS=' '\nETH0_MTU=''\nETH0_METHOD=''\nETH0_ROUTES=''\n\
                     ETH0_IP6=''\nETH0_IP6_PREFIX_LENGTH=''\nETH0_UNHEARD_OF='x y'\nUNKNOWN='$(reboot)'\nMY-KEY='1'\nETH99X='a'\n";
    let machine = two_ethernet(variables);
    assert_eq!(apply(&machine).code, 0);
    let text = machine.read(&format!("{SCRIPTS}/ifcfg-eth0"));
    let keys: Vec<&str> = text
        .lines()
        .skip(1)
        .filter_map(|line| line.split('=').next())
        .collect();
    assert_eq!(
        keys,
        [
            "DEVICE",
            "TYPE",
            "ONBOOT",
            "NM_CONTROLLED",
            "BOOTPROTO",
            "IPADDR",
            "NETMASK",
            "PREFIX"
        ]
    );
}

#[test]
fn everything_that_an_ethernet_nic_can_have() {
    let context = "NETWORK='YES'\nETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_MASK='255.255.0.0'\nETH0_GATEWAY='10.0.0.1'\n\
        ETH0_DNS='10.0.0.2, 10.0.0.3 10.0.0.2'\nETH0_SEARCH_DOMAIN='Example.org example.net.'\nETH0_MTU='9000'\nETH0_METRIC='100'\n\
        ETH0_ROUTES='172.16.9.9/12 via 10.0.0.254, 2001:db8:9::/48 via fe80::9'\nETH0_IP6='2001:db8::5'\nETH0_IP6_PREFIX_LENGTH='56'\n\
        ETH0_IP6_ULA='fd00::5'\nETH0_IP6_GATEWAY='fe80::1'\nETH0_IP6_METRIC='200'\nETH0_VLAN_ID='17'\n\
        ETH0_ALIAS0_IP='10.0.1.5'\nETH0_ALIAS0_IP6='2001:db8:1::5'\nETH0_ALIAS1_IP='10.0.2.5'\nETH0_ALIAS1_MASK='255.255.255.128'\n\
        ETH0_ALIAS2_IP='10.0.3.5'\nETH0_ALIAS2_EXTERNAL='YES'\nETH0_ALIAS3_IP='10.0.4.5'\nETH0_ALIAS3_DETACH='yes'\n";
    check(
        "everything-ethernet",
        context,
        &[virtio("eth0", "02:00:0a:00:00:05", 3)],
    );
}

#[test]
fn every_method() {
    let mut context = String::new();
    let mut nics = Vec::new();
    let methods = [
        ("dhcp", ""),
        ("dhcp", "dhcp"),
        ("skip", "auto"),
        ("", "dhcp"),
        ("STATIC", "disable"),
        ("skip", "skip"),
        ("", "auto"),
    ];
    for (index, (method, method6)) in methods.iter().enumerate() {
        context += &format!(
            "ETH{index}_MAC='02:00:0a:00:00:1{index}'\nETH{index}_METHOD='{method}'\nETH{index}_IP6_METHOD='{method6}'\nETH{index}_IP='10.0.0.1{index}'\n"
        );
        nics.push(virtio(
            &format!("eth{index}"),
            &format!("02:00:0a:00:00:1{index}"),
            3,
        ));
    }
    check("every-method", &context, &nics);
}

/// A machine with an InfiniBand NIC at position 0.
fn one_infiniband(variables: &str) -> Machine {
    let context = format!("ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\n{variables}\n");
    let nics = [
        virtio("eth0", "aa:00:0a:00:00:05", 3),
        infiniband("ib0", "24:8a:07:03:00:aa:bb:01", "0000:00:05.0"),
    ];
    Machine::new(&context, &nics)
}

#[test]
fn mtu_and_mode_of_an_infiniband_nic() {
    let table = [
        ("ETH0_MTU='2044'", &["MTU=2044"][..]),
        ("ETH0_MTU='4092'", &["MTU=4092"]),
        (
            "IB0_MODE='datagram'\nETH0_MTU='4092'",
            &["MTU=4092", "CONNECTED_MODE=no"],
        ),
        ("IB0_MODE='Connected'", &["CONNECTED_MODE=yes"]),
        (
            "IB0_MODE='connected'\nIB0_MTU='65520'",
            &["MTU=65520", "CONNECTED_MODE=yes"],
        ),
        // Only connected mode supports such an MTU.
        ("ETH0_MTU='65520'", &["MTU=65520", "CONNECTED_MODE=yes"]),
    ];
    for (variables, expected) in table {
        let machine = one_infiniband(variables);
        assert_eq!(apply(&machine).code, 0, "{variables}");
        let text = machine.read(&format!("{SCRIPTS}/ifcfg-ib0"));
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("MTU") || line.starts_with("CONN"))
            .collect();
        assert_eq!(lines, expected, "{variables}");
    }
    let table = [
        (
            "ETH0_MTU='65521'",
            "ETH0_MTU '65521' is above 65520, the largest MTU of InfiniBand",
        ),
        (
            "IB0_MODE='fast'",
            "IB0_MODE 'fast' is neither 'datagram' nor 'connected'",
        ),
        ("IB0_PKEY='0x8000'", "IB0_PKEY '0x8000' is not a P_Key"),
        (
            "ETH0_VLAN_ID='99999'",
            "ETH0_VLAN_ID '99999' is not a P_Key",
        ),
    ];
    let bare = one_infiniband("");
    assert_eq!(apply(&bare).code, 0);
    for (variables, expected) in table {
        let machine = one_infiniband(variables);
        let outcome = apply(&machine);
        assert_eq!(
            outcome.stderr,
            format!(
                "one-sriov-agent: error: ETH0 is configured, but a value is ignored: {expected}\n"
            )
        );
        assert_eq!(outcome.code, 4);
        assert_eq!(machine.etc(), bare.etc(), "{variables}");
    }
}

/// A value that may be right is written with a warning: enhanced IPoIB supports larger datagrams, and four digits are decimal.
#[test]
fn a_doubtful_value_is_written_with_a_warning() {
    let table = [
        (
            "IB0_MODE='datagram'\nETH0_MTU='9000'",
            "ifcfg-ib0",
            "MTU=9000\nCONNECTED_MODE=no\n",
            &[
                "MTU 9000 is above 4092, the largest MTU of datagram mode on most devices; the kernel may refuse it",
                "'ifup-ib' sets an MTU of 2044 in datagram mode, not 9000",
            ][..],
        ),
        (
            "IB0_PKEY='8001'",
            "ifcfg-ib0.9f41",
            "PKEY_ID=0x9f41\n",
            &[
                "IB0_PKEY is read as decimal, which is P_Key 0x9f41; write 0x8001 if it is hexadecimal",
            ],
        ),
        (
            "ETH0_VLAN_ID='8001'",
            "ifcfg-ib0.9f41",
            "PKEY_ID=0x9f41\n",
            &[
                "ETH0_VLAN_ID is read as decimal, which is P_Key 0x9f41; write 0x8001 if it is hexadecimal",
            ],
        ),
        (
            "IB0_PKEY='8abc'",
            "ifcfg-ib0.8abc",
            "PKEY_ID=0x8abc\n",
            &["IB0_PKEY is read as hexadecimal; write 0x8abc"],
        ),
    ];
    for (variables, file, written, warnings) in table {
        let machine = one_infiniband(variables);
        let outcome = apply(&machine);
        assert_eq!(outcome.code, 0, "{variables}");
        let line = |warning: &&str| format!("one-sriov-agent: warning: ETH0: {warning}\n");
        let expected: String = warnings.iter().map(line).collect();
        assert_eq!(outcome.stderr, expected);
        let text = machine.read(&format!("{SCRIPTS}/{file}"));
        assert!(text.contains(written), "{text}");
    }
}

#[test]
fn partitions_are_children_by_hex_or_decimal_and_the_default_one_is_the_port() {
    let table = [
        ("ETH0_VLAN_ID='32769'", "ib0.8001"),
        ("ETH0_VLAN_ID='1'", "ib0.8001"),
        ("IB0_PKEY='0x8001'", "ib0.8001"),
        ("IB0_PKEY='0x8003'\nETH0_VLAN_ID='5'", "ib0.8003"),
        ("IB0_PKEY='0xffff'", "ib0"),
        ("ETH0_VLAN_ID='32767'", "ib0"),
        ("ETH0_VLAN_ID='0'", "ib0"),
        ("ETH0_VLAN_ID=''", "ib0"),
    ];
    for (variables, device) in table {
        let machine = one_infiniband(variables);
        assert_eq!(apply(&machine).code, 0, "{variables}");
        assert_eq!(
            address_of(&machine, device).as_deref(),
            Some("10.0.0.5"),
            "{variables}"
        );
        assert_eq!(
            device == "ib0",
            address_of(&machine, "ib0").is_some(),
            "{variables}"
        );
    }
}

#[test]
fn a_device_whose_name_leaves_no_room_for_a_partition_is_refused() {
    let context = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nIB0_PKEY='0x8001'\n";
    let nics = [
        virtio("eth0", "aa:00:0a:00:00:05", 3),
        infiniband("ibp129s0f0v12", "24:8a:07:03:00:aa:bb:01", "0000:81:00.0"),
    ];
    let outcome = apply(&Machine::new(context, &nics));
    assert_eq!(outcome.code, 4);
    assert_eq!(
        outcome.stderr,
        "one-sriov-agent: error: ETH0 is not configured: 'ibp129s0f0v12' is too long a name for a child interface of \
         P_Key 0x8001\n"
    );
}

#[test]
fn what_needs_an_address_beside_it_is_not_written_alone() {
    let handed_down = "ETH0_DNS='10.0.0.2'\nETH0_SEARCH_DOMAIN='a.b'\nETH0_METRIC='5'\nETH0_GATEWAY='10.0.0.1'\nETH0_IP6_GATEWAY='fe80::1'\nETH0_MTU='9000'\nETH0_ROUTES='10.9.0.0/16 via 10.0.0.1'";
    let machine = two_ethernet(handed_down);
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(machine.etc_paths(), [format!("{SCRIPTS}/ifcfg-eth1")]);
    let machine = two_ethernet(&format!("{handed_down}\nETH0_IP6='2001:db8::5'"));
    assert_eq!(apply(&machine).code, 0);
    assert!(
        !machine.has(&format!("{SCRIPTS}/route-eth0")),
        "no route of a family without an address"
    );
}

#[test]
fn aliases_without_end_are_cut() {
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
