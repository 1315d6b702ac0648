//! The network stacks themselves read what the agent wrote: systemd-networkd, NetworkManager, netplan and
//! ifupdown, each in namespaces of its own with real links. What counts is what the kernel has then.

// Tests may end at the first surprise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use one_sriov_tests::{Machine, Nic, ethernet, run, virtio};
use serde_json::Value;

/// The stacks, each with a program that is there where it is installed.
const STACKS: [(&str, &str); 5] = [
    ("networkd", "/lib/systemd/systemd-networkd"),
    ("netplan-networkd", "/usr/sbin/netplan"),
    ("interfaces", "/sbin/ifup"),
    ("keyfile", "/usr/sbin/NetworkManager"),
    ("netplan-nm", "/usr/sbin/netplan"),
];

/// A guest: its context, its links, and what its kernel shall have.
struct Scenario {
    name: &'static str,
    context: &'static str,
    nics: Vec<Nic>,
    links: &'static [&'static str],
    /// Of each device the addresses that are not link-local.
    addresses: &'static [(&'static str, &'static [&'static str])],
    /// `destination [via gateway] dev device [metric N]`; the metric where the context has one.
    routes: &'static [&'static str],
    dns: &'static [&'static str],
    /// Of each device.
    mtus: &'static [(&'static str, u64)],
    /// What must be down: nobody touches it.
    untouched: &'static [&'static str],
    /// Whether the kernel has to know VLANs.
    needs_vlans: bool,
}

impl Scenario {
    fn new(name: &'static str, context: &'static str) -> Self {
        Self {
            name,
            context,
            nics: vec![virtio("eth0", "02:00:0a:00:00:05", 3)],
            links: &["eth0=02:00:0a:00:00:05"],
            addresses: &[],
            routes: &[],
            dns: &[],
            mtus: &[],
            untouched: &[],
            needs_vlans: false,
        }
    }
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            addresses: &[("eth0", &["10.0.0.5/24"])],
            routes: &["default via 10.0.0.1 dev eth0"],
            dns: &["10.0.0.2", "10.0.0.3"],
            ..Scenario::new(
                "plain",
                "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_MASK='255.255.255.0'\n\
                 ETH0_GATEWAY='10.0.0.1'\nETH0_DNS='10.0.0.2'\nDNS='10.0.0.2 10.0.0.3'\n",
            )
        },
        Scenario {
            addresses: &[(
                "eth0",
                &["10.0.0.5/24", "10.0.1.5/24", "2001:db8::5/64", "fd00::5/64"],
            )],
            routes: &[
                "default via 10.0.0.1 dev eth0 metric 77",
                "default via 2001:db8::1 dev eth0 metric 78",
                "172.16.0.0/12 via 10.0.0.254 dev eth0",
                "2001:db8:9::/48 via 2001:db8::fe dev eth0",
            ],
            mtus: &[("eth0", 1400)],
            ..Scenario::new(
                "everything",
                "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_GATEWAY='10.0.0.1'\nETH0_METRIC='77'\n\
                 ETH0_MTU='1400'\nETH0_IP6='2001:db8::5'\nETH0_IP6_ULA='fd00::5'\nETH0_IP6_GATEWAY='2001:db8::1'\n\
                 ETH0_IP6_METRIC='78'\nETH0_ALIAS0_IP='10.0.1.5'\n\
                 ETH0_ROUTES='172.16.0.0/12 via 10.0.0.254, 2001:db8:9::/48 via 2001:db8::fe'\n",
            )
        },
        Scenario {
            addresses: &[("eth0", &["10.0.0.5/32", "2001:db8::5/128"])],
            routes: &[
                "default via 169.254.1.1 dev eth0",
                "default via 2001:db8:ffff::1 dev eth0",
            ],
            ..Scenario::new(
                "gateways off the link",
                "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_MASK='255.255.255.255'\n\
                 ETH0_GATEWAY='169.254.1.1'\nETH0_IP6='2001:db8::5'\nETH0_IP6_PREFIX_LENGTH='128'\n\
                 ETH0_IP6_GATEWAY='2001:db8:ffff::1'\n",
            )
        },
        Scenario {
            addresses: &[("eth0", &["2001:db8::5/56"])],
            routes: &["default via fe80::1 dev eth0"],
            dns: &["2001:db8::53"],
            mtus: &[("eth0", 1300)],
            ..Scenario::new(
                "IPv6 only",
                "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP6='2001:db8::5'\nETH0_IP6_PREFIX_LENGTH='56'\n\
                 ETH0_IP6_GATEWAY='fe80::1'\nETH0_MTU='1300'\nETH0_DNS='2001:db8::53'\n",
            )
        },
        Scenario {
            nics: vec![
                virtio("eth0", "02:00:0a:00:00:05", 3),
                virtio("eth1", "aa:00:c0:a8:07:05", 4),
                ethernet("ens9", "02:00:c0:a8:07:05", "0000:01:01.0", "mlx5_core"),
            ],
            links: &[
                "eth0=02:00:0a:00:00:05",
                "eth1=aa:00:c0:a8:07:05",
                "ens9=02:00:c0:a8:07:05",
            ],
            addresses: &[
                ("eth0", &["10.0.0.5/24"]),
                ("ens9", &["192.168.7.5/24"]),
                ("eth1", &[]),
            ],
            routes: &["169.254.16.9 dev eth0"],
            untouched: &["eth1"],
            ..Scenario::new(
                "an Ethernet VF, its dummy NIC, and OneGate on the link",
                "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\n\
                 ETH1_MAC='02:00:c0:a8:07:05'\nETH1_IP='192.168.7.5'\nONEGATE_ENDPOINT='http://169.254.16.9:5030'\n",
            )
        },
        Scenario {
            nics: vec![ethernet(
                "ens9",
                "02:00:0a:09:00:05",
                "0000:01:01.0",
                "mlx5_core",
            )],
            links: &["ens9=02:00:0a:09:00:05", "WAIT=ens9.42"],
            addresses: &[
                ("ens9", &[]),
                ("ens9.42", &["10.9.0.5/24", "2001:db8:9::5/64"]),
            ],
            routes: &[
                "default via 10.9.0.1 dev ens9.42",
                "default via 2001:db8:9::1 dev ens9.42",
            ],
            mtus: &[("ens9.42", 1400)],
            needs_vlans: true,
            ..Scenario::new(
                "a VLAN of a NIC that is passed through",
                "PCI0_ADDRESS='01:01.0'\nPCI0_IP='10.9.0.5'\nPCI0_VLAN_ID='42'\nPCI0_MTU='1400'\n\
                 PCI0_GATEWAY='10.9.0.1'\nPCI0_IP6='2001:db8:9::5'\nPCI0_GATEWAY6='2001:db8:9::1'\n",
            )
        },
    ]
}

/// Has a stack read the files of a scenario; what the kernel has then.
fn boot(stack: &str, scenario: &Scenario) -> Value {
    let machine = Machine::new(scenario.context, &scenario.nics);
    let applied = run(&machine, &["apply", "--backend", stack]);
    assert_eq!(applied.code, 0, "{}: {}", scenario.name, applied.stderr);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks/guest.sh");
    let output = Command::new("unshare")
        .args([
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ])
        .arg(script)
        .arg(stack)
        .arg(machine.root())
        .args(scenario.links)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .unwrap();
    let log = |name: &str| std::fs::read_to_string(machine.path(name)).unwrap_or_default();
    assert!(
        output.status.success(),
        "{stack}, {}: {}\n{}{}",
        scenario.name,
        String::from_utf8_lossy(&output.stderr),
        log("/networkd.log"),
        log("/NetworkManager.log")
    );
    // Programs of the stack may talk on the same output before.
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = stdout.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{stack}: {error}: {stdout}"))
}

fn texts(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// The link of that name, as `ip -j addr` has it.
fn link<'k>(kernel: &'k Value, device: &str) -> &'k Value {
    let mut links = kernel["addr"].as_array().unwrap().iter();
    links
        .find(|link| link["ifname"] == device)
        .unwrap_or_else(|| panic!("there is no '{device}': {kernel}"))
}

fn addresses(kernel: &Value, device: &str) -> BTreeSet<String> {
    let infos = link(kernel, device)["addr_info"].as_array().unwrap().iter();
    infos
        .filter(|info| info["scope"] != "link")
        .map(|info| format!("{}/{}", texts(info, "local"), info["prefixlen"]))
        .collect()
}

/// The routes that somebody has made, with the metric where it is one of the context's.
fn routes(kernel: &Value, metrics: &[u64]) -> BTreeSet<String> {
    let all = ["route4", "route6"].map(|family| kernel[family].as_array().unwrap());
    let made = all.into_iter().flatten().filter(|route| {
        let is_multicast = texts(route, "dst").starts_with("ff00::");
        // Of the gateway itself, where a stack needs that to reach it.
        let is_host = route["gateway"].is_null()
            && ["169.254.1.1", "2001:db8:ffff::1"].contains(&&*texts(route, "dst"));
        route["protocol"] != "kernel" && !is_multicast && !is_host
    });
    let route = |route: &Value| {
        let via = match &route["gateway"] {
            Value::String(gateway) => format!(" via {gateway}"),
            _ => String::new(),
        };
        // Some stacks give it to all routes of the NIC.
        let metric = route["metric"]
            .as_u64()
            .filter(|metric| route["dst"] == "default" && metrics.contains(metric));
        let metric = metric.map_or_else(String::new, |metric| format!(" metric {metric}"));
        format!(
            "{}{via} dev {}{metric}",
            texts(route, "dst"),
            texts(route, "dev")
        )
    };
    made.map(route).collect()
}

fn check(stack: &str, scenario: &Scenario) {
    let kernel = boot(stack, scenario);
    let what = format!("{stack}, {}", scenario.name);
    for (device, expected) in scenario.addresses {
        let expected: BTreeSet<String> = expected.iter().map(|&text| text.to_owned()).collect();
        assert_eq!(addresses(&kernel, device), expected, "{what}: {device}");
    }
    let expected: BTreeSet<String> = scenario
        .routes
        .iter()
        .map(|&text| text.to_owned())
        .collect();
    assert_eq!(routes(&kernel, &[77, 78]), expected, "{what}");
    for (device, mtu) in scenario.mtus {
        assert_eq!(link(&kernel, device)["mtu"], *mtu, "{what}: {device}");
    }
    for device in scenario.untouched {
        let flags = link(&kernel, device)["flags"].as_array().unwrap();
        assert!(
            !flags.contains(&"UP".into()),
            "{what}: {device} was touched"
        );
    }
    // ifupdown hands name servers to resolvconf.
    if stack != "interfaces" {
        let known = texts(&kernel, "dns");
        assert_eq!(
            known.split_whitespace().collect::<Vec<_>>(),
            scenario.dns,
            "{what}"
        );
    }
}

/// Module `8021q` is not in every kernel.
fn has_vlans() -> bool {
    let script =
        "ip link add a type veth peer name b && ip link add link a name a.5 type vlan id 5";
    let mut unshare = Command::new("unshare");
    let made = unshare
        .args(["--net", "sh", "-c", script])
        .output()
        .unwrap();
    made.status.success()
}

/// All scenarios for one stack, where it is installed; CI has them all.
fn check_stack(stack: &str) {
    let (_, program) = STACKS.iter().find(|(name, _)| *name == stack).unwrap();
    if !Path::new(program).exists() || !nix::unistd::geteuid().is_root() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI has no '{program}', or is not root; 'make setup' installs it there"
        );
        println!("passed over: '{program}' is not installed, or this is not root");
        return;
    }
    for scenario in scenarios() {
        if scenario.needs_vlans && !has_vlans() {
            println!("passed over: this kernel has no VLANs: {}", scenario.name);
            continue;
        }
        check(stack, &scenario);
    }
}

#[test]
fn systemd_networkd() {
    check_stack("networkd");
}

#[test]
fn netplan_for_networkd() {
    check_stack("netplan-networkd");
}

#[test]
fn ifupdown() {
    check_stack("interfaces");
}

#[test]
fn network_manager() {
    check_stack("keyfile");
}

#[test]
fn netplan_for_network_manager() {
    check_stack("netplan-nm");
}
