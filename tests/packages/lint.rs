//! The tools that know what is wrong with packages, units, rules and sudoers.

use std::process::Command;

use crate::system::System;
use crate::{NEW, PACKAGES, build, can_run, said, source};

#[test]
fn lintian_finds_no_error() {
    if !can_run() {
        return;
    }
    let mut lintian = Command::new("lintian");
    lintian.args(["--allow-root", "--fail-on", "error,warning"]);
    let _ = said(lintian.args(PACKAGES.of("deb", NEW)));
}

#[test]
fn rpmlint_finds_no_error() {
    if !can_run() {
        return;
    }
    let mut rpmlint = Command::new("rpmlint");
    rpmlint
        .arg("--config")
        .arg(source().join("rpm/rpmlint.toml"));
    let told = said(rpmlint.args(PACKAGES.of("rpm", NEW)));
    assert!(told.contains(" 0 errors"), "{told}");
}

#[test]
fn the_same_source_makes_the_same_packages() {
    if !can_run() {
        return;
    }
    let again = tempfile::tempdir().unwrap();
    for kind in ["deb", "rpm"] {
        build(kind, NEW, again.path());
        for package in PACKAGES.of(kind, NEW) {
            let bytes = |path: &std::path::Path| std::fs::read(path).unwrap();
            let other = again.path().join(package.file_name().unwrap());
            assert!(bytes(&package) == bytes(&other), "{}", package.display());
        }
    }
}

#[test]
fn units_are_well_formed_and_confined() {
    if !can_run() {
        return;
    }
    let system = System::new();
    let _ = system.install_debian(NEW);
    let told = system.run(&[
        "systemd-analyze",
        "verify",
        "--man=no",
        "--recursive-errors=no",
        "one-sriov-agent.service",
        "one-sriov-agent-late@eth0.service",
    ]);
    assert_eq!(told, "");
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=yes", "--threshold=65"]);
    let _ = said(security.arg(source().join("packaging/agent/one-sriov-agent.service")));
}

#[test]
fn sudo_takes_the_rule() {
    if !can_run() {
        return;
    }
    let mut visudo = Command::new("/usr/sbin/visudo");
    let _ = said(
        visudo
            .args(["--check", "--strict", "--file"])
            .arg(source().join("packaging/node/one-sriov.sudoers")),
    );
}

/// As it reads the rules, udev tells what it does not understand.
#[test]
fn udev_understands_the_rules() {
    if !can_run() {
        return;
    }
    let read = |rules: &std::path::Path| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "sh", "-euc"]).arg(
            "mount -t tmpfs tmpfs /run && mkdir -p /run/udev/rules.d && cp \"$@\" /run/udev/rules.d\n\
             { cat /etc/group; echo oneadmin:x:9869:; } > /run/group && mount --bind /run/group /etc/group\n\
             udevadm test --action=add /sys/class/net/lo",
        );
        let told = said(unshare.arg("sh").arg(rules));
        let name = rules.file_name().unwrap().to_str().unwrap().to_owned();
        told.lines()
            .filter(|line| line.contains(&name) && !line.starts_with("Reading"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let packaging = source().join("packaging");
    for rules in ["agent/95-one-sriov-agent.rules", "node/70-one-sriov.rules"] {
        assert!(read(&packaging.join(rules)).is_empty(), "{rules}");
    }
    // It does tell.
    let wrong = tempfile::tempdir().unwrap();
    let rules = wrong.path().join("95-wrong.rules");
    std::fs::write(&rules, "SUBSYSTEMM==\"net\", GOTO=\"nowhere\"\n").unwrap();
    assert!(!read(&rules).is_empty());
}
