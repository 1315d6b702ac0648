//! `rpm`, with an empty database.

use std::fs;
use std::process::Command;

use one_sriov_tests::turn;

use crate::system::{System, assert_works};
use crate::{NEW, OLD, PACKAGES, can_run, said};

const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/one-sriov-agent.service";
const HOOK: &str = "/etc/one-context.d/loc-11-one-sriov";
const NAMES: [&str; 3] = ["one-sriov-agent", "one-sriov-node", "one-sriov-frontend"];

fn rpm(system: &System, arguments: &[&str]) -> String {
    let mut rpm = Command::new("rpm");
    said(rpm.arg("--root").arg(system.root()).args(arguments))
}

fn install(system: &System, version: &str) -> String {
    let packages = PACKAGES.of("rpm", version);
    let mut arguments = vec!["--upgrade", "--nodeps", "--ignoreos"];
    arguments.extend(packages.iter().map(|package| package.to_str().unwrap()));
    rpm(system, &arguments)
}

#[test]
fn a_fresh_system_has_all_of_it_and_it_works() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let system = System::new();
    let told = install(&system, NEW);
    assert!(
        told.contains(r#"ARGUMENTS      = "-t 15 -r 0 kvm-sriov","#),
        "{told}"
    );
    let about = |options: &[&'static str]| rpm(&system, &[options, &NAMES[..]].concat());
    assert_works(
        &system,
        &about(&["--query", "--list"]),
        "/usr/lib/udev/rules.d",
    );
    assert_eq!(about(&["--verify", "--nodeps"]), "");
}

#[test]
fn an_upgrade_keeps_what_was_decided_here() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let system = System::new();
    let _ = install(&system, OLD);
    let kept = [
        ("/etc/one-sriov/agent.conf", "prefix = A6\n"),
        (
            "/var/lib/one/remotes/etc/vmm/kvm-sriov/kvmrc",
            "DUMMY_BRIDGE=br7\n",
        ),
        (
            "/var/lib/one/remotes/vmm/kvm-sriov/vf_maps/ib0",
            "0x40 0x00 0x1\n",
        ),
    ];
    for (path, text) in kept {
        system.write(path, text);
    }
    fs::remove_file(system.path(WANTED)).unwrap();
    let told = install(&system, NEW);
    assert!(!told.contains("ARGUMENTS"), "it is told once: {told}");
    for (path, text) in kept {
        assert_eq!(system.read(path), text, "{path}");
    }
    assert!(!system.has(WANTED), "what was switched off stays so");
    let versions = fs::read_dir(system.path("/var/lib/one/remotes/vmm/kvm-sriov/bin")).unwrap();
    let versions: Vec<_> = versions.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(versions, [NEW]);
}

/// A package of the name that the trigger waits for, with OpenNebula's directory.
const ONE_CONTEXT: &str = "Name: one-context
Version: 7.0
Release: 1
Summary: stands for OpenNebula's
License: none
BuildArch: noarch
%description
%install
install -D /dev/null %{buildroot}/etc/one-context.d/loc-10-network
%files
/etc/one-context.d
";

#[test]
fn the_hook_comes_and_goes_with_one_context() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let system = System::new();
    let _ = install(&system, NEW);
    assert!(!system.has(HOOK));
    let top = tempfile::tempdir().unwrap();
    let spec = top.path().join("one-context.spec");
    fs::write(&spec, ONE_CONTEXT).unwrap();
    let mut build = Command::new("rpmbuild");
    build.args(["-bb", "--quiet", "--define"]);
    build.arg(format!("_topdir {}", top.path().display()));
    let _ = said(build.arg(&spec));
    let package = top.path().join("RPMS/noarch/one-context-7.0-1.noarch.rpm");
    let package = package.to_str().unwrap();
    let _ = rpm(&system, &["--install", "--nodeps", "--ignoreos", package]);
    assert_eq!(system.about(HOOK), "0755 root");
    let _ = rpm(&system, &["--erase", "--nodeps", "one-sriov-agent"]);
    assert!(!system.has(HOOK));
    assert!(system.has("/etc/one-context.d/loc-10-network"));
}

#[test]
fn erasing_leaves_the_network_and_nothing_else() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let system = System::new();
    let _ = install(&system, NEW);
    let network = "/etc/sysconfig/network-scripts/ifcfg-ib0";
    system.write(network, "DEVICE=ib0\n");
    system.write("/etc/one-context.d/loc-10-network", "");
    let _ = system.run(&["/usr/lib/one-sriov/integrate", "install"]);
    assert!(system.has(HOOK));
    let _ = rpm(&system, &[&["--erase", "--nodeps"], &NAMES[..]].concat());
    assert_eq!(system.read(network), "DEVICE=ib0\n");
    assert!(!system.has(WANTED));
    assert_eq!(
        system.run(&["find", "/etc", "/usr", "/var/lib", "-name", "*sriov*"]),
        ""
    );
}
