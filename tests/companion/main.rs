//! Other contextualization programs beside the agent. cloud-init leaves the network to the agent.
//!
//! one-context configures plain Ethernet. The agent runs right after it, whatever the arguments, and configures all other NICs
//! for the same network stack. A stand-in acts like one-context, with the tables of its releases, which are bash scripts.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cloud_init;
mod ifupdown;
mod releases;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use one_sriov_tests::{Machine, agent_path, ethernet, infiniband, virtio};

const CONTEXT: &str = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\n\
                       ETH1_MAC='02:00:c0:a8:07:05'\nETH1_IP='192.168.7.5'\n\
                       PCI0_ADDRESS='01:01.0'\nPCI0_MAC='02:00:0a:09:00:05'\nPCI0_IP='10.9.0.5'\n";
const OTHER: &str = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\n\
                     ETH1_MAC='02:00:c0:a8:07:05'\nETH1_IP='192.168.7.9'\n";

type Renderer = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// The renderers of one-context, each with one-context's and the agent's files for [`CONTEXT`].
const RENDERERS: [Renderer; 5] = [
    (
        "interfaces",
        &[],
        &[
            "network/interfaces.d/60-one-sriov-ens9.cfg",
            "network/interfaces.d/60-one-sriov-ib0.cfg",
        ],
    ),
    (
        "networkd",
        &["systemd/network/eth0.network"],
        &[
            "systemd/network/05-one-sriov-ens9.network",
            "systemd/network/05-one-sriov-eth1.network",
            "systemd/network/05-one-sriov-ib0.network",
        ],
    ),
    (
        "nm",
        &["NetworkManager/system-connections/eth0.nmconnection"],
        &[
            "NetworkManager/conf.d/90-one-sriov-eth1.conf",
            "NetworkManager/system-connections/one-sriov-ens9.nmconnection",
            "NetworkManager/system-connections/one-sriov-ib0.nmconnection",
        ],
    ),
    (
        "netplan",
        &["netplan/50-one-context.yaml"],
        &[
            "netplan/60-one-sriov-ens9.yaml",
            "netplan/60-one-sriov-ib0.yaml",
            "systemd/network/05-one-sriov-ens9.network",
            "systemd/network/05-one-sriov-eth1.network",
            "systemd/network/05-one-sriov-ib0.network",
        ],
    ),
    (
        "scripts",
        &["sysconfig/network-scripts/ifcfg-eth0"],
        &[
            "sysconfig/network-scripts/ifcfg-ens9",
            "sysconfig/network-scripts/ifcfg-eth1",
            "sysconfig/network-scripts/ifcfg-ib0",
        ],
    ),
];

/// Programs that both one-context and the agent look for.
const TOOLS: [&str; 3] = ["/usr/bin/nmcli", "/usr/bin/networkctl", "/usr/sbin/netplan"];

/// All renderers whose tools are installed; CI has them all.
fn renderers() -> impl Iterator<Item = Renderer> {
    let is_complete = TOOLS.iter().all(|tool| Path::new(tool).exists());
    assert!(
        is_complete || std::env::var_os("CI").is_none(),
        "CI lacks one of {TOOLS:?}; 'make setup' installs them there"
    );
    RENDERERS
        .into_iter()
        .filter(move |(name, ..)| is_complete || ["interfaces", "scripts"].contains(name))
}

struct Guest {
    machine: Machine,
    /// The release of one-context, with its tables.
    release: &'static str,
    /// Real links, `NAME=MAC`, so that addresses can be set.
    links: &'static str,
}

type Files = BTreeMap<PathBuf, String>;

/// What happened in a guest.
struct Life {
    /// The files below /etc after each step.
    steps: Vec<Files>,
    /// The kernel's addresses and routes after each step.
    kernel: Vec<String>,
    /// The output of the programs.
    said: String,
}

impl Life {
    /// The renderer that one-context chose at a step.
    fn chosen(&self, step: usize) -> &str {
        self.steps[step][Path::new(CHOSEN)].trim_end()
    }
}

/// The file in which the stand-in records the renderer.
const CHOSEN: &str = "one-context.d/chosen";

impl Guest {
    /// A guest whose context names a renderer.
    fn new(renderer: &str) -> Self {
        let guest = Self::of("debian", "11", &format!("NETCFG_TYPE='{renderer}'\n"));
        if renderer == "scripts" {
            guest
                .machine
                .write("/etc/sysconfig/network-scripts/ifup", "");
            guest.machine.write(
                "/etc/systemd/system/multi-user.target.wants/network.service",
                "",
            );
        }
        guest
    }

    /// A guest with this distribution and these additional variables.
    fn of(id: &str, version: &str, more: &str) -> Self {
        let nics = [
            virtio("eth0", "02:00:0a:00:00:05", 3),
            virtio("eth1", "aa:00:c0:a8:07:05", 4),
            infiniband("ib0", "00:04:aa:00:c0:a8:07:05", "0000:05:00.0"),
            ethernet("ens9", "02:00:0a:09:00:05", "0000:01:01.0", "mlx5_core"),
        ];
        let machine = Machine::new("", &nics);
        for (name, context) in [("context.sh", CONTEXT), ("other.sh", OTHER)] {
            machine.write(&format!("/{name}"), format!("{more}{context}"));
        }
        machine.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        machine.write(
            "/etc/os-release",
            format!("ID={id}\nVERSION_ID=\"{version}\"\n"),
        );
        Self {
            machine,
            release: "7.2",
            links: "",
        }
    }

    /// Runs the steps, and returns the files below /etc after each.
    fn files_after_each(&self, steps: &[&str]) -> Vec<Files> {
        let mut steps = self.run(steps).steps;
        for files in &mut steps {
            files.remove(Path::new(CHOSEN));
        }
        steps
    }

    fn run(&self, steps: &[&str]) -> Life {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let output = Command::new("unshare")
            // The guest must not use the network stacks of this machine.
            .args([
                "--map-root-user",
                "--mount",
                "--net",
                "--pid",
                "--fork",
                "--mount-proc",
            ])
            .arg(own.join("companion/one-context.sh"))
            .args(steps)
            .env("GUEST", self.machine.root())
            .env("AGENT", agent_path())
            .env("RELEASE", self.release)
            .env("LINKS", self.links)
            .env("PATH", "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env(
                "HOOK",
                own.join("../packaging/one-context/loc-11-one-sriov"),
            )
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{steps:?}: {said}");
        assert!(!said.contains("error"), "{steps:?}: {said}");
        let all = 1..=steps.len();
        Life {
            steps: all
                .clone()
                .map(|step| files(&self.machine.path(&format!("/steps/{step}"))))
                .collect(),
            kernel: all
                .map(|step| self.machine.read(&format!("/kernel/{step}")))
                .collect(),
            said,
        }
    }

    /// Shuts the guest down, which loses one-context's copy of the context.
    fn shut_down(&self) {
        fs::remove_dir_all(self.machine.path("/run")).unwrap();
    }
}

/// All files in directories of the network stacks, except those that every guest has.
fn files(directory: &Path) -> Files {
    let mut found = Files::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().to_path_buf();
                if name != Path::new("ld.so.cache") {
                    found.insert(name, fs::read_to_string(&path).unwrap());
                }
            }
        }
    }
    let chosen = found.get(Path::new(CHOSEN)).cloned();
    let known = [
        "one-context.d",
        "machine-id",
        "os-release",
        "network/interfaces",
        "sysconfig/network-scripts/ifup",
        "systemd/system",
    ];
    found.retain(|path, _| {
        known
            .iter()
            .all(|known| !path.starts_with(known) || path.starts_with("network/interfaces.d"))
    });
    found.remove(Path::new("NetworkManager/conf.d/50-unmanaged-devices.conf"));
    found.extend(chosen.map(|chosen| (PathBuf::from(CHOSEN), chosen)));
    found
}

fn names(files: &Files) -> Vec<&str> {
    files.keys().map(|path| path.to_str().unwrap()).collect()
}

fn sorted<'n>(names: &[&[&'n str]]) -> Vec<&'n str> {
    let mut all: Vec<&str> = names.concat();
    all.sort_unstable();
    all
}

#[test]
fn at_boot_both_write_their_own_files_for_the_same_stack() {
    for (renderer, theirs, ours) in renderers() {
        let steps = Guest::new(renderer).files_after_each(&["local", "online", "network"]);
        for name in ours {
            assert!(
                steps[0].contains_key(Path::new(name)),
                "{renderer}: {name} is there before the network starts"
            );
        }
        assert_eq!(names(&steps[1]), sorted(&[theirs, ours]), "{renderer}");
        assert_eq!(steps[2], steps[1], "{renderer}");
    }
}

#[test]
fn a_changed_context_changes_only_the_agents_files() {
    for (renderer, theirs, ours) in renderers() {
        let steps =
            Guest::new(renderer).files_after_each(&["all", "context:other.sh", "all:reconfigure"]);
        assert_eq!(names(&steps[0]), sorted(&[theirs, ours]), "{renderer}");
        let without_pci: Vec<&str> = ours
            .iter()
            .copied()
            .filter(|name| !name.contains("ens9"))
            .collect();
        assert_eq!(
            names(&steps[2]),
            sorted(&[theirs, &without_pci]),
            "{renderer}"
        );
        let texts = |files: &Files| files.values().cloned().collect::<String>();
        assert!(texts(&steps[0]).contains("192.168.7.5"), "{renderer}");
        assert!(texts(&steps[2]).contains("192.168.7.9"), "{renderer}");
        for name in theirs {
            let name = Path::new(name);
            assert_eq!(steps[0][name], steps[2][name], "{renderer}");
        }
    }
}

#[test]
fn without_a_change_of_the_context_no_file_changes() {
    for (renderer, _, _) in renderers() {
        let steps = Guest::new(renderer).files_after_each(&[
            "all",
            "all:reconfigure",
            "all:force",
            "online:force",
            "local:force",
        ]);
        for later in &steps[1..] {
            assert_eq!(later, &steps[0], "{renderer}");
        }
    }
}

#[test]
fn a_reboot_leaves_all_files_unchanged() {
    for (renderer, _, _) in renderers() {
        let guest = Guest::new(renderer);
        let first = guest.files_after_each(&["all"]).pop().unwrap();
        guest.shut_down();
        assert_eq!(
            guest.files_after_each(&["all"]).pop().unwrap(),
            first,
            "{renderer}"
        );
    }
}

/// 4.x calls the hook without arguments, 5.0 with its own first argument, and 5.4 to 6.0 with the command only.
#[test]
fn older_releases_call_the_hook_with_other_arguments() {
    for command in ["", "start", "reconfigure", "force"] {
        let (renderer, _, ours) = RENDERERS[0];
        let steps = Guest::new(renderer).files_after_each(&[&format!("old:{command}")]);
        assert_eq!(names(&steps[0]), ours, "{command}");
    }
}

#[test]
fn dummies_and_one_contexts_nics_get_no_stanzas() {
    let steps = Guest::new("interfaces").files_after_each(&["local"]);
    let all: String = steps[0].values().cloned().collect();
    assert!(!all.contains("eth0") && !all.contains("eth1"), "{all}");
}
