//! The packages with `dpkg`.

use std::fs;
use std::process::Command;

use one_sriov_tests::turn;

use crate::system::{SYNC, System, VFS_WANTED, assert_works};
use crate::{NEW, OLD, PACKAGES, build_with, can_run, said};

const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/one-sriov-agent.service";
const NAMES: [&str; 3] = ["one-sriov-agent", "one-sriov-node", "one-sriov-frontend"];
const HOOK: &str = "/etc/one-context.d/loc-11-one-sriov";

#[test]
fn all_packages_install_and_work_on_a_fresh_system() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let system = System::new();
    let told = system.install_debian(NEW);
    assert!(
        told.contains(r#"ARGUMENTS      = "-t 15 -r 0 kvm-sriov","#),
        "{told}"
    );
    let about = |option: &'static str| system.run(&[&["dpkg", option], &NAMES[..]].concat());
    assert_works(&system, &about("--listfiles"), "/lib/udev/rules.d");
    assert_eq!(about("--verify"), "");
}

#[test]
fn an_upgrade_keeps_settings_and_disabled_units() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let system = System::new();
    let _ = system.install_debian(OLD);
    system.write("/etc/one-sriov/agent.conf", "prefix = A6\n");
    system.write(
        "/var/lib/one/remotes/etc/vmm/kvm-sriov/kvmrc",
        "DUMMY_BRIDGE=br7\n",
    );
    system.write(
        "/var/lib/one/remotes/vmm/kvm-sriov/vf_maps/ib0",
        "0x40 0x00 0x1\n",
    );
    fs::remove_file(system.path(WANTED)).unwrap();
    let told = system.install_debian(NEW);
    assert!(
        !told.contains("ARGUMENTS"),
        "printed only at the first installation: {told}"
    );
    assert!(told.contains(SYNC), "the hosts have the old driver: {told}");
    assert_eq!(system.read("/etc/one-sriov/agent.conf"), "prefix = A6\n");
    assert_eq!(
        system.read("/var/lib/one/remotes/etc/vmm/kvm-sriov/kvmrc"),
        "DUMMY_BRIDGE=br7\n"
    );
    assert_eq!(
        system.read("/var/lib/one/remotes/vmm/kvm-sriov/vf_maps/ib0"),
        "0x40 0x00 0x1\n"
    );
    assert!(!system.has(WANTED), "a disabled unit stays disabled");
    let versions = fs::read_dir(system.path("/var/lib/one/remotes/vmm/kvm-sriov/bin")).unwrap();
    let versions: Vec<_> = versions.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(versions, [NEW]);
}

#[test]
fn removal_keeps_only_the_network_files() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let system = System::new();
    let _ = system.install_debian(NEW);
    let _ = system.run(&["systemctl", "enable", "one-sriov-vfs@ib0.service"]);
    assert!(system.has(VFS_WANTED));
    let network = "/etc/network/interfaces.d/60-one-sriov-ib0.cfg";
    system.write(network, "auto ib0\n");
    let _ = system.run(&[&["dpkg", "--purge"], &NAMES[..]].concat());
    assert_eq!(system.read(network), "auto ib0\n");
    let left = system.run(&[
        "find", "/etc", "/usr", "/var/lib", "-name", "*sriov*", "!", "-path", network,
    ]);
    assert_eq!(left, "");
}

#[test]
fn a_purge_restores_replaced_files() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let system = System::new();
    let _ = system.install_debian(NEW);
    let (ifcfg, other) = (
        "/etc/sysconfig/network-scripts/ifcfg-eth0",
        "/etc/sysconfig/network-scripts/ifcfg-eth1",
    );
    system.write(ifcfg, "DEVICE=eth0\nBOOTPROTO=dhcp\n");
    system.write(
        "/context/context.sh",
        "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH1_MAC='02:00:0a:00:00:06'\nETH1_IP='10.0.0.6'\n",
    );
    system.write(
        "/vm.json",
        r#"{"nics": [{"name": "eth0", "link": {"ethernet": "02:00:0a:00:00:05"}},
                     {"name": "eth1", "link": {"ethernet": "02:00:0a:00:00:06"}}]}"#,
    );
    let _ = system.run(&[
        "one-sriov-agent",
        "apply",
        "--nics",
        "/vm.json",
        "--backend",
        "ifcfg-initscripts",
    ]);
    assert!(system.read(ifcfg).contains("IPADDR=10.0.0.5"));
    let _ = system.run(&["dpkg", "--remove", "one-sriov-agent"]);
    assert!(
        system.read(ifcfg).contains("IPADDR=10.0.0.5"),
        "removal keeps the network files"
    );
    let _ = system.run(&["dpkg", "--purge", "one-sriov-agent"]);
    assert_eq!(system.read(ifcfg), "DEVICE=eth0\nBOOTPROTO=dhcp\n");
    assert!(!system.has(other), "only the agent had written it");
    assert!(!system.has("/var/lib/one-sriov"));
}

#[test]
fn the_hook_is_installed_with_one_context_and_removed_with_the_agent() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let system = System::new();
    let _ = system.install_debian(NEW);
    // As if one-context had installed a file in the directory, on which the package has a trigger.
    system.write("/etc/one-context.d/loc-10-network", "");
    let _ = system.run(&["dpkg-trigger", "--no-await", "/etc/one-context.d"]);
    let _ = system.run(&["dpkg", "--configure", "--pending"]);
    assert_eq!(system.about(HOOK), "0755 root");
    assert!(!system.path(HOOK).is_symlink(), "one-context ignores links");
    let _ = system.run(&["dpkg", "--remove", "one-sriov-agent"]);
    assert!(!system.has(HOOK));
}

#[test]
fn a_package_names_the_home_page_that_its_publisher_sets() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let field = |package: &std::path::Path| {
        let mut field = Command::new("dpkg-deb");
        said(field.arg("--field").arg(package).arg("Homepage"))
    };
    for package in PACKAGES.of("deb", NEW) {
        assert_eq!(field(&package).trim(), "", "none is set");
    }
    let dist = tempfile::tempdir().unwrap();
    build_with("deb", NEW, dist.path(), &[("HOMEPAGE", crate::HOMEPAGE)]);
    for package in fs::read_dir(dist.path()).unwrap() {
        let package = package.unwrap().path();
        assert_eq!(field(&package).trim(), crate::HOMEPAGE);
    }
}
