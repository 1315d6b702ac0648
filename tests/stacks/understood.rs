//! Each network stack reads its files of all scenarios without a warning, including files for devices that the test machine
//! cannot have: P_Key children, VLANs, and InfiniBand for NetworkManager.

use std::path::Path;
use std::process::Command;

use one_sriov_tests::{Machine, run, scenarios};

use crate::{
    BUSYBOX, IFCFG_NM, IFUPDOWN, KEYFILE, NETPLAN_NETWORKD, NETWORKD, Stack, can_run, readers,
};

/// The scenarios for which the agent writes files for this stack: names, and machines with the files.
fn written(stack: Stack) -> Vec<(&'static str, Machine)> {
    let machines = scenarios().into_iter().map(|(name, context, nics)| {
        let machine = Machine::new(&context, &nics);
        let _ = run(&machine, &["apply", "--backend", stack.backend]);
        (name, machine)
    });
    let written: Vec<_> = machines
        .filter(|(_, machine)| !machine.etc().is_empty())
        .collect();
    assert!(written.len() > 15, "{stack:?}");
    let machines = written.iter().map(|(_, machine)| machine.root());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks/read.sh");
    let output = Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child"])
        .arg("--mount-proc")
        .arg(script)
        .arg(stack.name)
        .args(machines)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("ONE_SRIOV_READERS", readers())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stack:?}: {stderr}");
    written
}

/// The devices in the names of the files with this beginning and this end.
fn devices(machine: &Machine, beginning: &str, end: &str) -> Vec<String> {
    let paths = machine.etc_paths().into_iter();
    let name = |path: String| Some(path.strip_prefix(beginning)?.strip_suffix(end)?.to_owned());
    paths.filter_map(name).collect()
}

#[test]
fn network_manager_loads_every_profile() {
    for (stack, beginning, end) in [
        (
            KEYFILE,
            "/etc/NetworkManager/system-connections/one-sriov-",
            ".nmconnection",
        ),
        (IFCFG_NM, "/etc/sysconfig/network-scripts/ifcfg-", ""),
    ] {
        if !can_run(stack) {
            continue;
        }
        for (name, machine) in written(stack) {
            let loaded = machine.read("/read");
            for device in devices(&machine, beginning, end) {
                let kind = match device.split_once('.') {
                    Some((parent, _)) if parent.starts_with("en") => "vlan",
                    _ if device.starts_with("ib") => "infiniband",
                    _ => "802-3-ethernet",
                };
                let line = format!("{beginning}{device}{end}:{kind}");
                assert!(
                    loaded.lines().any(|known| known == line),
                    "{name}: {line} is not in\n{loaded}"
                );
            }
        }
    }
}

#[test]
fn networkd_ignores_no_line() {
    for stack in [NETWORKD, NETPLAN_NETWORKD] {
        if !can_run(stack) {
            return;
        }
        for (name, machine) in written(stack) {
            let said = machine.read("/read");
            let complaint = said.lines().find(|line| {
                let words = ["Unknown", "gnoring", "Failed to parse", "Invalid"];
                words.iter().any(|word| line.contains(word))
            });
            assert_eq!(complaint, None, "{stack:?}, {name}: {said}");
        }
    }
}

#[test]
fn netplan_generates_a_file_for_every_device() {
    let stack = NETPLAN_NETWORKD;
    if !can_run(stack) {
        return;
    }
    for (name, machine) in written(stack) {
        let made = machine.read("/read");
        for device in devices(&machine, "/etc/netplan/60-one-sriov-", ".yaml") {
            let file = format!("systemd/network/10-netplan-{device}.network");
            assert!(
                made.lines().any(|line| line == file),
                "{name}: {file} is not in\n{made}"
            );
        }
    }
}

#[test]
fn ifup_configures_every_interface() {
    if !can_run(IFUPDOWN) {
        return;
    }
    for (name, machine) in written(IFUPDOWN) {
        let said = machine.read("/read");
        let stanzas = machine.etc().into_iter().map(|(_, _, text)| text);
        let stanzas: String = stanzas.collect();
        let interfaces = stanzas
            .lines()
            .filter_map(|line| line.strip_prefix("auto "));
        for interface in interfaces {
            assert!(
                said.contains(&format!("configuring interface {interface}={interface}")),
                "{name}: {interface} is not in\n{said}"
            );
        }
    }
}

#[test]
fn busybox_would_run_all_commands_of_its_stanzas() {
    if !can_run(BUSYBOX) {
        return;
    }
    for (name, machine) in written(BUSYBOX) {
        let said = machine.read("/read");
        let stanzas = machine.etc().into_iter().map(|(_, _, text)| text);
        let stanzas: String = stanzas.collect();
        for line in stanzas.lines().map(str::trim_start) {
            let (key, value) = line.split_once(' ').unwrap();
            let done = match key {
                "address" => format!("ip addr add {value}/"),
                "gateway" => format!("ip route add default via {value} dev "),
                "pre-up" | "up" => format!("\n{value}\n"),
                _ => continue,
            };
            assert!(
                format!("\n{said}").contains(&done),
                "{name}: '{line}' is not in\n{said}"
            );
        }
        assert!(!said.contains("ifup:"), "{name}: {said}");
    }
}
