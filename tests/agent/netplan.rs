//! Other programs' YAML for netplan: the agent must write for the renderer that netplan itself uses for the NICs.

// Tests may panic.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

use one_sriov_tests::{Machine, infiniband, run, virtio};

const CONTEXT: &str = "ETH0_MAC='02:00:0a:0a:00:05'\nETH0_IP='10.10.0.5'\n";
/// The name for YAML that netplan refuses.
const REFUSED: &str = "refused";
const NETPLAN: &str = "/usr/sbin/netplan";

/// Names and texts of files. A name without a directory is in `/etc/netplan`.
type Yaml = &'static [(&'static str, &'static str)];

fn machine(yaml: Yaml) -> Machine {
    let nics = [
        virtio("ens7", "aa:00:0a:0a:00:05", 4),
        infiniband("ib0", "00:12:aa:00:0a:0a:00:05", "0000:00:05.0"),
    ];
    let machine = Machine::new(CONTEXT, &nics);
    machine.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    machine.write(NETPLAN, "");
    for (name, text) in yaml {
        machine.write(&path(name), text);
    }
    machine
}

fn path(name: &str) -> String {
    if name.starts_with('/') {
        name.to_owned()
    } else {
        format!("/etc/netplan/{name}")
    }
}

/// The backend that the agent chooses.
fn chosen(machine: &Machine) -> String {
    let plan = run(machine, &["plan", "--json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    plan["backend"]["name"].as_str().unwrap().to_owned()
}

/// The renderer that netplan itself uses for `ib0`, if netplan is installed.
fn made(yaml: Yaml) -> Option<&'static str> {
    if !Path::new(NETPLAN).exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI has no netplan; 'make setup' installs it there"
        );
        return None;
    }
    let root = tempfile::TempDir::new().unwrap();
    let ours = "network: {version: 2, ethernets: {ib0: {dhcp4: true}}}\n";
    let files = yaml
        .iter()
        .copied()
        .chain([("60-one-sriov-ib0.yaml", ours)]);
    for (name, text) in files {
        // netplan reads this directory by its other name.
        let path = path(name).replace("/usr/lib/", "/lib/");
        let path = root.path().join(&path[1..]);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let output = Command::new("/usr/lib/netplan/generate")
        .arg("--root-dir")
        .arg(root.path())
        .output()
        .unwrap();
    let has = |path: &str| root.path().join("run").join(path).exists();
    Some(if !output.status.success() {
        REFUSED
    } else if has("systemd/network/10-netplan-ib0.network") {
        "netplan-networkd"
    } else {
        assert!(has(
            "NetworkManager/system-connections/netplan-ib0.nmconnection"
        ));
        "netplan-nm"
    })
}

const NETWORKD: &str = "network:\n  version: 2\n  renderer: networkd\n";
const MANAGER: &str = "network:\n  version: 2\n  renderer: NetworkManager\n";

/// What the files say about renderers, the files, and the backend that results.
const RENDERERS: [(&str, Yaml, &str); 27] = [
    (
        "a Wi-Fi device has one of its own",
        &[(
            "01.yaml",
            "network:\n  version: 2\n  renderer: networkd\n  ethernets:\n    eth0: {dhcp4: true}\n  wifis:\n    wlan0:\n      renderer: NetworkManager\n      access-points: {\"x\": {}}\n",
        )],
        "netplan-networkd",
    ),
    (
        "NetworkManager's own file, for another device",
        &[
            ("50.yaml", NETWORKD),
            (
                "90-NM-0.yaml",
                "network:\n  version: 2\n  ethernets:\n    NM-0:\n      renderer: NetworkManager\n      match: {name: \"eth0\"}\n",
            ),
        ],
        "netplan-networkd",
    ),
    (
        "later files count",
        &[
            ("01-network-manager-all.yaml", MANAGER),
            ("50-server.yaml", NETWORKD),
        ],
        "netplan-networkd",
    ),
    (
        "a file of the same name",
        &[
            ("/usr/lib/netplan/00-network-manager-all.yaml", MANAGER),
            ("00-network-manager-all.yaml", NETWORKD),
        ],
        "netplan-networkd",
    ),
    (
        "in quotes",
        &[(
            "01.yaml",
            "network:\n  version: 2\n  renderer: \"NetworkManager\"\n",
        )],
        "netplan-nm",
    ),
    (
        "before a comment",
        &[(
            "01.yaml",
            "network:\n  renderer: NetworkManager # as on a desktop\n",
        )],
        "netplan-nm",
    ),
    (
        "in flow style",
        &[(
            "01.yaml",
            "network: {version: 2, renderer: NetworkManager}\n",
        )],
        "netplan-nm",
    ),
    (
        "in a comment",
        &[(
            "01.yaml",
            "network:\n  version: 2\n  # renderer: NetworkManager\n",
        )],
        "netplan-networkd",
    ),
    (
        "nothing is said",
        &[("01.yaml", "network:\n  version: 2\n")],
        "netplan-networkd",
    ),
    ("an empty file", &[("01.yaml", "")], "netplan-networkd"),
    (
        "by an alias",
        &[(
            "01.yaml",
            "network:\n  ethernets: {eth0: {match: {name: &a NetworkManager}}}\n  renderer: *a\n",
        )],
        "netplan-nm",
    ),
    (
        "folded",
        &[("01.yaml", "network:\n  renderer: >-\n    NetworkManager\n")],
        "netplan-nm",
    ),
    (
        "twice",
        &[(
            "01.yaml",
            "network:\n  renderer: NetworkManager\n  renderer: networkd\n",
        )],
        "netplan-networkd",
    ),
    (
        "in a second document",
        &[(
            "01.yaml",
            "network:\n  renderer: networkd\n---\nnetwork:\n  renderer: NetworkManager\n",
        )],
        "netplan-networkd",
    ),
    (
        "of the distribution",
        &[("/usr/lib/netplan/00.yaml", MANAGER)],
        "netplan-nm",
    ),
    (
        "hidden by an empty file",
        &[("/usr/lib/netplan/00.yaml", MANAGER), ("00.yaml", "")],
        "netplan-networkd",
    ),
    (
        "of this boot",
        &[("/run/netplan/00.yaml", MANAGER), ("00.yaml", NETWORKD)],
        "netplan-nm",
    ),
    (
        "of this boot, before a later file",
        &[("/run/netplan/00.yaml", MANAGER), ("01.yaml", NETWORKD)],
        "netplan-networkd",
    ),
    (
        "no YAML by its name",
        &[
            ("01.yaml", NETWORKD),
            ("02.yml", MANAGER),
            ("03.yaml.bak", MANAGER),
            (".04.yaml", MANAGER),
        ],
        "netplan-networkd",
    ),
    (
        "of the type, in another file",
        &[(
            "01.yaml",
            "network:\n  ethernets:\n    renderer: NetworkManager\n    eth0: {dhcp4: true}\n",
        )],
        "netplan-networkd",
    ),
    (
        "of the type, in a file that names the device",
        &[(
            "01.yaml",
            "network:\n  ethernets:\n    renderer: NetworkManager\n    ib0: {dhcp6: true}\n",
        )],
        "netplan-nm",
    ),
    (
        "of the type, behind the device",
        &[(
            "01.yaml",
            "network:\n  ethernets:\n    ib0: {dhcp6: true}\n    renderer: NetworkManager\n",
        )],
        "netplan-networkd",
    ),
    (
        "of the type, in a file that does not name the device first",
        &[
            ("01.yaml", "network: {ethernets: {ib0: {dhcp6: true}}}\n"),
            (
                "02.yaml",
                "network:\n  ethernets:\n    renderer: NetworkManager\n    ib0: {dhcp6: true}\n",
            ),
        ],
        "netplan-networkd",
    ),
    (
        "of the device",
        &[
            ("01.yaml", NETWORKD),
            (
                "02.yaml",
                "network: {ethernets: {ib0: {renderer: NetworkManager}}}\n",
            ),
        ],
        "netplan-nm",
    ),
    (
        "of the device, later",
        &[
            ("01.yaml", NETWORKD),
            (
                "99.yaml",
                "network: {ethernets: {ib0: {renderer: NetworkManager}}}\n",
            ),
        ],
        "netplan-nm",
    ),
    (
        "of the device, against that of everything",
        &[
            ("01.yaml", MANAGER),
            (
                "02.yaml",
                "network: {ethernets: {ib0: {renderer: networkd}}}\n",
            ),
        ],
        "netplan-networkd",
    ),
    (
        "of another type of device",
        &[(
            "01.yaml",
            "network: {bridges: {renderer: NetworkManager, ib0: {}}}\n",
        )],
        "netplan-networkd",
    ),
];

#[test]
fn the_agent_chooses_the_renderer_that_netplan_uses() {
    for (what, yaml, expected) in RENDERERS {
        assert_eq!(chosen(&machine(yaml)), expected, "{what}");
        // For netplan, devices with one name are one device, whatever their types.
        if let Some(made) = made(yaml).filter(|_| !what.contains("another type of device")) {
            assert_eq!(made, expected, "{what}: netplan itself");
        }
    }
}

/// netplan then writes nothing at all, so the user gets a warning.
#[test]
fn yaml_that_netplan_refuses_is_named() {
    let table: [(Yaml, &str); 4] = [
        (
            &[("01.yaml", MANAGER), ("02.yaml", "network: {renderer: [\n")],
            "'/etc/netplan/02.yaml': line 2: ",
        ),
        (
            &[
                ("01.yaml", MANAGER),
                ("02.yaml", "network:\n  renderer: networkmanager\n"),
            ],
            "'/etc/netplan/02.yaml': its renderer is neither",
        ),
        (
            &[("01.yaml", MANAGER), ("02.yaml", "network:\n  renderer:\n")],
            "'/etc/netplan/02.yaml': its renderer is neither",
        ),
        (
            &[
                ("01.yaml", MANAGER),
                ("02.yaml", "network:\n\trenderer: networkd\n"),
            ],
            "'/etc/netplan/02.yaml': line ",
        ),
    ];
    for (yaml, reason) in table {
        if let Some(made) = made(yaml) {
            assert_eq!(made, REFUSED, "{yaml:?}: netplan itself");
        }
        let machine = machine(yaml);
        assert_eq!(chosen(&machine), "netplan-nm", "{yaml:?}");
        let applied = run(&machine, &["apply"]);
        assert!(
            applied.stderr.contains(&format!(
                "netplan generates nothing, because it refuses {reason}"
            )),
            "{yaml:?}: {}",
            applied.stderr
        );
    }
}

#[test]
fn the_file_that_names_the_renderer_is_reported() {
    let machine = machine(&[("01.yaml", NETWORKD), ("50-desktop.yaml", MANAGER)]);
    let said = run(&machine, &["plan"]);
    assert!(
        said.stdout
            .contains("'/etc/netplan/50-desktop.yaml' names NetworkManager"),
        "{}",
        said.stdout
    );
}
