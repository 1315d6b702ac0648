//! Addresses, methods and aliases.

use super::{NO_ADDRESS, PLAIN, STATIC, check_plans, check_plans_with_address};

#[test]
fn ipv4_addresses() {
    check_plans(
        NO_ADDRESS,
        &[
            ("ETH0_IP='10.18.1.1'", "ip=10.18.1.1/24"),
            ("ETH0_IP='10.18.1.1'\nETH0_MASK=''", "ip=10.18.1.1/24"),
            (
                "ETH0_IP='10.18.1.1'\nETH0_MASK='255.255.0.0'\nETH0_NETWORK='10.18.0.0'",
                "ip=10.18.1.1/16",
            ),
            // cloud-init decodes an address from the MAC; nobody leased that address, so the agent doesn't.
            ("ETH0_IP=''", "unmanaged"),
            ("ETH0_GATEWAY='1.2.3.5'", "unmanaged"),
            (
                "ETH0_IP='10.18.1.1'\nETH0_GATEWAY='1.2.3.5'",
                "ip=10.18.1.1/24 gw=1.2.3.5",
            ),
            ("ETH0_IP='10.18.1.1'\nETH0_GATEWAY=''", "ip=10.18.1.1/24"),
            (
                "ETH0_IP='10.18.1.1'\nETH0_GATEWAY='10.18.1.254'\nETH0_METRIC='7'",
                "ip=10.18.1.1/24 gw=10.18.1.254 metric=7",
            ),
            (
                "ETH0_IP='10.18.1.1'\nETH0_MTU='1280'",
                "ip=10.18.1.1/24 mtu=1280",
            ),
            ("ETH0_IP='10.18.1.1'\nETH0_MTU=''", "ip=10.18.1.1/24"),
            ("ETH0_IP='notanip'", "refused"),
            ("ETH0_IP='10.18.1.1'\nETH0_MASK='255.0.255.0'", "refused"),
        ],
    );
}

#[test]
fn ipv6_addresses() {
    check_plans_with_address(&[
        ("", ""),
        ("ETH0_IP6='2001:db8::1'", "ip6=2001:db8::1/64"),
        (
            "ETH0_IP6='2001:db8::1'\nETH0_IP6_PREFIX_LENGTH='48'",
            "ip6=2001:db8::1/48",
        ),
        (
            "ETH0_IP6='2001:db8::1'\nETH0_IP6_PREFIX_LENGTH=''",
            "ip6=2001:db8::1/64",
        ),
        ("ETH0_IPV6='2001:db8::1'", "ip6=2001:db8::1/64"),
        ("ETH0_IP6=''\nETH0_IPV6='2001:db8::1'", "ip6=2001:db8::1/64"),
        (
            "ETH0_IP6='2001:db8::1'\nETH0_IPV6='2001:db8::2'",
            "ip6=2001:db8::1/64",
        ),
        (
            "ETH0_IP6='2001:db8::1'\nETH0_IP6_ULA='fd00::1'",
            "ip6=2001:db8::1/64,fd00::1/64",
        ),
        // The prefix length applies only to the global address.
        (
            "ETH0_IP6='2001:db8::1'\nETH0_IP6_PREFIX_LENGTH='48'\nETH0_IP6_ULA='fd00::1'",
            "ip6=2001:db8::1/48,fd00::1/64",
        ),
        ("ETH0_IP6_ULA='fd00::1'", "ip6=fd00::1/64"),
        (
            "ETH0_IP6='2001:db8::1'\nETH0_IP6_GATEWAY='2001:db8::fffe'",
            "ip6=2001:db8::1/64 gw6=2001:db8::fffe",
        ),
        (
            "ETH0_IP6='2001:db8::1'\nETH0_GATEWAY6='2001:db8::fffe'",
            "ip6=2001:db8::1/64 gw6=2001:db8::fffe",
        ),
        (
            "ETH0_IP6='2001:db8::1'\nETH0_IP6_GATEWAY='2001:db8::1:1'\nETH0_GATEWAY6='2001:db8::fffe'",
            "ip6=2001:db8::1/64 gw6=2001:db8::1:1",
        ),
        (
            "ETH0_IP6='2001:db8::1'\nETH0_GATEWAY6=''",
            "ip6=2001:db8::1/64",
        ),
        (
            "ETH0_IP6='2001:db8::1'\nETH0_IP6_GATEWAY='fe80::1'\nETH0_IP6_METRIC='100'",
            "ip6=2001:db8::1/64 gw6=fe80::1 metric6=100",
        ),
        (
            "ETH0_IP6='2001:db8::1'\nETH0_IP6_GATEWAY='notanip'",
            "ip6=2001:db8::1/64 bad=ETH0_IP6_GATEWAY",
        ),
        ("ETH0_IP6_ULA='notanip'", "bad=ETH0_IP6_ULA"),
    ]);
    check_plans(
        PLAIN,
        &[
            ("ETH0_IP6='notanip'", "refused"),
            (
                "ETH0_IP6='2001:db8::1'\nETH0_IP6_PREFIX_LENGTH='129'",
                "refused",
            ),
        ],
    );
}

#[test]
fn methods_and_what_ipv6_inherits_from_ipv4() {
    check_plans(
        PLAIN,
        &[
            ("ETH0_METHOD='static'", STATIC),
            ("ETH0_METHOD='STATIC'", STATIC),
            // With an empty IP6_METHOD, METHOD applies.
            ("ETH0_METHOD='dhcp'", "ip=dhcp ip6=dhcp"),
            ("ETH0_METHOD='dhcp'\nETH0_IP6_METHOD=''", "ip=dhcp ip6=dhcp"),
            (
                "ETH0_METHOD='dhcp'\nETH0_IP6='2001:db8::1'",
                "ip=dhcp ip6=dhcp",
            ),
            ("ETH0_METHOD='skip'", "unmanaged"),
            ("ETH0_METHOD='skip'\nETH0_IP6='2001:db8::1'", "unmanaged"),
            ("ETH0_METHOD='dhcp'\nETH0_IP6_METHOD='skip'", "ip=dhcp"),
            (
                "ETH0_METHOD='dhcp'\nETH0_IP6_METHOD='disable'",
                "ip=dhcp ip6=disabled",
            ),
            (
                "ETH0_METHOD='dhcp'\nETH0_IP6_METHOD='auto'",
                "ip=dhcp ip6=auto",
            ),
            (
                "ETH0_METHOD='dhcp'\nETH0_IP6_METHOD='static'\nETH0_IP6='2001:db8::1'",
                "ip=dhcp ip6=2001:db8::1/64",
            ),
            ("ETH0_METHOD='skip'\nETH0_IP6_METHOD='dhcp'", "ip6=dhcp"),
            ("ETH0_METHOD='skip'\nETH0_IP6_METHOD='auto'", "ip6=auto"),
            (
                "ETH0_METHOD='skip'\nETH0_IP6_METHOD='static'\nETH0_IP6='2001:db8::1'",
                "ip6=2001:db8::1/64",
            ),
            ("ETH0_METHOD='skip'\nETH0_IP6_METHOD='skip'", "unmanaged"),
            ("ETH0_METHOD='skip'\nETH0_IP6_METHOD='disable'", "unmanaged"),
            ("ETH0_IP6_METHOD='auto'", "ip=192.168.1.92/24 ip6=auto"),
            ("ETH0_IP6_METHOD='dhcp'", "ip=192.168.1.92/24 ip6=dhcp"),
            (
                "ETH0_IP6_METHOD='disable'",
                "ip=192.168.1.92/24 ip6=disabled",
            ),
            (
                "ETH0_IP6_METHOD='disable'\nETH0_IP6='2001:db8::1'",
                "ip=192.168.1.92/24 ip6=disabled",
            ),
            ("ETH0_IP6_METHOD='skip'\nETH0_IP6='2001:db8::1'", STATIC),
            ("ETH0_METHOD='bootp'", "refused"),
            ("ETH0_IP6_METHOD='magic'", "refused"),
        ],
    );
    check_plans(NO_ADDRESS, &[("ETH0_IP6_METHOD='disable'", "unmanaged")]);
}

#[test]
fn aliases() {
    let first = "ETH0_ALIAS0_MAC='02:00:c0:a8:01:64'\nETH0_ALIAS0_IP='192.168.1.100'\nETH0_ALIAS0_MASK='255.255.255.0'\n";
    let second = "ETH0_ALIAS1_MAC='02:00:c0:a8:01:65'\nETH0_ALIAS1_IP='192.168.1.101'\nETH0_ALIAS1_MASK='255.255.255.0'\n";
    let both = "ip=192.168.1.92/24,192.168.1.100/24";
    let table = [
        ("ETH0_ALIAS0_EXTERNAL='NO'\nETH0_ALIAS0_DETACH=''", both),
        ("ETH0_ALIAS0_EXTERNAL=''", both),
        ("ETH0_ALIAS0_EXTERNAL='false'", both),
        ("ETH0_ALIAS0_EXTERNAL='YES'", STATIC),
        ("ETH0_ALIAS0_EXTERNAL='yes'", STATIC),
        ("ETH0_ALIAS0_EXTERNAL='true'", STATIC),
        ("ETH0_ALIAS0_EXTERNAL='1'", STATIC),
        ("ETH0_ALIAS0_EXTERNAL=' Y '", STATIC),
        ("ETH0_ALIAS0_DETACH='yes'", STATIC),
        (
            "ETH0_ALIAS0_EXTERNAL='YES'\nETH0_ALIAS0_DETACH='yes'",
            STATIC,
        ),
        (
            "ETH0_ALIAS0_IP6='2001:db8::64'",
            "ip=192.168.1.92/24,192.168.1.100/24 ip6=2001:db8::64/64",
        ),
        (
            "ETH0_ALIAS0_IPV6='2001:db8::64'\nETH0_ALIAS0_IP6_ULA='fd00::64'",
            "ip=192.168.1.92/24,192.168.1.100/24 ip6=2001:db8::64/64,fd00::64/64",
        ),
    ];
    let base = format!("{PLAIN}{first}");
    check_plans(&base, &table);
    check_plans(
        PLAIN,
        &[
            (
                &format!("{second}{first}"),
                "ip=192.168.1.92/24,192.168.1.100/24,192.168.1.101/24",
            ),
            (
                &format!("{second}ETH0_ALIAS0_IP='notanip'"),
                "ip=192.168.1.92/24,192.168.1.101/24 bad=ETH0_ALIAS0_IP",
            ),
            (
                "ETH0_ALIAS0_IP='192.168.1.100'\nETH0_ALIAS0_MASK='255.0.255.0'",
                "ip=192.168.1.92/24 bad=ETH0_ALIAS0_MASK",
            ),
            (
                "ETH0_ALIAS0_IP6='notanip'",
                "ip=192.168.1.92/24 bad=ETH0_ALIAS0_IP6",
            ),
        ],
    );
}
