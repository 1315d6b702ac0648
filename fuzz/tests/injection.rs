//! A value in a context, whatever its bytes, cannot add a line, a key, a section or a shell word to the file of any network
//! stack.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use one_sriov_agent::context::Context;
use one_sriov_agent::inventory::Sysfs;
use one_sriov_agent::plan::{PlanSettings, plan};
use one_sriov_agent::render::{Backend, Resolver};
use one_sriov_system::Root;
use one_sriov_tests::{Machine, check_line, ethernet, infiniband, virtio};
use proptest::prelude::*;

const SUFFIXES: &[&str] = &[
    "IP",
    "MASK",
    "GATEWAY",
    "METRIC",
    "METHOD",
    "IP6",
    "IP6_PREFIX_LENGTH",
    "IP6_ULA",
    "IP6_GATEWAY",
    "IP6_METRIC",
    "IP6_METHOD",
    "MTU",
    "DNS",
    "SEARCH_DOMAIN",
    "ROUTES",
    "VLAN_ID",
    "ALIAS0_IP",
    "ALIAS0_IP6",
    "MODE",
    "PKEY",
    "PORT",
    "IPV6",
    "ALIAS0_MASK",
    "ALIAS0_EXTERNAL",
];

/// Returns the lines of the files for all stacks, for a context with one value replaced.
fn lines(name: &str, value: &[u8]) -> BTreeSet<String> {
    let mut context = b"ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_IP6='2001:db8::5'\n\
        ETH1_MAC='02:00:c0:a8:07:05'\nETH1_IP='192.168.7.5'\nPCI0_ADDRESS='01:01.0'\nPCI0_IP='10.9.0.5'\n"
        .to_vec();
    context.extend(name.as_bytes());
    context.extend(b"='");
    for &byte in value.iter().filter(|byte| **byte != 0) {
        match byte {
            b'\'' => context.extend(b"'\\''"),
            byte => context.push(byte),
        }
    }
    context.extend(b"'\n");
    let machine = Machine::new(
        "",
        &[
            virtio("eth0", "02:00:0a:00:00:05", 3),
            virtio("eth1", "aa:00:c0:a8:07:05", 4),
            infiniband("ib0", "00:04:aa:00:c0:a8:07:05", "0000:05:00.0"),
            ethernet("ens9", "02:00:0a:09:00:05", "0000:01:01.0", "mlx5_core"),
        ],
    );
    let root = Root::new(machine.root());
    let inventory = Sysfs::new(machine.path("/sys"), &root)
        .unwrap()
        .inventory()
        .unwrap();
    let context = Context::parse(&context).unwrap();
    let plan = plan(&context, &inventory, &PlanSettings::default());
    let rendered = Backend::ALL.into_iter().flat_map(|backend| {
        let names = backend.name_servers(&plan, || Resolver::Nobody);
        [backend.render(&plan).files, names.files].concat()
    });
    let texts: Vec<String> = rendered.map(|file| file.text).collect();
    texts
        .iter()
        .flat_map(|text| text.split('\n'))
        .map(str::to_owned)
        .collect()
}

fn name() -> impl Strategy<Value = String> {
    let of_nic = (
        prop::sample::select(vec!["ETH0", "ETH1", "IB0", "PCI0"]),
        prop::sample::select(SUFFIXES),
    )
        .prop_map(|(nic, suffix)| format!("{nic}_{suffix}"));
    prop_oneof![8 => of_nic, 1 => Just("DNS".to_owned()), 1 => Just("SEARCH_DOMAIN".to_owned()),
        1 => Just("ONEGATE_ENDPOINT".to_owned())]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "10.0.0.9",
        "2001:db8::9",
        "\n",
        "\r\n",
        "[Network]\n",
        "DNS=6.6.6.6",
        "$(reboot)",
        "`id`",
        ";",
        "\"",
        "'",
        "\\",
        " ",
        ",",
        "/24",
        " via ",
        "example.org",
        "dhcp",
        "auto",
        "static",
        "0x8003",
        "5",
        "9000",
        "connected",
        "\u{a0}",
        "\u{2028}",
        "#",
        "{{",
        "}}",
        ": ",
        "- ",
        "|",
        "&&",
        "http://169.254.1.1",
        "fe80::1%eth0",
        "~",
        ".",
        "172.16.0.0/12 via 10.0.0.1",
        " dev eth0",
        " metric 5",
        " 255.0.0.0 ",
        "8001",
    ]);
    let built = prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![4 => built, 1 => prop::collection::vec(any::<u8>(), 0..40)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn every_line_of_every_file_is_allowed(name in name(), value in value()) {
        for line in lines(&name, &value) {
            prop_assert_eq!(check_line(&line), Ok(()), "{} = {:?}", name, String::from_utf8_lossy(&value));
        }
    }
}

#[test]
fn injected_lines_are_detected() {
    for line in [
        "[Install]",
        "ExecStart=/bin/sh",
        "IPADDR=10.0.0.5; reboot",
        "up ip route replace $(reboot)",
        "DNS1=`id`",
        "    up reboot && true",
        "dns=1.1.1.1\t[ipv4]",
        "post-up reboot",
        "BOOTPROTO=no\u{a0}ne",
        "    up ip route replace ~ via 10.0.0.1",
        "    dns-search ~a.b",
        "DNS1=~",
    ] {
        assert!(check_line(line).is_err(), "{line}");
    }
    assert!(lines("ETH0_DNS", b"10.0.0.2").len() > 60);
}
