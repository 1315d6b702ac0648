//! Default routes: gateways on and off the link, and which of several NICs' routes is used.

use one_sriov_tests::{BACKENDS, Machine, infiniband, run, virtio};

use crate::scenario::{SCRIPTS, apply, check};
use crate::values::two_ethernet;

#[test]
fn gateways_off_the_link() {
    let context = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_MASK='255.255.255.255'\nETH0_GATEWAY='169.254.1.1'\nETH0_METRIC='5'\n\
        ETH0_IP6='2001:db8::5'\nETH0_IP6_PREFIX_LENGTH='128'\nETH0_IP6_GATEWAY='2001:db8:ffff::1'\n";
    check(
        "gateways-off-the-link",
        context,
        &[virtio("eth0", "02:00:0a:00:00:05", 3)],
    );
}

#[test]
fn a_gateway_without_an_address_of_its_family_is_not_written() {
    let machine =
        two_ethernet("ETH0_IP='10.0.0.5'\nETH0_IP6_GATEWAY='fe80::1'\nETH0_IP6_METRIC='5'");
    assert_eq!(apply(&machine).code, 0);
    let text = machine.read(&format!("{SCRIPTS}/ifcfg-eth0"));
    assert!(
        !text.contains("IPV6") && !machine.has(&format!("{SCRIPTS}/route6-eth0")),
        "{text}"
    );
}

/// `ifup` of initscripts supports a `GATEWAY` only in the network of the first address.
#[test]
fn a_gateway_in_the_network_of_an_alias_is_written_as_a_route() {
    let machine = two_ethernet(
        "ETH0_IP='203.0.113.7'\nETH0_MASK='255.255.255.255'\nETH0_GATEWAY='10.0.0.1'\nETH0_ALIAS0_IP='10.0.0.9'\n",
    );
    assert_eq!(apply(&machine).code, 0);
    let text = machine.read(&format!("{SCRIPTS}/ifcfg-eth0"));
    assert!(!text.contains("GATEWAY"), "{text}");
    let routes = machine.read(&format!("{SCRIPTS}/route-eth0"));
    assert!(
        routes.ends_with("\ndefault via 10.0.0.1 dev eth0\n") && !routes.contains("/32"),
        "{routes}"
    );
}

/// If two default routes have the same metric, either may be used, or the kernel refuses the second.
#[test]
fn a_metric_applies_to_both_families_unless_ipv6_has_its_own() {
    let both = "ETH0_IP='10.0.0.5'\nETH0_IP6='2001:db8::5'\nETH0_IP6_GATEWAY='fe80::1'\nETH0_METRIC='100'\n";
    for (more, metric) in [
        ("", 100),
        ("ETH0_IP6_METRIC='7'", 7),
        ("ETH0_METRIC6='8'", 8),
    ] {
        let machine = two_ethernet(&format!("{both}{more}"));
        assert_eq!(apply(&machine).code, 0);
        assert_eq!(
            machine
                .read(&format!("{SCRIPTS}/route6-eth0"))
                .lines()
                .last(),
            Some(format!("default via fe80::1 dev eth0 metric {metric}").as_str())
        );
    }
}

/// Variables of a NIC with gateways of both families. It has no metric unless `more` sets one.
fn with_gateways(number: u8, more: &str) -> String {
    format!(
        "ETH{number}_MAC='02:00:0a:0{number}:00:05'\nETH{number}_IP='10.{number}.0.5'\nETH{number}_GATEWAY='10.{number}.0.1'\n\
         ETH{number}_IP6='2001:db8:{number}::5'\nETH{number}_IP6_GATEWAY='fe80::1'\n{more}"
    )
}

fn nic(number: u8) -> one_sriov_tests::Nic {
    let mac = format!("02:00:0a:0{number}:00:05");
    virtio(&format!("eth{number}"), &mac, 3 + number)
}

fn default_routes(machine: &Machine, device: &str) -> Vec<String> {
    ["route", "route6"]
        .iter()
        .map(|kind| format!("{SCRIPTS}/{kind}-{device}"))
        .filter(|path| machine.has(path))
        .flat_map(|path| {
            let text = machine.read(&path);
            let lines = text.lines().filter(|line| line.starts_with("default"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn one_warning_names_the_nics_whose_default_route_is_not_used() {
    let context = with_gateways(0, "") + &with_gateways(1, "") + &with_gateways(2, "");
    let expected = "several NICs have a default route without a metric: that of ETH0 is used; ETH1 gets metric 1025, \
        ETH2 gets metric 1026 (IPv4, IPv6)";
    for backend in BACKENDS {
        let machine = Machine::new(&context, &[nic(0), nic(1), nic(2)]);
        let outcome = run(&machine, &["apply", "--backend", backend]);
        assert_eq!(outcome.code, 0, "{backend}: {}", outcome.stderr);
        assert_eq!(
            outcome.stderr.matches(expected).count(),
            1,
            "{backend}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn default_routes_are_ordered_as_in_the_context_whatever_the_kind_of_nic() {
    let context = "ETH0_MAC='02:00:c0:a8:07:05'\nETH0_IP='192.168.7.5'\nETH0_GATEWAY='192.168.7.1'\n\
                   ETH1_MAC='02:00:0a:01:00:05'\nETH1_IP='10.1.0.5'\nETH1_GATEWAY='10.1.0.1'\n";
    let port = infiniband("ib0", "00:04:aa:00:c0:a8:07:05", "0000:05:00.0");
    let machine = Machine::new(context, &[nic(1), port]);
    assert_eq!(apply(&machine).code, 0);
    let metric = |device: &str| {
        let text = machine.read(&format!("{SCRIPTS}/ifcfg-{device}"));
        let line = text.lines().find_map(|line| line.strip_prefix("METRIC="));
        line.map(str::to_owned)
    };
    assert_eq!((metric("ib0"), metric("eth1")), (None, Some("1025".into())));
}

/// The kernel reads an IPv6 metric of 0 as 1024, so the preferred NIC would come last.
#[test]
fn a_metric_of_zero_is_the_smallest_in_both_families() {
    let context = with_gateways(0, "ETH0_METRIC='0'\n") + &with_gateways(1, "ETH1_METRIC='1'\n");
    let machine = Machine::new(&context, &[nic(0), nic(1)]);
    let outcome = apply(&machine);
    assert_eq!(outcome.code, 0);
    let expected = "IPv6 metrics of default routes must differ and be above 0, which the kernel reads as 1024: \
                    ETH0 gets 1 instead of 0, ETH1 gets 2 instead of 1";
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    assert_eq!(
        default_routes(&machine, "eth0"),
        ["default via fe80::1 dev eth0 metric 1"]
    );
    assert_eq!(
        default_routes(&machine, "eth1"),
        ["default via fe80::1 dev eth1 metric 2"]
    );
}

/// The route of one-context's NIC has the kernel's default metric, which the agent must not change.
#[test]
fn beside_one_context_the_default_route_of_its_nic_comes_first() {
    let context = "ETH0_MAC='02:00:c0:a8:07:05'\nETH0_IP='192.168.7.5'\nETH0_GATEWAY='192.168.7.1'\n\
                   ETH1_MAC='02:00:0a:01:00:05'\nETH1_IP='10.1.0.5'\nETH1_GATEWAY='10.1.0.1'\n";
    let port = infiniband("ib0", "00:04:aa:00:c0:a8:07:05", "0000:05:00.0");
    let machine = Machine::new(context, &[nic(1), port]);
    machine.write("/etc/one-sriov/agent.conf", "role = companion\n");
    let outcome = apply(&machine);
    let expected = "that of ETH1 is used; ETH0 gets metric 1025";
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    let text = machine.read(&format!("{SCRIPTS}/ifcfg-ib0"));
    assert!(text.contains("\nMETRIC=1025\n"), "{text}");
}

#[test]
fn limits_of_initscripts_are_named() {
    let context = "ETH0_MAC='02:00:c0:a8:07:05'\nETH0_IP='192.168.7.5'\nETH0_MTU='4092'\n\
                   ETH0_DNS='10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.9'\n";
    let port = infiniband("ib0", "00:04:aa:00:c0:a8:07:05", "0000:05:00.0");
    let warnings = [
        "ETH0: 'ifup-ib' sets an MTU of 2044 in datagram mode, not 4092",
        "ETH0: initscripts use only the first 3 name servers, not 10.0.0.9",
    ];
    for (backend, is_named) in [("ifcfg-initscripts", true), ("ifcfg-nm", false)] {
        let machine = Machine::new(context, std::slice::from_ref(&port));
        let said = run(&machine, &["apply", "--backend", backend]).stderr;
        for warning in warnings {
            assert_eq!(said.contains(warning), is_named, "{backend}: {said}");
        }
    }
}
