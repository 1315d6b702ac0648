//! Stand-ins for the programs of a host without SR-IOV cards: `virsh` with a libvirt that keeps its domains in a directory,
//! `sudo`, and `ip`, whose kernel is a sysfs tree of plain files.
//!
//! It is one program with several names, and `ONE_SRIOV_ROOT` is the root of its host. Each call adds a line to
//! `<root>/state/calls`.
//!
//! Switches: `fails-at`, `dies-at` and `cut-at`, each with a number n: at the n-th call from now on, the call fails, its caller
//! is killed while the call continues, or the ssh connection to this host breaks.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::io::Write as _;
use std::process::ExitCode;

use nix::sys::signal::{Signal, kill};
use nix::unistd::getppid;

mod hotplug;
mod ip;
mod migration;
mod network;
mod place;
mod virsh;

fn main() -> ExitCode {
    let mut words = std::env::args();
    let name = words.next().expect("a name");
    let name = name.rsplit('/').next().expect("a last part").to_owned();
    let words: Vec<String> = words.collect();
    let place = place::Place::from_env();
    place.log(&name, &words);
    // Held while any process of the session runs, so that a test can wait for its end.
    let _session = (name == "ssh").then(|| migration::session(&place));
    if place.is_due("fails-at") {
        writeln!(std::io::stderr(), "error: this call fails on purpose").expect("stderr");
        return ExitCode::FAILURE;
    }
    if place.is_due("dies-at") {
        kill(getppid(), Signal::SIGKILL).expect("the driver can be killed");
    }
    if place.is_due("cut-at") {
        migration::cut(&place);
    }
    let result = match name.as_str() {
        "virsh" => virsh::run(&place, &words),
        "ip" => ip::run(&place, &words),
        "sudo" => sudo(&place, &words),
        "ssh" => return migration::ssh(&place, &words),
        // There is no event to settle.
        "udevadm" => Ok(()),
        _ => Err(format!("{name}: not a program of this host")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    }
}

/// `sudo -n <program> <arguments>`, and `sudo -n -l ...`, which only checks whether the program is allowed.
///
/// Switch: `sudo-refuses`.
fn sudo(place: &place::Place, words: &[String]) -> Result<(), String> {
    use std::os::unix::process::CommandExt as _;
    if place.switch("sudo-refuses").is_some() {
        return Err("sudo: a password is required".into());
    }
    match words {
        [no_password, list, ..] if no_password == "-n" && list == "-l" => Ok(()),
        [no_password, program, arguments @ ..] if no_password == "-n" => {
            let error = std::process::Command::new(program).args(arguments).exec();
            Err(format!("sudo: {program}: {error}"))
        }
        _ => Err("sudo: a password is required".into()),
    }
}
