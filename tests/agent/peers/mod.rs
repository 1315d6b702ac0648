//! Test cases of other programs that read contexts, run against the agent: OpenNebula's own guest scripts, and the OpenNebula
//! platforms of Talos and cloud-init. Where they differ, the guest scripts are right.
//!
//! Each line is a case: variables in addition to those of a plain NIC, and the expected plan.

mod addresses;
mod routes;

use crate::scenario::apply;
use one_sriov_tests::{Machine, Nic, run, virtio};
use serde_json::Value;

const MAC: &str = "02:00:c0:a8:01:5c";

const PLAIN: &str =
    "ETH0_MAC='02:00:c0:a8:01:5c'\nETH0_IP='192.168.1.92'\nETH0_MASK='255.255.255.0'\n";

const NO_ADDRESS: &str = "ETH0_MAC='02:00:c0:a8:01:5c'\n";

/// The plan of each NIC of a context, in one line.
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

/// A machine whose device has an unusual name.
fn machine(context: &str) -> Machine {
    Machine::new(context, &[virtio("ens3", MAC, 3)])
}

/// Checks each plan, and that the exit code of `apply` shows whether all of the context was used.
fn check_plans(base: &str, table: &[(&str, &str)]) {
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

/// Like [`check_plans`], for variables in addition to the address of a plain NIC.
fn check_plans_with_address(table: &[(&str, &str)]) {
    let expected: Vec<(&str, String)> = table
        .iter()
        .map(|(variables, more)| (*variables, format!("{STATIC} {more}").trim_end().to_owned()))
        .collect();
    let table: Vec<(&str, &str)> = expected
        .iter()
        .map(|(variables, expected)| (*variables, expected.as_str()))
        .collect();
    check_plans(PLAIN, &table);
}

#[test]
fn name_servers_and_search_domains() {
    check_plans_with_address(&[
        ("DNS='9.9.9.9 1.1.1.1'", "dns=9.9.9.9,1.1.1.1"),
        ("DNS='9.9.9.9, 1.1.1.1'", "dns=9.9.9.9,1.1.1.1"),
        ("ETH0_DNS='192.168.1.1 8.8.8.8'", "dns=192.168.1.1,8.8.8.8"),
        // The context's name servers come before the NIC's.
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
    check_plans(
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
fn onegate() {
    check_plans_with_address(&[
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
fn two_nics_whose_devices_have_other_names_and_the_reverse_order() {
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
fn network_yes_and_no_do_not_change_the_plan() {
    for network in ["", "NETWORK='YES'\n", "NETWORK='NO'\n"] {
        let machine = machine(&format!("{network}{PLAIN}"));
        assert_eq!(planned(&machine), [STATIC], "{network}");
        assert_eq!(apply(&machine).code, 0, "{network}");
    }
}
