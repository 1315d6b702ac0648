#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::symlink;

use one_sriov_system::Root;
use tempfile::TempDir;

use super::*;
use crate::render::Readers;

const NM_WANTED: &str = "/etc/systemd/system/multi-user.target.wants/NetworkManager.service -> /usr/lib/systemd/system/NetworkManager.service";
const NETWORKD_WANTED: &str = "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service -> /usr/lib/systemd/system/systemd-networkd.service";
const WICKED_WANTED: &str = "/etc/systemd/system/multi-user.target.wants/wicked.service -> /usr/lib/systemd/system/wicked.service";
const MACHINE_ID: &str = "/etc/machine-id = 0123456789abcdef0123456789abcdef";

/// The facts of a guest with these files: `path`, `path = text`, `path -> target`.
fn facts(files: &[&str]) -> Facts {
    let dir = TempDir::new().unwrap();
    for file in files {
        let (path, text, target) = if let Some((path, target)) = file.split_once(" -> ") {
            (path, "", Some(target))
        } else if let Some((path, text)) = file.split_once(" = ") {
            (path, text, None)
        } else {
            (*file, "", None)
        };
        let path = dir.path().join(path.trim_start_matches('/'));
        if file.ends_with('/') {
            fs::create_dir_all(path).unwrap();
            continue;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match target {
            Some(target) => symlink(target, path).unwrap(),
            None => fs::write(path, format!("{text}\n")).unwrap(),
        }
    }
    Facts::gather(&Root::new(dir.path()))
}

/// The files of guests as in the distributions' images.
const GUESTS: &[(&str, &[&str], &str)] = &[
    (
        "EL 6: initscripts",
        &[
            "/etc/sysconfig/network-scripts/ifup",
            "/etc/rc.d/rc3.d/S10network -> ../init.d/network",
        ],
        "ifcfg-initscripts",
    ),
    (
        "EL 6 with NetworkManager",
        &[
            "/etc/sysconfig/network-scripts/ifup",
            "/etc/rc.d/rc3.d/S23NetworkManager -> ../init.d/NetworkManager",
            "/usr/lib64/NetworkManager/libnm-settings-plugin-ifcfg-rh.so",
        ],
        "ifcfg-nm",
    ),
    (
        "EL 7: both are enabled",
        &[
            MACHINE_ID,
            "/etc/sysconfig/network-scripts/ifup",
            "/etc/rc.d/rc3.d/S10network -> ../init.d/network",
            NM_WANTED,
            "/usr/lib64/NetworkManager/1.18.8-2.el7_9/libnm-settings-plugin-ifcfg-rh.so",
        ],
        "ifcfg-nm",
    ),
    (
        "EL 7 with NetworkManager masked",
        &[
            MACHINE_ID,
            "/etc/sysconfig/network-scripts/ifup",
            NM_WANTED,
            "/etc/systemd/system/NetworkManager.service -> /dev/null",
        ],
        "ifcfg-initscripts",
    ),
    (
        "EL 8",
        &[
            MACHINE_ID,
            NM_WANTED,
            "/etc/sysconfig/network-scripts/",
            "/usr/lib64/NetworkManager/1.40.16-15.el8_9/libnm-settings-plugin-ifcfg-rh.so",
        ],
        "keyfile",
    ),
    (
        "EL 9 before its first boot: presets",
        &[
            "/usr/lib/systemd/system/NetworkManager.service",
            "/usr/lib/systemd/system/systemd-networkd.service",
            "/usr/lib/systemd/system-preset/90-default.preset = enable NetworkManager.service",
            "/usr/lib/systemd/system-preset/99-default-disable.preset = disable *",
        ],
        "keyfile",
    ),
    ("EL 10 and Fedora", &[MACHINE_ID, NM_WANTED], "keyfile"),
    (
        "Amazon Linux 2",
        &[
            MACHINE_ID,
            "/etc/sysconfig/network-scripts/ifup",
            "/etc/rc.d/rc3.d/S10network -> ../init.d/network",
        ],
        "ifcfg-initscripts",
    ),
    (
        "Amazon Linux 2023",
        &[MACHINE_ID, NETWORKD_WANTED],
        "networkd",
    ),
    (
        "Debian from its installer",
        &[
            MACHINE_ID,
            "/sbin/ifup",
            "/etc/network/interfaces = auto lo",
        ],
        "interfaces",
    ),
    (
        "Debian's cloud image",
        &[
            MACHINE_ID,
            "/usr/sbin/netplan",
            "/etc/netplan/90-default.yaml = network:",
            NETWORKD_WANTED,
        ],
        "netplan-networkd",
    ),
    (
        "Debian with netplan installed, and not in use",
        &[
            MACHINE_ID,
            "/usr/sbin/netplan",
            "/etc/netplan/60-one-sriov-eth0.yaml = network:",
            "/usr/sbin/ifup",
            "/etc/network/interfaces",
        ],
        "interfaces",
    ),
    (
        "Ubuntu server whose installer's YAML was removed",
        &[
            MACHINE_ID,
            "/usr/sbin/netplan",
            "/etc/netplan/60-one-sriov-eth0.yaml = network:",
        ],
        "netplan-networkd",
    ),
    (
        "Debian desktop",
        &[
            MACHINE_ID,
            NM_WANTED,
            "/sbin/ifup",
            "/etc/network/interfaces = auto lo",
        ],
        "keyfile",
    ),
    (
        "Ubuntu server",
        &[
            MACHINE_ID,
            "/usr/sbin/netplan",
            "/etc/netplan/50-cloud-init.yaml = network:",
            NETWORKD_WANTED,
        ],
        "netplan-networkd",
    ),
    (
        "Ubuntu desktop",
        &[
            MACHINE_ID,
            "/usr/sbin/netplan",
            "/usr/lib/netplan/00-network-manager-all.yaml = network:\n  version: 2\n  renderer: NetworkManager",
            NM_WANTED,
        ],
        "netplan-nm",
    ),
    (
        "Ubuntu 16.04",
        &[MACHINE_ID, "/sbin/ifup", "/etc/network/interfaces"],
        "interfaces",
    ),
    (
        "SLES and Leap 15",
        &[MACHINE_ID, WICKED_WANTED, "/etc/sysconfig/network/"],
        "ifcfg-suse",
    ),
    (
        "SLES 15 with NetworkManager",
        &[MACHINE_ID, NM_WANTED, "/etc/sysconfig/network/"],
        "keyfile",
    ),
    (
        "SLES and Leap 16, Tumbleweed",
        &[MACHINE_ID, NM_WANTED],
        "keyfile",
    ),
    (
        "Alpine",
        &[
            "/etc/alpine-release = 3.20.0",
            "/sbin/ifup",
            "/etc/network/interfaces",
        ],
        "interfaces-alpine",
    ),
    (
        "Arch, Flatcar: enabled by the distribution itself",
        &[
            MACHINE_ID,
            "/usr/lib/systemd/system/multi-user.target.wants/systemd-networkd.service -> ../systemd-networkd.service",
        ],
        "networkd",
    ),
    (
        "networkd masked, ifupdown left",
        &[
            MACHINE_ID,
            NETWORKD_WANTED,
            "/etc/systemd/system/systemd-networkd.service -> /dev/null",
            "/sbin/ifup",
            "/etc/network/interfaces",
        ],
        "interfaces",
    ),
];

#[test]
fn the_stack_of_each_distribution_is_found() {
    for (guest, files, expected) in GUESTS {
        let choice = choose(None, &facts(files)).unwrap();
        assert_eq!(
            choice.backend.name(),
            *expected,
            "{guest}: {}",
            choice.reason
        );
        assert!(!choice.is_doubtful, "{guest}");
    }
}

#[test]
fn the_choice_for_an_unknown_guest_is_doubtful() {
    for files in [&[][..], &[MACHINE_ID]] {
        let choice = choose(None, &facts(files)).unwrap();
        assert!(choice.is_doubtful);
        assert_eq!(choice.backend, Backend::IfcfgNetworkManager);
    }
}

#[test]
fn a_request_has_precedence_but_may_leave_the_dialect_to_detection() {
    let guest = |name: &str| {
        let (_, files, _) = GUESTS
            .iter()
            .find(|(guest, ..)| guest.starts_with(name))
            .unwrap();
        facts(files)
    };
    let table = [
        ("keyfile", "Ubuntu server", "keyfile"),
        ("ifcfg-nm", "SLES and Leap 15", "ifcfg-nm"),
        ("ifcfg", "SLES and Leap 15", "ifcfg-suse"),
        ("ifcfg", "EL 6: init", "ifcfg-initscripts"),
        ("ifcfg", "EL 7: both", "ifcfg-nm"),
        ("scripts", "EL 7: both", "ifcfg-initscripts"),
        ("scripts", "SLES and Leap 15", "ifcfg-suse"),
        ("nm", "EL 7: both", "ifcfg-nm"),
        ("nm", "EL 8", "keyfile"),
        ("netplan", "Ubuntu desktop", "netplan-nm"),
        ("netplan", "Debian from", "netplan-networkd"),
        ("interfaces", "Alpine", "interfaces-alpine"),
        ("interfaces", "Ubuntu server", "interfaces"),
        ("networkd", "EL 8", "networkd"),
        ("NetworkManager", "EL 8", "keyfile"),
        ("systemd-networkd", "EL 8", "networkd"),
        ("systemd", "EL 8", "networkd"),
        ("redhat", "EL 7: both", "ifcfg-initscripts"),
        ("debian", "Ubuntu server", "interfaces"),
    ];
    for (wish, name, expected) in table {
        let choice = choose(Some(("--backend", wish)), &guest(name)).unwrap();
        assert_eq!(choice.backend.name(), expected, "{wish} on {name}");
        assert_eq!(choice.reason, "--backend names it");
    }
}

#[test]
fn an_unknown_name_is_an_error_that_lists_the_known_ones() {
    let error = choose(Some(("--backend", "netwrok\n")), &Facts::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown backend 'netwrok\\n': expected ifcfg, netplan, or ifcfg-initscripts, ifcfg-nm, ifcfg-suse, \
         interfaces, interfaces-alpine, keyfile, netplan-networkd, netplan-nm, networkd"
    );
}

#[test]
fn the_first_matching_preset_applies() {
    let unit = "/usr/lib/systemd/system/systemd-networkd.service";
    let table = [
        (&["/a.preset = disable *"][..], false),
        (&["/a.preset = enable systemd-*"], true),
        (
            &[
                "/b.preset = enable systemd-networkd.service",
                "/a.preset = disable *",
            ],
            false,
        ),
        (&["/a.preset = # disable systemd-networkd.service"], true),
        (&[], true),
    ];
    for (presets, expected) in table {
        let mut files = vec![unit.to_owned()];
        let dir = "/usr/lib/systemd/system-preset";
        files.extend(presets.iter().map(|preset| format!("{dir}{preset}")));
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        assert_eq!(
            facts(&files).enabled.has(Reader::Networkd),
            expected,
            "{presets:?}"
        );
    }
    // After the first boot, the links decide.
    assert!(!facts(&[unit, MACHINE_ID]).enabled.has(Reader::Networkd));
}

#[test]
fn the_running_stack_is_chosen_unless_the_enabled_one_runs_too() {
    let networkd = Readers::from_iter([Reader::Networkd]);
    let network_manager = Readers::from_iter([Reader::NetworkManager]);
    let both = Readers::from_iter([Reader::Networkd, Reader::NetworkManager]);
    let enabled = facts(&[NM_WANTED, MACHINE_ID]);
    let table = [
        (
            Readers::default(),
            Backend::Keyfile,
            "NetworkManager is enabled",
        ),
        (
            network_manager,
            Backend::Keyfile,
            "NetworkManager is enabled",
        ),
        (networkd, Backend::Networkd, "systemd-networkd runs"),
        (both, Backend::Keyfile, "NetworkManager is enabled"),
    ];
    for (running, backend, why) in table {
        let facts = Facts {
            running: Some(running),
            ..enabled.clone()
        };
        let choice = choose(None, &facts).unwrap();
        assert_eq!(
            (choice.backend, &*choice.reason),
            (backend, why),
            "{running:?}"
        );
        // A request has precedence.
        let wish = choose(Some(("--backend", "interfaces")), &facts).unwrap();
        assert_eq!(wish.backend, Backend::Interfaces);
    }
    // `interfaces` may be either dialect.
    let facts = Facts {
        running: Some(both),
        ..facts(&["/sbin/ifup", "/etc/network/interfaces", MACHINE_ID])
    };
    assert_eq!(choose(None, &facts).unwrap().backend, Backend::Interfaces);
}
