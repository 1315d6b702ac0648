//! Rules of the programs that read the agent's files, checked in all scenarios for all network stacks, because some of the
//! programs, those of EL and SUSE, cannot be installed here.
//!
//! A rule has two functions of a file: whether it applies to the file, and whether the file satisfies it.

mod ifcfg;

use one_sriov_tests::{BACKENDS, Machine, check_file, run, scenarios};
use regex::Regex;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

/// A file that a run has written.
struct File {
    scenario: &'static str,
    backend: &'static str,
    path: String,
    mode: u32,
    text: String,
}

impl File {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether the file is an `ifcfg` file of one of these dialects.
    fn is_ifcfg(&self, dialects: &[&str]) -> bool {
        dialects.contains(&self.backend) && self.name().starts_with("ifcfg-")
    }

    /// Whether the file has this extension.
    fn is_kind(&self, kind: &str) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|own| own == kind)
    }

    /// The value of `KEY=`.
    fn value(&self, key: &str) -> Option<&str> {
        let mut lines = self.text.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    }

    fn has(&self, beginning: &str) -> bool {
        self.text
            .lines()
            .any(|line| line.trim_start().starts_with(beginning))
    }

    fn is_infiniband(&self) -> bool {
        self.value("TYPE") == Some("InfiniBand")
    }
}

const RED_HAT: &[&str] = &["ifcfg-initscripts", "ifcfg-nm"];

/// All files of all scenarios for all network stacks.
static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for (scenario, context, nics) in scenarios() {
        for backend in BACKENDS {
            let machine = Machine::new(&context, &nics);
            let _ = run(&machine, &["apply", "--backend", backend]);
            all.extend(machine.etc().into_iter().map(|(path, mode, text)| File {
                scenario,
                backend,
                path,
                mode,
                text,
            }));
        }
    }
    all
});

/// Asserts that the rule applies to at least one file, and that all files to which it applies satisfy it.
#[track_caller]
fn rule(is_about: impl Fn(&File) -> bool, holds: impl Fn(&File) -> bool) {
    let mut files = FILES.iter().filter(|file| is_about(file)).peekable();
    assert!(files.peek().is_some(), "the rule applies to no file");
    for file in files {
        assert!(
            holds(file),
            "{}, {}, {}:\n{}",
            file.scenario,
            file.backend,
            file.path,
            file.text
        );
    }
}

/// The rules that the fuzzer also checks.
#[test]
fn every_line_is_made_of_known_words() {
    let broken = |file: &File| check_file(&file.path, file.mode, &file.text).err();
    let broken: BTreeSet<String> = FILES.iter().filter_map(broken).collect();
    assert_eq!(broken, BTreeSet::new());
}

/// The first octets vary from boot to boot (rdma-core's `persistent-ipoib.rules.in`).
#[test]
fn no_file_contains_a_whole_infiniband_address() {
    let twenty = Regex::new("([0-9a-fA-F]{2}:){19}").unwrap();
    rule(|_| true, |file| !twenty.is_match(&file.text));
}

/// The parent of a VLAN or P_Key child is up, and accepts addresses from any router there unless its IPv6 is disabled.
#[test]
fn a_parent_has_no_ipv6() {
    let has_child = |file: &File, device: &str| {
        let beginning = format!("ifcfg-{device}.");
        let mut same = FILES
            .iter()
            .filter(|other| (other.scenario, other.backend) == (file.scenario, file.backend));
        same.any(|other| other.name().starts_with(&beginning))
    };
    let device = |file: &File| {
        let name = file.name().trim_end_matches(".conf");
        ["ifcfg-", "ifsysctl-", "90-one-sriov-"]
            .iter()
            .find_map(|beginning| name.strip_prefix(beginning))
            .map(str::to_owned)
    };
    let is_of_parent = |file: &File| device(file).is_some_and(|device| has_child(file, &device));
    let is_named = |file: &File, beginning: &str| file.name().starts_with(beginning);
    rule(
        |file| file.is_ifcfg(RED_HAT) && is_of_parent(file),
        |file| file.value("IPV6INIT") == Some("no"),
    );
    rule(
        |file| file.is_ifcfg(&["ifcfg-nm"]) && is_of_parent(file),
        |file| file.value("IPV6_DISABLED") == Some("yes"),
    );
    // Each parent has one file of settings.
    for (backend, beginning) in [
        ("ifcfg-initscripts", "90-one-sriov-"),
        ("ifcfg-nm", "90-one-sriov-"),
        ("ifcfg-suse", "ifsysctl-"),
    ] {
        let of = |file: &&File| file.backend == backend && is_of_parent(file);
        let parents = FILES
            .iter()
            .filter(of)
            .filter(|file| is_named(file, "ifcfg-"));
        let off = FILES
            .iter()
            .filter(of)
            .filter(|file| is_named(file, beginning) && file.text.contains("disable_ipv6 = 1"));
        assert_eq!(off.count(), parents.count(), "{backend}");
    }
    rule(
        |file| {
            file.backend.starts_with("interfaces") && file.text.contains("post-down ip link delete")
        },
        |file| {
            let child = file.text.find("type vlan").unwrap();
            file.text
                .find("disable_ipv6")
                .is_some_and(|parent| parent < child)
        },
    );
}

/// Each reader adds routes in the order of the file, and the kernel refuses a route whose gateway is unreachable. Routes from
/// DHCP and router advertisements do not exist yet.
#[test]
fn a_gateway_off_the_link_gets_a_route_before_it_is_used() {
    let via =
        Regex::new(r"(?m)^[0-9a-f.:/]+ (?:via )?(10\.0\.0\.254|169\.254\.1\.2|2001:db8:ffff::2) ")
            .unwrap();
    rule(
        |file| {
            file.backend.starts_with("ifcfg")
                && ["off-link", "dhcp"].contains(&file.scenario)
                && via.is_match(&file.text)
        },
        |file| {
            via.captures_iter(&file.text).all(|found| {
                let gateway = &found[1];
                let length = if gateway.contains(':') { 128 } else { 32 };
                let own = format!("\n{gateway}/{length} ");
                file.text
                    .find(&own)
                    .is_some_and(|at| at < found.get(0).unwrap().start())
            })
        },
    );
}

/// A profile with a MAC of 6 octets is rejected for an InfiniBand NIC, and of 20 octets only the last 8 are stable.
#[test]
fn no_device_is_matched_by_its_hardware_address() {
    rule(|file| file.is_ifcfg(RED_HAT), |file| !file.has("HWADDR"));
    rule(
        |file| file.path.starts_with("/etc/systemd"),
        |file| {
            let text = file.text.replace("\nMACAddress=none\n", "\n");
            !text.contains("MACAddress=")
        },
    );
    rule(
        |file| file.backend.starts_with("netplan"),
        |file| !file.has("match:") && !file.has("macaddress:"),
    );
    rule(
        |file| file.is_kind("nmconnection"),
        |file| !file.has("mac-address") && file.has("interface-name="),
    );
    rule(
        |file| file.backend.starts_with("interfaces"),
        |file| !file.has("hwaddress"),
    );
}

/// NetworkManager's reader ignores a larger value with a warning, and the kernel refuses it.
#[test]
fn no_mtu_exceeds_65520() {
    let mtu = Regex::new("(?:MTU|MTUBytes|mtu)[=:]? ?([0-9]+)").unwrap();
    rule(
        |file| mtu.is_match(&file.text),
        |file| {
            mtu.captures_iter(&file.text)
                .all(|found| found[1].parse::<u32>().unwrap() <= 65520)
        },
    );
}

/// NetworkManager rejects a profile without a transport mode, or one that others can read (`nm-setting-infiniband.c`,
/// `nms-keyfile-utils.c`).
#[test]
fn profiles_follow_the_rules_of_network_manager() {
    let is_profile = |file: &File| file.is_kind("nmconnection");
    rule(is_profile, |file| file.mode == 0o600);
    rule(
        |file| is_profile(file) && file.name().contains("-ib"),
        |file| {
            file.has("type=infiniband") && file.has("[infiniband]") && file.has("transport-mode=")
        },
    );
    rule(
        |file| is_profile(file) && file.has("p-key="),
        |file| {
            let pkey: u16 = file.value("p-key").unwrap().parse().unwrap();
            let name = format!("{}.{pkey:04x}", file.value("parent").unwrap());
            pkey > 0x8000 && file.value("interface-name") == Some(&name)
        },
    );
    let uuids: Vec<_> = FILES
        .iter()
        .filter(|file| file.scenario == "mixed" && file.backend == "keyfile" && is_profile(file))
        .map(|file| file.value("uuid").unwrap())
        .collect();
    assert_eq!(uuids.len(), uuids.iter().collect::<BTreeSet<_>>().len());
}

/// networkd ignores `[IPoIB]` of a port, uses the P_Key as given, lets a child inherit its parent's MTU, and by default
/// generates a GUID for a child.
#[test]
fn units_follow_the_rules_of_networkd() {
    let is_unit = |file: &File| file.is_kind("network") || file.is_kind("conf");
    rule(
        |file| file.backend == "networkd" && is_unit(file),
        |file| !file.has("[IPoIB]"),
    );
    rule(
        |file| file.has("PartitionKey="),
        |file| {
            let pkey = file
                .value("PartitionKey")
                .unwrap()
                .strip_prefix("0x")
                .unwrap();
            u16::from_str_radix(pkey, 16).unwrap() > 0x8000
        },
    );
    rule(
        |file| file.has("PartitionKey="),
        |file| file.value("MACAddress") == Some("none"),
    );
    rule(
        |file| file.path.ends_with("ib0.8003.network"),
        |file| file.value("MTUBytes") == Some("65520"),
    );
    rule(
        |file| file.has("Unmanaged=yes"),
        |file| file.value("RequiredForOnline") == Some("no"),
    );
    // networkd creates a child only after its port is up, so the network must not be online before both are.
    rule(
        |file| file.is_kind("network") && (file.has("IPoIB=") || file.has("VLAN=")),
        |file| file.value("RequiredForOnline") == Some("carrier"),
    );
}

/// Old releases refuse a file with an unknown key, and new releases warn about a file that other users can read.
#[test]
fn yaml_has_no_key_that_old_releases_reject() {
    rule(|file| file.is_kind("yaml"), |file| file.mode == 0o600);
    rule(
        |file| file.is_kind("yaml"),
        |file| !file.has("infiniband-mode") && !file.has("gateway4") && !file.has("ignore-carrier"),
    );
}

/// busybox's ifup refuses the whole file because of an unknown method, a duplicate key, `allow-hotplug` or, in old releases, a
/// second stanza for a device and family. Without `netmask` it sets no address (`networking/ifupdown.c`).
#[test]
fn stanzas_for_alpine_follow_the_rules_of_busybox() {
    let is_alpine = |file: &File| {
        file.backend == "interfaces-alpine" && file.path.starts_with("/etc/network/interfaces.d/")
    };
    let methods = [
        "inet static",
        "inet dhcp",
        "inet manual",
        "inet6 static",
        "inet6 manual",
    ];
    let commands = ["pre-up", "up", "down", "post-down"];
    rule(is_alpine, |file| !file.has("allow-hotplug"));
    rule(is_alpine, |file| {
        let mut seen = BTreeSet::new();
        let mut stanzas = file.text.split("\niface ").skip(1);
        stanzas.all(|stanza| {
            let (head, body) = stanza.split_once('\n').unwrap();
            let (device, method) = head.split_once(' ').unwrap();
            let family = method.split(' ').next().unwrap();
            let keys = body.lines().take_while(|line| line.starts_with(' '));
            let keys = keys.map(|line| line.trim_start().split_once(' ').unwrap());
            let keys: Vec<_> = keys.filter(|(key, _)| !commands.contains(key)).collect();
            let names: BTreeSet<&str> = keys.iter().map(|(key, _)| *key).collect();
            seen.insert((device.to_owned(), family.to_owned()))
                && methods.contains(&method)
                && names.len() == keys.len()
                && names.contains("address") == method.ends_with("static")
                && names.contains("netmask") == names.contains("address")
                && !keys.iter().any(|(_, value)| value.contains('/'))
        })
    });
}

/// ifupdown-ng removes only addresses that it has added itself (its executor `static`).
#[test]
fn on_alpine_every_added_address_has_a_command_that_removes_it() {
    let count = |file: &File, what: &str| file.text.matches(what).count();
    rule(
        |file| file.backend == "interfaces-alpine" && file.text.contains(" address replace "),
        |file| count(file, " address replace ") == count(file, " address delete "),
    );
}

/// Only connected mode supports a large MTU (`ipoib_change_mtu` of the kernel).
#[test]
fn the_mode_is_set_before_the_mtu() {
    rule(
        |file| {
            file.backend.starts_with("interfaces")
                && file.text.contains("/mode")
                && file.text.contains(" mtu ")
        },
        |file| file.text.find("/mode").unwrap() < file.text.find(" mtu ").unwrap(),
    );
    rule(
        |file| file.path.starts_with("/etc/udev/rules.d"),
        |file| file.text.contains(r#"ATTR{type}=="32""#) && file.text.contains("ATTR{mode}="),
    );
}
