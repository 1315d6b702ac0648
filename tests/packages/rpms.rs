//! The packages with `rpm` and an empty database.

use std::fs;
use std::process::Command;

use one_sriov_tests::{agent_path, driver_path, turn};

use crate::system::{SYNC, System, VFS_WANTED, assert_works, unpacked};
use crate::{HOMEPAGE, NEW, OLD, PACKAGES, build_with, can_run, said, source};

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
fn all_packages_install_and_work_on_a_fresh_system() {
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
fn an_upgrade_keeps_settings_and_disabled_units() {
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
    assert!(
        !told.contains("ARGUMENTS"),
        "printed only at the first installation: {told}"
    );
    assert!(told.contains(SYNC), "the hosts have the old driver: {told}");
    for (path, text) in kept {
        assert_eq!(system.read(path), text, "{path}");
    }
    assert!(!system.has(WANTED), "a disabled unit stays disabled");
    let versions = fs::read_dir(system.path("/var/lib/one/remotes/vmm/kvm-sriov/bin")).unwrap();
    let versions: Vec<_> = versions.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(versions, [NEW]);
}

/// A package with the name that the trigger waits for, and with OpenNebula's directory.
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
fn the_hook_is_installed_with_one_context_and_removed_with_the_agent() {
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
fn erasing_keeps_only_the_network_files() {
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
    let _ = system.run(&["systemctl", "enable", "one-sriov-vfs@ib0.service"]);
    assert!(system.has(VFS_WANTED));
    let _ = rpm(&system, &[&["--erase", "--nodeps"], &NAMES[..]].concat());
    assert_eq!(system.read(network), "DEVICE=ib0\n");
    assert!(!system.has(WANTED));
    assert_eq!(
        system.run(&["find", "/etc", "/usr", "/var/lib", "-name", "*sriov*"]),
        ""
    );
}

#[test]
fn a_package_names_the_home_page_that_its_publisher_sets() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let dist = tempfile::tempdir().unwrap();
    build_with("rpm", NEW, dist.path(), &[("HOMEPAGE", HOMEPAGE)]);
    for package in fs::read_dir(dist.path()).unwrap() {
        let mut query = Command::new("rpm");
        query.args(["--query", "--queryformat", "%{URL}", "--package"]);
        assert_eq!(said(query.arg(package.unwrap().path())), HOMEPAGE);
    }
}

/// Uses Debian 13's rpm 4.20: since 4.19, a package with files of a user requires `user(...)`, which OpenNebula's packages don't
/// provide.
#[test]
fn the_frontend_package_does_not_require_user_oneadmin() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let root = unpacked("trixie", "rpm,make");
    let top = root.path().join("tmp/top");
    fs::create_dir_all(top.join("SOURCES")).unwrap();
    let mut archive = Command::new(source().join("packaging/build/source"));
    archive.arg(NEW);
    let _ = said(archive.arg(top.join(format!("SOURCES/one-sriov-{NEW}.tar.gz"))));
    fs::copy(source().join("rpm/one-sriov.spec"), top.join("spec")).unwrap();
    fs::copy(agent_path(), top.join("one-sriov-agent")).unwrap();
    fs::copy(driver_path(), top.join("one-sriov-driver")).unwrap();
    let inside = |command: &[&str]| {
        let mut chroot = Command::new("chroot");
        chroot.arg(root.path()).args(command).env_clear();
        said(chroot.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"))
    };
    assert!(inside(&["rpm", "--version"]).contains("version 4.20"));
    let _ = inside(&[
        "rpmbuild",
        "-bb",
        "--quiet",
        "--nodeps",
        "--nocheck",
        "--with=prebuilt",
        "--define=_topdir /tmp/top",
        "--define=one_sriov_binaries /tmp/top",
        "/tmp/top/spec",
    ]);
    let frontend = inside(&["sh", "-c", "echo /tmp/top/RPMS/*/one-sriov-frontend-*.rpm"]);
    let about = |tag: &str| inside(&["rpm", "--query", tag, "--package", frontend.trim()]);
    let required = about("--requires");
    assert!(!required.contains("oneadmin"), "{required}");
    // This version of rpm does take the owners into account.
    assert!(about("--recommends").contains("user(oneadmin)"));
}
