//! A read-only `/etc` gives one clear error.
//!
//! Root ignores modes, so the test needs a mount; if it may not mount (in an unprivileged container), it prints a message and
//! passes.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod install_support;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use install_support::{IFCFG, Machine, file, run, wanted};
use one_sriov_system::Root;

const TARGET: &str = "INSTALL_READ_ONLY_TARGET";
const MOUNT: &str = r#"mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@""#;

/// Not a test: the part of [`a_read_only_file_system_is_reported`] that runs in the mount namespace.
#[test]
fn inside() {
    let Some(target) = std::env::var_os(TARGET).map(PathBuf::from) else {
        return;
    };
    let want = wanted([file(&format!("{IFCFG}ib0"), 0, "one")]);
    let said = run(&Root::new(&target), &want)
        .map_or_else(|error| error.to_string(), |_| "written".into());
    fs::write(target.join("said"), said).unwrap();
}

#[test]
fn a_read_only_file_system_is_reported() {
    let machine = Machine::new();
    fs::create_dir_all(machine.host("/etc/sysconfig/network-scripts")).unwrap();
    let status = Command::new("unshare")
        .args(["--mount", "sh", "-c", MOUNT])
        .arg(machine.host("/etc"))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "inside"])
        .env(TARGET, machine.dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let Some(said) = machine.get("/said") else {
        eprintln!("skipped: no mount of our own: {status:?}");
        return;
    };
    assert_eq!(
        said,
        "failed to write '/etc/sysconfig/network-scripts/ifcfg-ib0': read-only file system"
    );
    assert!(machine.left_overs().is_empty());
    // Once the file system is writable, the next run finishes.
    assert_eq!(
        machine
            .apply(&wanted([file(&format!("{IFCFG}ib0"), 0, "one")]))
            .written
            .len(),
        1
    );
}
