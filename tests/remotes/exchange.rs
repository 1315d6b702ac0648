//! Another version replaces the remotes while actions start: each action must run with one version from start to end.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use one_sriov_tests::{Host, install_remotes};

use crate::stand_in::{driver, text};

const ROUNDS: u32 = 12;
/// rsync's exit code if some files could not be copied.
const PARTIAL: i32 = 23;

/// Sets the flag when dropped, even after a failure, so that the other threads end.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Installs versions 1.0, 1.1, ... in the front-end's tree, and copies each to the host with `copy`.
fn exchange(copy: fn(&Path, &Path)) {
    let frontend = Host::default();
    let host = Host::default();
    let next = |round: u32| {
        let version = format!("1.{round}");
        let program = driver(&frontend.path("driver"), &version);
        let binaries = [(std::env::consts::ARCH, program.as_path())];
        install_remotes(&frontend.remotes(), &version, &binaries);
        copy(&frontend.remotes(), &host.remotes());
    };
    next(0);
    let done = AtomicBool::new(false);
    let runs: Vec<Vec<u32>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut versions = Vec::new();
                    while !done.load(Ordering::Relaxed) {
                        versions.push(action(&host));
                    }
                    versions
                })
            })
            .collect();
        {
            let _stop = Stop(&done);
            for round in 1..=ROUNDS {
                next(round);
            }
        }
        let results = workers.into_iter().map(|worker| worker.join().unwrap());
        results.collect()
    });
    for versions in runs {
        assert!(!versions.is_empty());
        assert!(versions.iter().all(|version| *version <= ROUNDS));
    }
    // No program is running any more that could block a copy.
    next(ROUNDS);
    assert_eq!(action(&host), ROUNDS);
}

/// Runs an action. Returns the version of its driver.
fn action(host: &Host) -> u32 {
    let mut deploy = Command::new(host.remotes().join("vmm/kvm-sriov/deploy"));
    deploy.arg("take-time");
    let output = loop {
        match deploy.output() {
            // The file of the action is being written, so the kernel refuses to execute it.
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {}
            output => break output.unwrap(),
        }
    };
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    let mut lines = stdout.lines();
    let arguments = lines.next().expect("the driver printed nothing");
    assert!(
        arguments.ends_with("\"deploy\", \"take-time\"]"),
        "{stdout}"
    );
    let version = lines.next().expect("the driver did not run to its end");
    version.strip_prefix("version 1.").unwrap().parse().unwrap()
}

fn rsync(options: &[&str], from: &Path, to: &Path) {
    let output = Command::new("rsync")
        .args(options)
        .arg(format!("{}/", from.display()))
        .arg(to)
        .output()
        .expect("failed to run rsync; 'make setup' installs it");
    let stderr = text(&output.stderr);
    let complaints: Vec<_> = stderr.lines().filter(|line| !is_busy(line)).collect();
    assert!(
        output.status.success() || output.status.code() == Some(PARTIAL) && complaints.is_empty(),
        "{stderr}"
    );
}

/// A file that is being executed cannot be written in place: as with scp, it stays at the old version, and all others are
/// replaced.
fn is_busy(line: &str) -> bool {
    let of_file = line.contains("open \"") && line.ends_with("failed: Text file busy (26)");
    of_file || line.is_empty() || line.contains("(code 23)")
}

#[test]
fn actions_run_while_rsync_replaces_the_tree_as_the_front_end_does() {
    exchange(|from, to| rsync(&["-Laz", "--delete"], from, to));
}

#[test]
fn actions_run_while_files_are_replaced_in_place_as_scp_does() {
    exchange(|from, to| rsync(&["-Lrp", "--inplace", "--whole-file", "-I"], from, to));
}
