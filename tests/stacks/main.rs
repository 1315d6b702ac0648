//! The real network stacks read the agent's files: systemd-networkd, NetworkManager (keyfiles and `ifcfg` files), netplan,
//! ifupdown, ifupdown-ng and busybox, each in its own namespaces with real links. The tests check the resulting kernel state.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod scenarios;
mod understood;
mod vlans;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use one_sriov_tests::{Machine, Nic, agent_path, virtio};
use serde_json::Value;

/// A network stack that reads the files of a backend.
#[derive(Debug, Clone, Copy)]
struct Stack {
    name: &'static str,
    /// The agent's backend for it.
    backend: &'static str,
    /// A program that exists if the stack is installed. A relative path is below [`readers`].
    program: &'static str,
}

const NETWORKD: Stack = stack("networkd", "/lib/systemd/systemd-networkd");
const NETPLAN_NETWORKD: Stack = stack("netplan-networkd", "/usr/sbin/netplan");
const NETPLAN_NM: Stack = stack("netplan-nm", "/usr/sbin/netplan");
const IFUPDOWN: Stack = stack("interfaces", "/sbin/ifup");
const BUSYBOX: Stack = stack("interfaces-alpine", "/bin/busybox");
const KEYFILE: Stack = stack("keyfile", "/usr/sbin/NetworkManager");
const IFCFG_NM: Stack = stack("ifcfg-nm", "network-manager/sbin/NetworkManager");
const IFUPDOWN_NG: Stack = Stack {
    name: "ifupdown-ng",
    backend: "interfaces-alpine",
    program: "ifupdown-ng/sbin/ifup",
};

/// A stack that is named after its backend.
const fn stack(name: &'static str, program: &'static str) -> Stack {
    Stack {
        name,
        backend: name,
        program,
    }
}

/// The directory of stacks that this machine's packages don't include, filled by `packaging/build/readers`.
fn readers() -> PathBuf {
    let named = std::env::var_os("ONE_SRIOV_READERS");
    named.map_or_else(|| "/var/cache/one-sriov-readers".into(), PathBuf::from)
}

impl Stack {
    fn is_networkd(self) -> bool {
        self.backend.ends_with("networkd")
    }

    fn is_network_manager(self) -> bool {
        matches!(self.backend, "keyfile" | "netplan-nm" | "ifcfg-nm")
    }
}

/// A guest and its life.
struct Scenario {
    name: &'static str,
    /// The stages of its life, the boot first.
    stages: Vec<Stage>,
    /// Whether it has a substitute for InfiniBand, which NetworkManager doesn't accept, because it also checks the link's kind.
    has_infiniband: bool,
    /// Whether it needs DHCPv6, which busybox doesn't support; the agent warns.
    needs_dhcpv6: bool,
}

/// A stage of a guest, with the expected state of the kernel.
#[derive(Clone, Default)]
struct Stage {
    context: &'static str,
    nics: Vec<Nic>,
    /// New links: `NAME=MAC`, `NAME=dhcp:MAC` with a DHCP server, `NAME=router:MAC` with a router that advertises
    /// `2001:db8:99::/64`, `NAME=dhcp6:MAC` with one that assigns addresses, `NAME=infiniband`.
    links: &'static [&'static str],
    /// The addresses of each device, except link-local ones.
    addresses: &'static [(&'static str, &'static [&'static str])],
    /// `destination [via gateway] dev device [metric N]`, with the metric only if it is one of the context.
    routes: &'static [&'static str],
    /// The devices of the default routes, in the kernel's order; the same in both families.
    default_routes: &'static [&'static str],
    dns: &'static [&'static str],
    /// The MTU of each device.
    mtus: &'static [(&'static str, u64)],
    /// The transport mode of `ib0`; udev sets it if the network stack can't.
    mode: Option<&'static str>,
    /// Devices that must stay down.
    untouched: &'static [&'static str],
    /// Whether to wait for two router advertisements before the state of the kernel is read.
    hears_router: bool,
    /// Whether `netplan apply` runs in the background while the agent runs.
    background: bool,
    /// Exactly the devices that the network stack activates at this stage.
    activated: &'static [&'static str],
}

impl Scenario {
    fn new(name: &'static str, stages: Vec<Stage>) -> Self {
        Self {
            name,
            stages,
            has_infiniband: false,
            needs_dhcpv6: false,
        }
    }
}

/// Runs a scenario with a stack. Returns the state of the kernel at each stage.
fn run_scenario(stack: Stack, scenario: &Scenario) -> Vec<Value> {
    let what = format!("{}, {}", stack.name, scenario.name);
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
        .args([stack.name, stack.backend])
        .arg(agent_path())
        .args(machines.iter().map(Machine::root))
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("ONE_SRIOV_READERS", readers())
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
            again.contains(" files already up to date\n"),
            "{what}: {again}"
        );
        assert!(!again.contains("run '"), "{what}: {again}");
        assert_eq!(machine.read("foreign"), "", "{what}: foreign files");
        if let (Some(mode), true) = (stage.mode, stack.is_networkd()) {
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

/// Creates the machine for a stage, with its new links and the expected result.
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
    if stage.hears_router {
        machine.write("/hears-router", "");
    }
    if stage.background {
        machine.write("/background", "");
    }
    machine
}

/// Asserts that the agent succeeded, and activated exactly these devices.
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

/// The link with this name in the output of `ip -j addr`.
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

/// The routes that the stack added, each with its metric if that is one of the context.
fn routes(kernel: &Value, metrics: &[u64]) -> BTreeSet<String> {
    let all = ["route4", "route6"].map(|family| kernel[family].as_array().unwrap());
    let all: Vec<&Value> = all.into_iter().flatten().collect();
    let gateways: BTreeSet<String> = all.iter().map(|route| texts(route, "gateway")).collect();
    let made = all.into_iter().filter(|route| {
        let destination = texts(route, "dst");
        // Some stacks add a route to a gateway, and DHCP and router advertisements add routes on the link.
        let is_on_link = route["gateway"].is_null()
            && (gateways.contains(&destination)
                || ["10.99.0.53", "2001:db8:99::/64"].contains(&&*destination));
        route["protocol"] != "kernel" && !destination.starts_with("ff00::") && !is_on_link
    });
    let route = |route: &Value| {
        let via = match &route["gateway"] {
            Value::String(gateway) => format!(" via {gateway}"),
            _ => String::new(),
        };
        // Some stacks set the metric for all routes of the NIC.
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

/// The devices of a family's default routes, smallest metric first. Metrics must differ, or the order would be undefined.
fn default_routes(kernel: &Value, family: &str) -> Vec<String> {
    let all = kernel[family].as_array().unwrap().iter();
    let default = all.filter(|route| route["dst"] == "default");
    let by_metric: BTreeMap<u64, Vec<String>> = default.fold(BTreeMap::new(), |mut map, route| {
        let devices: &mut Vec<String> = map
            .entry(route["metric"].as_u64().unwrap_or_default())
            .or_default();
        devices.push(texts(route, "dev"));
        map
    });
    let each = by_metric.into_values().map(|devices| devices.join("+"));
    each.collect()
}

fn check(stack: Stack, scenario: &Scenario) {
    let all = run_scenario(stack, scenario);
    for (nth, (stage, kernel)) in scenario.stages.iter().zip(&all).enumerate() {
        let what = format!("{}, {}, stage {nth}", stack.name, scenario.name);
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
    for family in ["route4", "route6"] {
        let devices = default_routes(kernel, family);
        let is_checked = !stage.default_routes.is_empty() && !devices.is_empty();
        assert!(
            !is_checked || devices == stage.default_routes,
            "{what}: {devices:?} in {}",
            kernel[family]
        );
    }
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

/// Whether a stack is installed, as all are in CI.
fn can_run(stack: Stack) -> bool {
    let path = readers().join(stack.program);
    let program = path.display();
    if !path.exists() || !nix::unistd::geteuid().is_root() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI has no '{program}', or is not root; 'make setup' installs it there"
        );
        println!(
            "passed over: '{program}' is not installed ('make setup', 'make readers'), or this is not root"
        );
        return false;
    }
    true
}

/// Checks all scenarios with one stack.
fn check_stack(stack: Stack) {
    if !can_run(stack) {
        return;
    }
    for scenario in scenarios::all() {
        if scenario.has_infiniband && stack.is_network_manager() {
            continue;
        }
        if scenario.needs_dhcpv6 && stack.backend == "interfaces-alpine" {
            continue;
        }
        check(stack, &scenario);
    }
}

/// initscripts leave these settings to the kernel, or set them too late, so the agent sets them first.
#[test]
fn sysctl_files_disable_ipv6_or_router_advertisements() {
    if !can_run(BUSYBOX) {
        return;
    }
    for (context, expected) in [
        (
            "ETH0_IP='10.0.0.5'\nETH0_IP6_METHOD='disable'\n",
            "disable_ipv6 1\n",
        ),
        (
            "ETH0_IP6='2001:db8::5'\n",
            "disable_ipv6 0\naccept_ra 0\nautoconf 0\n",
        ),
    ] {
        let context = format!("ETH0_MAC='02:00:0a:00:00:05'\n{context}");
        let machine = Machine::new(&context, &[virtio("eth0", "02:00:0a:00:00:05", 3)]);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks/settings.sh");
        let output = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "--kill-child"])
            .arg("--mount-proc")
            .arg(script)
            .arg(agent_path())
            .arg(machine.root())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            expected,
            "{stderr}"
        );
    }
}

#[test]
fn systemd_networkd() {
    check_stack(NETWORKD);
}

#[test]
fn netplan_for_networkd() {
    check_stack(NETPLAN_NETWORKD);
}

/// one-context runs `netplan apply` in the background.
#[test]
fn netplan_applied_in_the_background() {
    if can_run(NETPLAN_NETWORKD) {
        check(NETPLAN_NETWORKD, &scenarios::background());
    }
}

#[test]
fn ifupdown() {
    check_stack(IFUPDOWN);
}

#[test]
fn busybox() {
    check_stack(BUSYBOX);
}

#[test]
fn ifupdown_ng() {
    check_stack(IFUPDOWN_NG);
}

#[test]
fn network_manager() {
    check_stack(KEYFILE);
}

#[test]
fn network_manager_with_ifcfg_files() {
    check_stack(IFCFG_NM);
}

#[test]
fn netplan_for_network_manager() {
    check_stack(NETPLAN_NM);
}
