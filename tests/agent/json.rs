//! `--json`: docs/reference/json.md documents every field of every command, and no others.

use one_sriov_tests::{Machine, Nic, assert_described, infiniband, run, virtio};
use serde_json::Value;

use crate::status::status_of;

const CONTEXT: &str = "ETH0_MAC='02:00:0a:00:00:0c'
ETH0_IP='10.0.0.12'
ETH0_MASK='255.255.255.0'
ETH0_GATEWAY='10.0.0.1'
ETH0_ROUTES='172.16.0.0/12 via 10.0.0.254'
ETH0_IP6='2001:db8::12'
ETH0_GATEWAY6='2001:db8::1'
ETH0_MTU='many'
ETH1_MAC='02:00:c0:a8:07:05'
ETH1_IP='192.168.7.5'
ETH1_MASK='255.255.255.0'
ETH2_MAC='02:00:0a:00:00:0d'
ETH2_IP='10.0.0.13'
ETH2_MASK='255.255.255.0'
DNS='10.0.0.2 nowhere'
";
/// The same VM after one NIC got another address and another NIC was removed.
const LATER: &str = "ETH0_MAC='02:00:0a:00:00:0c'
ETH0_IP='10.0.0.14'
ETH0_MASK='255.255.255.0'
ETH1_MAC='02:00:c0:a8:07:05'
ETH1_IP='192.168.7.5'
ETH1_MASK='255.255.255.0'
";

/// NICs of all kinds, and other devices.
fn nics() -> Vec<Nic> {
    let guid = "00:00:aa:00:c0:a8:07:05";
    vec![
        virtio("eth0", "02:00:0a:00:00:0c", 3),
        virtio("eth1", "aa:00:c0:a8:07:05", 4),
        virtio("eth2", "02:00:0a:00:00:0d", 5),
        virtio("eth7", "02:00:0a:00:00:07", 6),
        infiniband("ib0", guid, "0000:00:07.0"),
        virtio("br0", "02:00:0a:00:00:09", 8).virtual_device(),
    ]
}

fn machine() -> Machine {
    let machine = Machine::new(CONTEXT, &nics());
    // A link to itself, which not even root can follow.
    machine.link("/sys/class/net/eth9", "eth9");
    machine
}

#[track_caller]
fn json(machine: &Machine, arguments: &[&str]) -> Value {
    let outcome = run(machine, &[arguments, &["--json"]].concat());
    serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", outcome.stdout, outcome.stderr))
}

/// A machine without a context, but with a disk.
fn bare() -> Machine {
    let machine = Machine::default();
    machine.write("/dev/vda", vec![0; 65536]);
    machine.write("/sys/class/block/vda/size", "128\n");
    machine
}

#[test]
fn plan_and_explain_print_what_is_documented() {
    let machine = machine();
    let without = json(&bare(), &["plan", "--verbose"]);
    assert_described(
        "one-sriov-agent plan",
        &[json(&machine, &["plan"]), without],
    );
    let without = json(&bare(), &["explain", "eth0", "--verbose"]);
    let named = ["ETH0", "eth1", "eth7", "0"].map(|name| json(&machine, &["explain", name]));
    assert_described(
        "one-sriov-agent explain",
        &[&named[..], &[without]].concat(),
    );
    assert_described("one-sriov-agent version", &[json(&machine, &["version"])]);
}

#[test]
fn apply_clean_and_status_print_what_is_documented() {
    let ifcfg = |name| format!("/etc/sysconfig/network-scripts/ifcfg-{name}");
    let apply = ["apply", "--backend", "ifcfg-initscripts"];
    let machine = machine();
    for name in ["eth0", "eth2"] {
        machine.write(&ifcfg(name), format!("DEVICE={name}\n"));
    }
    machine.write(&format!("{}/x", ifcfg("ib0")), "");
    let now = || json(&machine, &["status", "--backend", "ifcfg-initscripts"]);
    let mut states = vec![now()];
    let mut applied = vec![
        json(&bare(), &["apply", "--verbose"]),
        json(&machine, &apply),
    ];
    machine.write("/context/context.sh", LATER);
    let edit = |name| {
        let edited = machine.read(&ifcfg(name)) + "IPADDR2=10.0.0.15\n";
        machine.write(&ifcfg(name), edited);
    };
    edit("eth2");
    states.push(now());
    applied.extend([json(&machine, &apply), json(&machine, &apply)]);
    edit("eth1");
    let mut cleaned = vec![json(&machine, &["clean", "--restore"])];
    machine.write("/var/lib/one-sriov/state.json", "rubbish");
    cleaned.push(json(&machine, &["clean"]));
    let guest = Machine::new(CONTEXT, &nics());
    let setup = "link eth0 02:00:0a:00:00:0c
link eth7 02:00:0a:00:00:07
enable systemd-networkd.service
agent apply || true
networkd
/lib/systemd/systemd-networkd-wait-online --timeout=60 --operational-state=routable -i eth0
sed -i 's/10.0.0.1[23]/10.0.0.23/' \"$dir/context/context.sh\"
agent apply --activate --json > \"$dir/applied\" || true
";
    let Some(running) = status_of(&guest, setup) else {
        return;
    };
    applied.push(serde_json::from_str(&guest.read("applied")).expect("JSON"));
    let without = json(&bare(), &["status"]);
    states.extend([running.json, without]);
    assert_described("one-sriov-agent status", &states);
    assert_described("one-sriov-agent apply", &applied);
    assert_described("one-sriov-agent clean", &cleaned);
}
