//! Real readers accept the files, and read the same values.
//!
//! initscripts *source* ifcfg files, so the tests do this in a shell. augeas parses both layouts, the kernel gets the routes with
//! `ip route`, as from `ifup-routes`, and NetworkManager reads the files that are for it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use one_sriov_tests::{Machine, Nic, context, infiniband, run, virtio};

/// The keys and values of a file.
type Values = BTreeMap<String, String>;

/// Machines whose files together contain every key that the agent writes.
fn machines(backend: &str) -> Vec<Machine> {
    let infiniband = |slot: u8| {
        infiniband(
            &format!("ib{slot}"),
            &format!("24:8a:07:03:00:aa:bb:{slot:02x}"),
            &format!("0000:05:{slot:02x}.0"),
        )
    };
    let of_context = |name: &str, first: [&str; 5]| {
        let dummies = first.iter().zip(0_u8..).map(|(key, position)| {
            virtio(
                &format!("eth{position}"),
                &format!("aa:{position:02x}:{key}"),
                3,
            )
        });
        let nics: Vec<Nic> = dummies.chain((0..5).map(infiniband)).collect();
        Machine::new(&context(name), &nics)
    };
    let ethernet = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_GATEWAY='10.0.0.1'\nETH0_METRIC='100'\nETH0_MTU='9000'\n\
        ETH0_ROUTES='172.16.0.0/12 via 10.0.0.254, 2001:db8:9::/48 via fe80::9'\nETH0_IP6='2001:db8::5'\nETH0_IP6_ULA='fd00::5'\n\
        ETH0_IP6_GATEWAY='fe80::1'\nETH0_DNS='10.0.0.2 10.0.0.3'\nETH0_SEARCH_DOMAIN='example.org example.net'\nETH0_ALIAS0_IP='10.0.1.5'\n\
        ETH1_MAC='02:00:0a:00:00:06'\nETH1_METHOD='dhcp'\nETH1_IP6_METHOD='dhcp'\nETH2_MAC='02:00:0a:00:00:07'\nETH2_IP='10.2.0.5'\n\
        ETH2_MASK='255.255.255.255'\nETH2_GATEWAY='169.254.1.1'\nETH2_ROUTES='10.9.0.0/16 via 169.254.1.2'\nETH2_IP6_METHOD='disable'\n";
    let nics = [5, 6, 7].map(|last| {
        virtio(
            &format!("eth{}", last - 5),
            &format!("02:00:0a:00:00:{last:02x}"),
            3,
        )
    });
    let machines = vec![
        of_context(
            "7.5-ipv6",
            [
                "0a:14:00:0c",
                "b4:2b:99:89",
                "0a:17:00:0f",
                "ac:14:00:0b",
                "22:33:44:07",
            ],
        ),
        Machine::new(ethernet, &nics),
    ];
    for machine in &machines {
        assert_eq!(run(machine, &["apply", "--backend", backend]).code, 0);
    }
    machines
}

/// The files whose names start with `kind`: path and text.
fn files(machine: &Machine, kind: &str) -> Vec<(String, String)> {
    let files = machine.etc().into_iter().filter(|(path, ..)| {
        path.rsplit('/')
            .next()
            .is_some_and(|name| name.starts_with(kind))
    });
    files.map(|(path, _, text)| (path, text)).collect()
}

/// Reads a file strictly: `KEY=token`, or `KEY="token token"`; anything else fails the test.
fn parse_strictly(text: &str) -> Values {
    let is_token = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".:/_%-".contains(&byte))
    };
    let assignments = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (key, value) = line
                .split_once('=')
                .unwrap_or_else(|| panic!("not an assignment: {line}"));
            assert!(
                !key.is_empty()
                    && key.bytes().all(|byte| byte.is_ascii_uppercase()
                        || byte.is_ascii_digit()
                        || byte == b'_'),
                "{line}"
            );
            let list = value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'));
            assert!(list.unwrap_or(value).split(' ').all(is_token), "{line}");
            (key.to_owned(), list.unwrap_or(value).to_owned())
        });
    let values: Values = assignments.collect();
    assert_eq!(
        values.len(),
        text.lines().filter(|line| !line.starts_with('#')).count(),
        "a key occurs twice"
    );
    values
}

fn output(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; 'make setup' installs it"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && errors.is_empty(),
        "{command:?}: {errors}"
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The variables that a restricted shell without commands has after it has sourced a file.
fn sourced(machine: &Machine, path: &str) -> Values {
    let path = machine.path(path);
    let (directory, name) = (
        path.parent().expect("a directory"),
        path.file_name().expect("a name"),
    );
    let script = "before=$(compgen -v); . \"$0\"; for key in $(compgen -v); do case \" ${before//$'\\n'/ } before \" in *\" $key \"*) ;; *) \
                  [ \"$key\" = before ] || printf '%s=%s\\n' \"$key\" \"${!key}\";; esac; done";
    let mut shell = Command::new("/bin/bash");
    shell
        .args(["--noprofile", "--norc", "-r", "-c", script])
        .arg(name)
        .env_clear()
        .env("PATH", directory);
    let text = output(&mut shell);
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs
        .filter(|(key, _)| !["BASH_REMATCH", "PIPESTATUS", "key", "_"].contains(key))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn shells_read_the_same_values_and_run_nothing() {
    let mut count = 0;
    for backend in ["ifcfg-initscripts", "ifcfg-nm", "ifcfg-suse"] {
        for machine in machines(backend) {
            for (path, text) in files(&machine, "ifcfg-") {
                output(Command::new("/bin/bash").arg("-n").arg(machine.path(&path)));
                assert_eq!(sourced(&machine, &path), parse_strictly(&text), "{path}");
                count += 1;
            }
        }
    }
    assert!(count > 30, "only {count} files");
}

#[test]
fn augeas_reads_the_same_values() {
    for backend in ["ifcfg-initscripts", "ifcfg-nm", "ifcfg-suse"] {
        for machine in machines(backend) {
            let mut augtool = Command::new("augtool");
            augtool
                .arg("-r")
                .arg(machine.root())
                .args(["print", "/files/etc/sysconfig"]);
            let tree = output(&mut augtool);
            for (path, text) in files(&machine, "ifcfg-") {
                let of_file = format!("/files{path}/");
                let node = |line: &str| {
                    let (key, value) = line.strip_prefix(&of_file)?.split_once(" = ")?;
                    let value = value.replace("\\\"", "").replace('"', "");
                    (!key.starts_with("#comment")).then(|| (key.to_owned(), value))
                };
                let values: Values = tree.lines().filter_map(node).collect();
                assert_eq!(values, parse_strictly(&text), "{path}");
            }
        }
    }
}

#[test]
fn the_kernel_accepts_every_route_that_ifup_passes() {
    let mut count = 0;
    for backend in ["ifcfg-initscripts", "ifcfg-nm"] {
        for machine in machines(backend) {
            for (kind, family) in [("route-", "-4"), ("route6-", "-6")] {
                for (path, text) in files(&machine, kind) {
                    let device = path.rsplit_once('-').expect("a device").1;
                    let routes: Vec<&str> =
                        text.lines().filter(|line| !line.starts_with('#')).collect();
                    count += routes.len();
                    in_namespace(&machine, device, family, &routes);
                }
            }
        }
    }
    assert!(count >= 6, "only {count} routes");
}

/// Sets the addresses of a device, then its routes, in a network namespace, as initscripts do.
fn in_namespace(machine: &Machine, device: &str, family: &str, routes: &[&str]) {
    let values =
        parse_strictly(&machine.read(&format!("/etc/sysconfig/network-scripts/ifcfg-{device}")));
    let numbers = std::iter::once(String::new()).chain((1..9).map(|number| number.to_string()));
    let v4 = numbers.filter_map(|n| {
        Some(format!(
            "{}/{}",
            values.get(&format!("IPADDR{n}"))?,
            values[&format!("PREFIX{n}")]
        ))
    });
    let v6 = ["IPV6ADDR", "IPV6ADDR_SECONDARIES"]
        .iter()
        .filter_map(|key| values.get(*key))
        .flat_map(|list| list.split(' ').map(str::to_owned));
    let mut script = format!(
        "set -e\nip link add {device} type dummy 2>/dev/null || ip link add {device} type veth peer name other0\n"
    );
    script += &format!(
        "[ -e /sys/class/net/other0 ] && ip link set other0 up; ip link set {device} up; ip link set other0 up 2>/dev/null || true\n"
    );
    for address in v4.chain(v6) {
        let nodad = if address.contains(':') { " nodad" } else { "" };
        script += &format!("ip addr add {address} dev {device}{nodad}\n");
    }
    for route in routes {
        script += &format!("ip {family} route add {route}\n");
    }
    let mut namespace = Command::new("unshare");
    output(namespace.args(["--map-root-user", "--net", "sh", "-c", &script]));
}

#[test]
fn network_manager_adds_each_dummy_to_its_unmanaged_devices() {
    if !is_network_manager_here() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI has no NetworkManager; 'make setup' installs it there"
        );
        println!("passed over: NetworkManager is not installed");
        return;
    }
    let machines = machines("ifcfg-nm");
    let machine = &machines[0];
    let admin = "[keyfile]\nunmanaged-devices=interface-name:admin0\n";
    machine.write("/etc/NetworkManager/NetworkManager.conf", "");
    machine.write("/etc/NetworkManager/conf.d/10-admin.conf", admin);
    let mut network_manager = Command::new("NetworkManager");
    network_manager.arg("--print-config");
    let places = [
        ("--config", "/etc/NetworkManager/NetworkManager.conf"),
        ("--config-dir", "/etc/NetworkManager/conf.d"),
        ("--system-config-dir", "/none"),
        ("--intern-config", "/none.conf"),
    ];
    for (option, path) in places {
        network_manager.arg(option).arg(machine.path(path));
    }
    let config = output(&mut network_manager);
    let unmanaged = config
        .lines()
        .find_map(|line| line.strip_prefix("unmanaged-devices="));
    let expected = [
        "interface-name:admin0",
        "mac:aa:00:0a:14:00:0c",
        "interface-name:=eth0",
        "mac:aa:01:b4:2b:99:89",
        "interface-name:=eth1",
        "mac:aa:02:0a:17:00:0f",
        "interface-name:=eth2",
        "mac:aa:03:ac:14:00:0b",
        "interface-name:=eth3",
        "mac:aa:04:22:33:44:07",
        "interface-name:=eth4",
    ];
    assert_eq!(
        unmanaged.map(|list| list.replace(';', ",")),
        Some(expected.join(",")),
        "{config}"
    );
}

fn is_network_manager_here() -> bool {
    Command::new("NetworkManager")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok()
}

#[test]
fn every_file_is_readable_by_all_and_writable_only_by_root() {
    for backend in ["ifcfg-initscripts", "ifcfg-nm", "ifcfg-suse"] {
        for machine in machines(backend) {
            let modes: Vec<u32> = machine
                .etc()
                .iter()
                .filter(|(path, ..)| !Path::new(path).ends_with("NetworkManager.conf"))
                .map(|(_, mode, _)| *mode)
                .collect();
            assert!(
                !modes.is_empty() && modes.iter().all(|mode| *mode == 0o644),
                "{modes:?}"
            );
        }
    }
}
