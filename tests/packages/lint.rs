//! Tools that check packages, units, udev rules and sudoers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use one_sriov_tests::turn;

use crate::system::{System, unpacked};
use crate::{NEW, PACKAGES, build, can_run, said, source};

#[test]
fn lintian_finds_no_error() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let mut lintian = Command::new("lintian");
    lintian.args(["--allow-root", "--fail-on", "error,warning"]);
    let _ = said(lintian.args(PACKAGES.of("deb", NEW)));
}

#[test]
fn rpmlint_finds_no_error() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let mut rpmlint = Command::new("rpmlint");
    rpmlint
        .arg("--config")
        .arg(source().join("rpm/rpmlint.toml"));
    let told = said(rpmlint.args(PACKAGES.of("rpm", NEW)));
    assert!(told.contains(" 0 errors"), "{told}");
}

#[test]
fn package_builds_are_reproducible() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let again = tempfile::tempdir().unwrap();
    for kind in ["deb", "rpm"] {
        build(kind, NEW, again.path());
        for package in PACKAGES.of(kind, NEW) {
            let bytes = |path: &Path| fs::read(path).unwrap();
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
    let _turn = turn::shared();
    let system = System::new();
    let _ = system.install_debian(NEW);
    let told = system.run(&[
        "systemd-analyze",
        "verify",
        "--man=no",
        "--recursive-errors=no",
        "one-sriov-agent.service",
        "one-sriov-agent-late@eth0.service",
        "one-sriov-agent-online.service",
        "one-sriov-vfs@ib0.service",
    ]);
    assert_eq!(told, "");
    // systemd before 239 ignores groups that it doesn't know, so a list of allowed groups would be empty.
    let unit = system.read("/usr/lib/systemd/system/one-sriov-agent.service");
    assert!(unit.contains("\nSystemCallFilter=~"), "{unit}");
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=yes", "--threshold=40"]);
    let _ = said(security.arg(source().join("packaging/agent/one-sriov-agent.service")));
}

#[test]
fn sudo_accepts_the_rule() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let mut visudo = Command::new("/usr/sbin/visudo");
    let _ = said(
        visudo
            .args(["--check", "--strict", "--file"])
            .arg(source().join("packaging/node/one-sriov.sudoers")),
    );
}

/// Uses Debian 13's udev: Debian 12's does not support this.
#[test]
fn udev_accepts_the_rules() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let root = unpacked("trixie", "udev");
    let put = |from: &Path| {
        let path = Path::new("/tmp").join(from.file_name().unwrap());
        fs::copy(from, root.path().join(path.strip_prefix("/").unwrap())).unwrap();
        path
    };
    let verify = |rules: &[PathBuf]| {
        let mut chroot = Command::new("chroot");
        chroot.arg(root.path()).args(["/usr/bin/udevadm", "verify"]);
        chroot.args(rules).output().unwrap()
    };
    // As OpenNebula's packages create it.
    fs::write(root.path().join("etc/group"), "oneadmin:x:9869:\n").unwrap();
    let packaging = source().join("packaging");
    let ours = ["agent/95-one-sriov-agent.rules", "node/70-one-sriov.rules"];
    let ours = ours.map(|rules| put(&packaging.join(rules)));
    let output = verify(&ours);
    assert!(output.status.success(), "{output:?}");
    // Make sure that the tool reports errors.
    let wrong = tempfile::tempdir().unwrap();
    let rules = wrong.path().join("95-wrong.rules");
    fs::write(&rules, "SUBSYSTEMM==\"net\", GOTO=\"nowhere\"\n").unwrap();
    assert!(!verify(&[put(&rules)]).status.success());
}
