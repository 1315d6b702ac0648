//! The network stacks themselves read what the agent wrote: systemd-networkd, NetworkManager, netplan, ifupdown
//! and busybox, each in namespaces of its own with real links. What counts is what the kernel has then.

// Tests may end at the first surprise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod scenarios;
mod understood;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use one_sriov_tests::{Machine, Nic, agent_path};
use serde_json::Value;

/// The stacks, each with a program that is there where it is installed.
const STACKS: [(&str, &str); 6] = [
    ("networkd", "/lib/systemd/systemd-networkd"),
    ("netplan-networkd", "/usr/sbin/netplan"),
    ("interfaces", "/sbin/ifup"),
    ("interfaces-alpine", "/bin/busybox"),
    ("keyfile", "/usr/sbin/NetworkManager"),
    ("netplan-nm", "/usr/sbin/netplan"),
];

/// A guest, from its boot on.
struct Scenario {
    name: &'static str,
    /// The first is its boot.
    stages: Vec<Stage>,
    /// Whether the kernel has to know VLANs.
    needs_vlans: bool,
    /// NetworkManager goes by the kind of a link besides its type, so that nothing stands in for InfiniBand.
    has_infiniband: bool,
    /// busybox has no word for `DHCPv6`; a warning says so.
    needs_dhcpv6: bool,
}

/// What a guest has, and what its kernel shall make of it.
#[derive(Clone, Default)]
struct Stage {
    context: &'static str,
    nics: Vec<Nic>,
    /// Links that come: `NAME=MAC`, `NAME=dhcp:MAC` with a server behind it, `NAME=router:MAC` with a router
    /// that advertises `2001:db8:99::/64`, `NAME=dhcp6:MAC` with one that hands out addresses, `NAME=infiniband`.
    links: &'static [&'static str],
    /// Of each device the addresses that are not link-local.
    addresses: &'static [(&'static str, &'static [&'static str])],
    /// `destination [via gateway] dev device [metric N]`; the metric where the context has one.
    routes: &'static [&'static str],
    dns: &'static [&'static str],
    /// Of each device.
    mtus: &'static [(&'static str, u64)],
    /// The transport mode that `ib0` gets, by udev where the network stack cannot set it.
    mode: Option<&'static str>,
    /// What must be down: nobody touches it.
    untouched: &'static [&'static str],
    /// What the network stack takes over because of this stage, and nothing else.
    activated: &'static [&'static str],
}

impl Scenario {
    fn new(name: &'static str, stages: Vec<Stage>) -> Self {
        Self {
            name,
            stages,
            needs_vlans: false,
            has_infiniband: false,
            needs_dhcpv6: false,
        }
    }
}

/// Has a stack live through a scenario; what the kernel had at each stage.
fn live_through(stack: &str, scenario: &Scenario) -> Vec<Value> {
    let what = format!("{stack}, {}", scenario.name);
    let machines: Vec<Machine> = scenario.stages.iter().map(prepare).collect();
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
        .arg(agent_path())
        .args(machines.iter().map(Machine::root))
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .unwrap();
    let said = |machine: &Machine, name: &str| {
        std::fs::read_to_string(machine.path(name)).unwrap_or_default()
    };
    let applied: String = machines
        .iter()
        .map(|machine| said(machine, "apply"))
        .collect();
    assert!(
        output.status.success(),
        "{what}: {}\n{applied}\n{}",
        String::from_utf8_lossy(&output.stderr),
        said(&machines[0], "stack.log")
    );
    let stages = scenario.stages.iter().zip(&machines).enumerate();
    let kernel = stages.map(|(nth, (stage, machine))| {
        let what = format!("{what}, stage {nth}");
        assert_applied(stage, &machine.read("apply"), &what);
        let again = machine.read("again");
        assert!(again.ends_with("exit code 0\n"), "{what}: {again}");
        assert!(
            again.contains(" files are as they shall be\n"),
            "{what}: {again}"
        );
        assert!(!again.contains("run '"), "{what}: {again}");
        assert_eq!(machine.read("foreign"), "", "{what}: files of others");
        if let (Some(mode), true) = (stage.mode, stack.ends_with("networkd")) {
            let udev = machine.read("udev");
            let writes = format!(
                "99-one-sriov-ib0.rules:2 ATTR '/sys/devices/virtual/net/ib0/mode' writing '{mode}'"
            );
            assert!(udev.contains(&writes), "{what}: {udev}");
        }
        serde_json::from_str(&machine.read("kernel")).unwrap()
    });
    kernel.collect()
}

/// The machine as the agent sees it, with the links that come and what it shall come to.
fn prepare(stage: &Stage) -> Machine {
    let machine = Machine::new(stage.context, &stage.nics);
    let lines = |mut lines: Vec<String>| {
        lines.push(String::new());
        lines.join("\n")
    };
    machine.write(
        "/links",
        lines(stage.links.iter().map(|&link| link.to_owned()).collect()),
    );
    let of_device = |(device, addresses): &(&str, &[&str])| {
        let each = addresses
            .iter()
            .map(|address| format!("address {device} {address}"));
        each.chain([format!("count {device} {}", addresses.len())])
            .collect::<Vec<_>>()
    };
    let addresses = stage.addresses.iter().flat_map(of_device);
    let routes = stage.routes.iter().map(|route| format!("route {route}"));
    machine.write("/until", lines(addresses.chain(routes).collect()));
    machine
}

/// The agent did what it was asked, and told the stack of these devices alone.
fn assert_applied(stage: &Stage, said: &str, what: &str) {
    assert!(said.ends_with("exit code 0\n"), "{what}: {said}");
    let activated = said
        .lines()
        .filter_map(|line| line.strip_prefix("activated '"));
    let activated: Vec<_> = activated.map(|line| line.trim_end_matches('\'')).collect();
    assert_eq!(activated, stage.activated, "{what}: {said}");
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
            && [
                "169.254.1.1",
                "2001:db8:ffff::1",
                "10.99.0.1",
                "10.99.0.53",
                "2001:db8:99::/64",
            ]
            .contains(&&*texts(route, "dst"));
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
    let all = live_through(stack, scenario);
    for (nth, (stage, kernel)) in scenario.stages.iter().zip(&all).enumerate() {
        let what = format!("{stack}, {}, stage {nth}", scenario.name);
        check_stage(stage, kernel, &what);
    }
}

fn check_stage(stage: &Stage, kernel: &Value, what: &str) {
    for (device, expected) in stage.addresses {
        let expected: BTreeSet<String> = expected.iter().map(|&text| text.to_owned()).collect();
        assert_eq!(addresses(kernel, device), expected, "{what}: {device}");
    }
    let expected: BTreeSet<String> = stage.routes.iter().map(|&text| text.to_owned()).collect();
    assert_eq!(routes(kernel, &[77, 78]), expected, "{what}");
    for (device, mtu) in stage.mtus {
        assert_eq!(link(kernel, device)["mtu"], *mtu, "{what}: {device}");
    }
    for device in stage.untouched {
        let flags = link(kernel, device)["flags"].as_array().unwrap();
        assert!(
            !flags.contains(&"UP".into()),
            "{what}: {device} was touched"
        );
    }
    let known = texts(kernel, "dns");
    let known: BTreeSet<_> = known.split_whitespace().collect();
    assert_eq!(known, stage.dns.iter().copied().collect(), "{what}");
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

/// Whether a stack is installed; CI has them all.
fn can_run(stack: &str) -> bool {
    let (_, program) = STACKS.iter().find(|(name, _)| *name == stack).unwrap();
    if !Path::new(program).exists() || !nix::unistd::geteuid().is_root() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI has no '{program}', or is not root; 'make setup' installs it there"
        );
        println!("passed over: '{program}' is not installed, or this is not root");
        return false;
    }
    true
}

/// All scenarios for one stack.
fn check_stack(stack: &str) {
    if !can_run(stack) {
        return;
    }
    for scenario in scenarios::all() {
        if scenario.has_infiniband && matches!(stack, "keyfile" | "netplan-nm") {
            continue;
        }
        if scenario.needs_dhcpv6 && stack == "interfaces-alpine" {
            continue;
        }
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
fn busybox() {
    check_stack("interfaces-alpine");
}

#[test]
fn network_manager() {
    check_stack("keyfile");
}

#[test]
fn netplan_for_network_manager() {
    check_stack("netplan-nm");
}
