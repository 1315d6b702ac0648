//! Values of variables: which are accepted, and what a bad value costs.

mod bad;
mod infiniband;

use crate::scenario::{SCRIPTS, apply, check};
use one_sriov_tests::{Machine, virtio};

const GOOD: &str = "ETH1_MAC='02:00:0a:00:00:06'\nETH1_IP='10.0.0.6'\n";

/// A machine with ETH0 and ETH1 on Ethernet. `variables` are those of ETH0 in addition to its MAC.
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

#[test]
fn empty_values_count_as_unset_and_unknown_variables_are_ignored() {
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

#[test]
fn settings_that_need_an_address_are_not_written_without_one() {
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
