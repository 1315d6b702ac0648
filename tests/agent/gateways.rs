//! Default routes: a gateway wherever it lies, and which of several is taken.

use one_sriov_tests::virtio;

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

/// `ifup` of initscripts honours `GATEWAY` in the network of the first address alone.
#[test]
fn a_gateway_in_the_network_of_an_alias_has_a_route_of_its_own() {
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

/// Two default routes of one metric take turns, or the second is refused.
#[test]
fn the_metric_of_a_nic_is_that_of_both_families_unless_ipv6_has_one() {
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
