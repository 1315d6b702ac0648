//! Installation into an image that isn't running, and guests without systemd.

use std::fs;
use std::path::Path;
use std::process::Command;

use one_sriov_tests::{agent_path, copy_program, turn};

use crate::system::System;
use crate::{NEW, PACKAGES, can_run, said, source};

const CONTEXT: &str =
    "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_MASK='255.255.255.0'\n";
const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/one-sriov-agent.service";
const WRITTEN: &str = "/etc/network/interfaces.d/60-one-sriov-eth0.cfg";

/// Installs the agent from outside the image, as image builders do.
fn install_from_outside(system: &System) {
    let packages = PACKAGES.of("deb", NEW);
    let agent = packages
        .iter()
        .find(|path| path.to_str().unwrap().contains("one-sriov-agent"));
    let mut dpkg = Command::new("dpkg");
    dpkg.arg("--root").arg(system.root()).arg("--install");
    let _ = said(dpkg.arg(agent.unwrap()));
}

fn stage(system: &System, init: &str) {
    let mut stage = Command::new(source().join("packaging/build/install-agent"));
    let _ = said(
        stage
            .arg(system.root())
            .arg(agent_path())
            .env("INIT", init)
            .env("PREFIX", "/usr"),
    );
}

/// Adds a context to the image, and a network stack that is not enabled.
fn give_context(system: &System) {
    system.write("/context/context.sh", CONTEXT);
    system.write("/etc/one-sriov/agent.conf", "backend = interfaces\n");
    system.write(
        "/etc/network/interfaces",
        "source /etc/network/interfaces.d/*\n",
    );
}

/// Runs a command of the image, with a NIC of that context.
fn with_nic(system: &System, command: &[&str]) -> String {
    let script = "mount -t sysfs sysfs \"$0/sys\" && mount -t proc proc \"$0/proc\"\n\
                  ip link add eth0 address 02:00:0a:00:00:05 type veth && exec chroot \"$0\" \"$@\"";
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "--mount", "sh", "-euc", script]);
    said(unshare.arg(system.root()).args(command))
}

#[test]
fn installing_with_dpkg_from_outside_is_enough() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let system = System::new();
    install_from_outside(&system);
    assert!(system.has(WANTED), "its preset enables it");
    give_context(&system);
    let _ = with_nic(&system, &["one-sriov-agent", "apply"]);
    assert!(system.has(WRITTEN));
    // An image is cleaned before it is cloned.
    let mut clean = Command::new(agent_path());
    let _ = said(clean.args(["clean", "--root"]).arg(system.root()));
    assert!(!system.has(WRITTEN));
    assert!(!system.has("/var/lib/one-sriov/state.json"));
}

#[test]
fn the_program_and_its_unit_are_enough() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let system = System::new();
    copy_program(
        Path::new(&agent_path()),
        &system.path("/usr/sbin/one-sriov-agent"),
    );
    let unit = "one-sriov-agent.service";
    fs::copy(
        source().join("packaging/agent").join(unit),
        system.path("/etc/systemd/system").join(unit),
    )
    .unwrap();
    let mut enable = Command::new("systemctl");
    enable.arg("--root").arg(system.root());
    let _ = said(enable.args(["enable", "one-sriov-agent"]));
    assert!(system.has(WANTED));
    give_context(&system);
    let _ = with_nic(&system, &["/usr/sbin/one-sriov-agent", "apply"]);
    assert!(system.has(WRITTEN));
}

#[test]
fn sysv_init_starts_the_agent() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let system = System::new();
    fs::remove_file(system.path("/usr/bin/systemctl")).unwrap();
    install_from_outside(&system);
    assert!(system.has("/etc/rcS.d/S01one-sriov-agent"));
    give_context(&system);
    let script = "/etc/init.d/one-sriov-agent";
    let _ = with_nic(&system, &[script, "start"]);
    assert!(system.has(WRITTEN));
    // Exit code 3: the network has not been started here, so the NIC has no address.
    let status = format!("{script} status || [ $? = 3 ]");
    let told = with_nic(&system, &["sh", "-c", &status]);
    assert!(told.contains(&format!("up to date: {WRITTEN}")), "{told}");
    let _ = system.run(&["dpkg", "--remove", "one-sriov-agent"]);
    assert!(!system.has("/etc/rcS.d/S01one-sriov-agent"));
    assert!(system.has(WRITTEN), "the network files stay");
    let _ = system.run(&["dpkg", "--purge", "one-sriov-agent"]);
    assert!(!system.has(WRITTEN), "a purge removes the agent's files");
}

/// Debian's `OpenRC`, because Alpine's package is not available here.
#[test]
fn openrc_starts_the_agent() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let system = System::new();
    let fetch = "cd \"$0\" && apt-get download -q openrc librc1 libeinfo1\n\
                 for package in *.deb; do\n\
                   dpkg-deb --fsys-tarfile \"$package\" | tar -x -C \"$1\" --keep-directory-symlink\n\
                 done";
    let packages = tempfile::tempdir().unwrap();
    let mut sh = Command::new("sh");
    sh.args(["-euc", fetch]).arg(packages.path());
    let _ = said(sh.arg(system.root()));
    stage(&system, "openrc");
    give_context(&system);
    // As if OpenRC had mounted everything.
    for file in ["/run/openrc/softlevel", "/etc/insserv.conf"] {
        system.write(file, "");
    }
    for directory in ["exclusive", "starting", "started"] {
        fs::create_dir_all(system.path("/run/openrc").join(directory)).unwrap();
    }
    let mounts = "/etc/init.d/localmount";
    system.write(mounts, "#!/sbin/openrc-run\nstart() { :; }\n");
    let _ = system.run(&["chmod", "755", mounts]);

    let _ = system.run(&["rc-update", "add", "one-sriov-agent", "boot"]);
    assert!(system.has("/etc/runlevels/boot/one-sriov-agent"));
    let _ = with_nic(&system, &["/etc/init.d/one-sriov-agent", "start"]);
    assert!(system.has(WRITTEN));
    let told = with_nic(&system, &["rc-service", "one-sriov-agent", "status"]);
    assert!(told.contains("started"), "{told}");
}
