//! The test cases of other readers of contexts, run against the agent: OpenNebula's own guest scripts, and the OpenNebula
//! platforms of Talos and cloud-init. If the three differ, the guest scripts are right.
//!
//! Each line is a case: variables in addition to those of a plain NIC, and the resulting plan.

use one_sriov_tests::{Machine, Nic, run, virtio};
use serde_json::Value;

use crate::scenario::apply;

const MAC: &str = "02:00:c0:a8:01:5c";
const PLAIN: &str =
    "ETH0_MAC='02:00:c0:a8:01:5c'\nETH0_IP='192.168.1.92'\nETH0_MASK='255.255.255.0'\n";
const NO_ADDRESS: &str = "ETH0_MAC='02:00:c0:a8:01:5c'\n";

/// The plan of each NIC of the context, one line each.
fn planned(machine: &Machine) -> Vec<String> {
    let outcome = run(
        machine,
        &["plan", "--json", "--backend", "ifcfg-initscripts"],
    );
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let plan: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let nics = plan["nics"].as_array().expect("NICs");
    let mut lines: Vec<String> = nics.iter().map(line).collect();
    lines.extend(values(&plan["bad_values"], |value| {
        format!("bad={}", text(&value["variable"]))
    }));
    lines
}

fn line(nic: &Value) -> String {
    let mut parts = Vec::new();
    if nic["outcome"] == "configured" {
        let config = &nic["config"];
        parts.extend(addresses("ip", &config["ipv4"]));
        parts.extend(one("gw", &config["gateway4"]));
        parts.extend(one("metric", &config["metric4"]));
        parts.extend(addresses("ip6", &config["ipv6"]));
        parts.extend(one("gw6", &config["gateway6"]));
        parts.extend(one("metric6", &config["metric6"]));
        parts.extend(one("mtu", &config["mtu"]));
        parts.extend(list("dns", &config["dns"]));
        parts.extend(list("search", &config["search"]));
        parts.extend(one("onegate", &config["onegate"]));
        parts.extend(values(&config["routes"], |route| {
            let via = format!("{}>{}", text(&route["destination"]), text(&route["via"]));
            match &route["metric"] {
                Value::Null => format!("route={via}"),
                metric => format!("route={via}*{metric}"),
            }
        }));
    } else {
        parts.push(text(&nic["outcome"]));
    }
    parts.extend(values(&nic["bad_values"], |value| {
        format!("bad={}", text(&value["variable"]))
    }));
    parts.join(" ")
}

fn addresses(key: &str, family: &Value) -> Option<String> {
    match family["method"].as_str() {
        Some("none") => None,
        Some("static") => list(key, &family["addresses"]),
        _ => one(key, &family["method"]),
    }
}

fn one(key: &str, value: &Value) -> Option<String> {
    (!value.is_null()).then(|| format!("{key}={}", text(value)))
}

fn list(key: &str, value: &Value) -> Option<String> {
    let values = values(value, text);
    (!values.is_empty()).then(|| format!("{key}={}", values.join(",")))
}

fn values(list: &Value, shown: impl FnMut(&Value) -> String) -> Vec<String> {
    list.as_array().expect("a list").iter().map(shown).collect()
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A machine whose device has a name that the context does not expect.
fn machine(context: &str) -> Machine {
    Machine::new(context, &[virtio("ens3", MAC, 3)])
}

/// Checks each plan, and that the exit code of `apply` shows whether the whole context was used.
fn hold(base: &str, table: &[(&str, &str)]) {
    for (variables, expected) in table {
        let machine = machine(&format!("{base}{variables}\n"));
        assert_eq!(planned(&machine).join(" | "), *expected, "{variables}");
        let is_bad = expected.contains("bad=") || expected.contains("refused");
        let outcome = apply(&machine);
        assert_eq!(
            outcome.code,
            if is_bad { 4 } else { 0 },
            "{variables}: {}",
            outcome.stderr
        );
        for part in expected.split(' ') {
            if let Some(variable) = part.strip_prefix("bad=") {
                assert!(
                    outcome.stderr.contains(variable),
                    "{variables}: {}",
                    outcome.stderr
                );
            }
        }
    }
}

const STATIC: &str = "ip=192.168.1.92/24";

/// [`hold`] for variables in addition to the address of a plain NIC.
fn hold_beside_the_address(table: &[(&str, &str)]) {
    let expected: Vec<(&str, String)> = table
        .iter()
        .map(|(variables, more)| (*variables, format!("{STATIC} {more}").trim_end().to_owned()))
        .collect();
    let table: Vec<(&str, &str)> = expected
        .iter()
        .map(|(variables, expected)| (*variables, expected.as_str()))
        .collect();
    hold(PLAIN, &table);
}

#[test]
fn addresses_of_ipv4() {
    hold(
        NO_ADDRESS,
        &[
            ("ETH0_IP='10.18.1.1'", "ip=10.18.1.1/24"),
            ("ETH0_IP='10.18.1.1'\nETH0_MASK=''", "ip=10.18.1.1/24"),
            (
                "ETH0_IP='10.18.1.1'\nETH0_MASK='255.255.0.0'\nETH0_NETWORK='10.18.0.0'",
                "ip=10.18.1.1/16",
            ),
            // The address that cloud-init decodes from the MAC is not leased.
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
fn addresses_of_ipv6() {
    hold_beside_the_address(&[
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
        // The prefix length is only that of the global network.
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
    hold(
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
fn methods_and_what_ipv6_takes_over_from_ipv4() {
    hold(
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
    hold(NO_ADDRESS, &[("ETH0_IP6_METHOD='disable'", "unmanaged")]);
}

#[test]
fn metrics() {
    hold(
        PLAIN,
        &[
            (
                "ETH0_METHOD='dhcp'\nETH0_METRIC='300'",
                "ip=dhcp metric=300 ip6=dhcp metric6=300",
            ),
            (
                "ETH0_METHOD='skip'\nETH0_IP6_METHOD='dhcp'\nETH0_METRIC='300'",
                "metric=300 ip6=dhcp metric6=300",
            ),
            (
                "ETH0_METHOD='dhcp'\nETH0_METRIC='300'\nETH0_IP6_METRIC='5'",
                "ip=dhcp metric=300 ip6=dhcp metric6=5",
            ),
            (
                "ETH0_METRIC='300'\nETH0_IP6_METHOD='auto'",
                "ip=192.168.1.92/24 metric=300 ip6=auto metric6=300",
            ),
            (
                "ETH0_METRIC='300'\nETH0_IP6='2001:db8::1'\nETH0_IP6_GATEWAY='fe80::1'",
                "ip=192.168.1.92/24 metric=300 ip6=2001:db8::1/64 gw6=fe80::1 metric6=300",
            ),
            (
                "ETH0_METRIC='300'\nETH0_IP6='2001:db8::1'\nETH0_IP6_GATEWAY='fe80::1'\nETH0_METRIC6='8'",
                "ip=192.168.1.92/24 metric=300 ip6=2001:db8::1/64 gw6=fe80::1 metric6=8",
            ),
            ("ETH0_METRIC='often'", "ip=192.168.1.92/24 bad=ETH0_METRIC"),
            (
                "ETH0_IP6_METHOD='auto'\nETH0_IP6_METRIC='-1'",
                "ip=192.168.1.92/24 ip6=auto bad=ETH0_IP6_METRIC",
            ),
        ],
    );
}

#[test]
fn routes() {
    hold_beside_the_address(&[
        ("ETH0_ROUTES=''", ""),
        ("ETH0_ROUTES='   ,  ,  '", ""),
        (
            "ETH0_ROUTES='10.0.0.0/8 via 192.168.1.1'",
            "route=10.0.0.0/8>192.168.1.1",
        ),
        (
            "ETH0_ROUTES='10.1.2.0/8 via 192.168.1.1'",
            "route=10.0.0.0/8>192.168.1.1",
        ),
        (
            "ETH0_ROUTES='10.0.0.0/8 via 192.168.1.1 200'",
            "route=10.0.0.0/8>192.168.1.1*200",
        ),
        (
            "ETH0_ROUTES='10.0.0.0/8 via 192.168.1.1 metric 200'",
            "route=10.0.0.0/8>192.168.1.1*200",
        ),
        (
            "ETH0_ROUTES='10.0.0.0/8 via 192.168.1.1 dev eth0'",
            "route=10.0.0.0/8>192.168.1.1",
        ),
        (
            "ETH0_ROUTES='10.0.0.0/8 via 192.168.1.1 dev eth0,172.16.0.0/12 via 192.168.1.1 dev eth0 metric 50'",
            "route=10.0.0.0/8>192.168.1.1 route=172.16.0.0/12>192.168.1.1*50",
        ),
        (
            "ETH0_ROUTES='10.0.0.0 255.0.0.0 192.168.1.1'",
            "route=10.0.0.0/8>192.168.1.1",
        ),
        (
            "ETH0_ROUTES='172.16.0.0 255.255.0.0 192.168.1.1 500'",
            "route=172.16.0.0/16>192.168.1.1*500",
        ),
        (
            "ETH0_ROUTES='10.0.0.0 255.0.0.0 192.168.1.1, 172.16.0.0 255.255.0.0 192.168.1.1 500'",
            "route=10.0.0.0/8>192.168.1.1 route=172.16.0.0/16>192.168.1.1*500",
        ),
        (
            "ETH0_ROUTES='10.0.0.0/8 via 192.168.1.1 172.16.0.0/12 via 192.168.1.2'",
            "route=10.0.0.0/8>192.168.1.1 route=172.16.0.0/12>192.168.1.2",
        ),
        ("ETH0_ROUTES='10.0.0.0/8 via notanip'", "bad=ETH0_ROUTES"),
        (
            "ETH0_ROUTES='notaprefix/8 via 192.168.1.1'",
            "bad=ETH0_ROUTES",
        ),
        (
            "ETH0_ROUTES='notanip 255.0.0.0 192.168.1.1'",
            "bad=ETH0_ROUTES",
        ),
        (
            "ETH0_ROUTES='10.0.0.0/8 via 192.168.1.1 notanumber'",
            "bad=ETH0_ROUTES",
        ),
        ("ETH0_ROUTES='10.0.0.0/8 via'", "bad=ETH0_ROUTES"),
        ("ETH0_ROUTES='10.0.0.0 255.0.0.0'", "bad=ETH0_ROUTES"),
        // Only the bad route is ignored.
        (
            "ETH0_ROUTES='10.0.0.0/8 via gw, 172.16.0.0/12 via 192.168.1.1'",
            "route=172.16.0.0/12>192.168.1.1 bad=ETH0_ROUTES",
        ),
    ]);
}

#[test]
fn name_servers_and_search_domains() {
    hold_beside_the_address(&[
        ("DNS='9.9.9.9 1.1.1.1'", "dns=9.9.9.9,1.1.1.1"),
        ("DNS='9.9.9.9, 1.1.1.1'", "dns=9.9.9.9,1.1.1.1"),
        ("ETH0_DNS='192.168.1.1 8.8.8.8'", "dns=192.168.1.1,8.8.8.8"),
        // Those of the context come first.
        (
            "DNS='9.9.9.9'\nETH0_DNS='192.168.1.1'",
            "dns=9.9.9.9,192.168.1.1",
        ),
        (
            "DNS='9.9.9.9'\nETH0_DNS='192.168.1.1 9.9.9.9'",
            "dns=9.9.9.9,192.168.1.1",
        ),
        (
            "SEARCH_DOMAIN='global.example.com'",
            "search=global.example.com",
        ),
        (
            "ETH0_SEARCH_DOMAIN='example.com example.org'",
            "search=example.com,example.org",
        ),
        (
            "SEARCH_DOMAIN='global.example.com'\nETH0_SEARCH_DOMAIN='example.com'",
            "search=global.example.com,example.com",
        ),
        ("ETH0_SEARCH_DOMAIN='.'", "search=."),
        (
            "ETH0_SEARCH_DOMAIN='~example.org, example.net'",
            "search=~example.org,example.net",
        ),
        ("DNS=''\nETH0_DNS=''\nETH0_SEARCH_DOMAIN=''", ""),
        ("ETH0_DNS='fe80::1%eth0'", "dns=fe80::1"),
        ("ETH0_DNS='notanip'", "bad=ETH0_DNS"),
        (
            "ETH0_DNS='192.168.1.1 notanip 8.8.8.8'",
            "dns=192.168.1.1,8.8.8.8 bad=ETH0_DNS",
        ),
        (
            "ETH0_SEARCH_DOMAIN='it'\\''s.example'",
            "bad=ETH0_SEARCH_DOMAIN",
        ),
    ]);
    hold(
        PLAIN,
        &[
            ("DNS='notanip'", "ip=192.168.1.92/24 | bad=DNS"),
            (
                "DNS='notanip 9.9.9.9'\nSEARCH_DOMAIN='a b..c'",
                "ip=192.168.1.92/24 dns=9.9.9.9 search=a | bad=DNS | bad=SEARCH_DOMAIN",
            ),
        ],
    );
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
    hold(&base, &table);
    hold(
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

#[test]
fn onegate() {
    hold_beside_the_address(&[
        (
            "ONEGATE_ENDPOINT='http://169.254.16.9:5030/RPC2'",
            "onegate=169.254.16.9",
        ),
        (
            "ONEGATE_ENDPOINT='http://169.254.16.9/RPC2'",
            "onegate=169.254.16.9",
        ),
        ("ONEGATE_ENDPOINT='http://10.0.0.1:5030/RPC2'", ""),
        ("ONEGATE_ENDPOINT='http://[::1]:5030/RPC2'", ""),
        ("ONEGATE_ENDPOINT='not-a-url'", ""),
    ]);
    let context = "ETH0_MAC='02:00:c0:a8:01:5c'\nETH0_METHOD='dhcp'\nETH0_IP6_METHOD='skip'\n\
        ETH1_MAC='02:00:c0:a8:01:5d'\nETH1_IP='192.168.1.93'\nONEGATE_ENDPOINT='http://169.254.16.9:5030/RPC2'\n";
    assert_eq!(
        planned(&Machine::new(context, &two())),
        ["ip=dhcp", "ip=192.168.1.93/24 onegate=169.254.16.9"]
    );
}

/// The devices of two NICs, in reverse order.
fn two() -> Vec<Nic> {
    vec![
        virtio("enp0s25", "02:00:c0:a8:01:5d", 3),
        virtio("enp1s2", MAC, 4),
    ]
}

#[test]
fn two_nics_whose_devices_have_other_names_and_another_order() {
    let context = "DNS='1.2.3.8'\nETH0_DNS='1.2.3.6 1.2.3.7'\nETH0_GATEWAY='1.2.3.5'\nETH0_GATEWAY6='2001:db8:1::ffff'\n\
        ETH0_IP='10.18.1.1'\nETH0_IP6='2001:db8:1::1'\nETH0_IP6_PREFIX_LENGTH=''\nETH0_IP6_ULA='fd01::1'\n\
        ETH0_MAC='02:00:C0:A8:01:5C'\nETH0_MASK='255.255.0.0'\nETH0_MTU='1280'\nETH0_NETWORK='10.18.0.0'\n\
        ETH0_SEARCH_DOMAIN='example.com'\nETH3_DNS='10.3.1.2'\nETH3_GATEWAY=''\nETH3_GATEWAY6=''\nETH3_IP='10.3.1.3'\n\
        ETH3_IP6=''\nETH3_IP6_PREFIX_LENGTH=''\nETH3_IP6_ULA=''\nETH3_MAC='02:00:c0:a8:01:5d'\nETH3_MASK='255.255.0.0'\n\
        ETH3_MTU=''\nETH3_NETWORK='10.3.0.0'\nETH3_SEARCH_DOMAIN='third.example.com third.example.org'\n";
    assert_eq!(
        planned(&Machine::new(context, &two())),
        [
            "ip=10.18.1.1/16 gw=1.2.3.5 ip6=2001:db8:1::1/64,fd01::1/64 gw6=2001:db8:1::ffff mtu=1280 \
             dns=1.2.3.8,1.2.3.6,1.2.3.7 search=example.com",
            "ip=10.3.1.3/16 dns=10.3.1.2 search=third.example.com,third.example.org",
        ]
    );
}

#[test]
fn the_switch_of_opennebula_is_not_one_of_the_guest() {
    for network in ["", "NETWORK='YES'\n", "NETWORK='NO'\n"] {
        let machine = machine(&format!("{network}{PLAIN}"));
        assert_eq!(planned(&machine), [STATIC], "{network}");
        assert_eq!(apply(&machine).code, 0, "{network}");
    }
}
