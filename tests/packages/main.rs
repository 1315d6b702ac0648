//! The real tools install the packages into a new system, upgrade them and remove them.
//!
//! The scriptlets run in a Debian that debootstrap created; RPMs are installed into a copy of it, with a separate database. The
//! tests need root, and programs that 'make setup' installs.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod boot;
mod cloud_init;
mod debian;
mod distributor;
mod guest;
mod images;
mod lint;
mod ports;
mod rpms;
mod scriptlets;
mod system;
mod udev;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, OnceLock};

use one_sriov_tests::{agent_path, driver_path, said};

/// The new version, and the old one.
const VERSIONS: [&str; 2] = ["0.0.9", "0.1.0"];
const OLD: &str = VERSIONS[0];
const NEW: &str = VERSIONS[1];

/// All packages of both versions, built once.
struct Packages {
    directory: PathBuf,
}

static PACKAGES: LazyLock<Packages> = LazyLock::new(|| {
    let directory = kept_until_the_next_run("packages");
    for version in VERSIONS {
        for kind in ["deb", "rpm"] {
            build(kind, version, &directory);
        }
    }
    Packages { directory }
});

/// Creates an empty directory that all tests of a run share. It is removed by the next run, and only one run at a time uses
/// it.
fn kept_until_the_next_run(name: &str) -> PathBuf {
    static ONE_RUN: OnceLock<File> = OnceLock::new();
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(parent).unwrap();
    let parent = parent.canonicalize().unwrap();
    let _ = ONE_RUN.get_or_init(|| {
        let file = File::create(parent.join("packages.lock")).unwrap();
        if file.try_lock().is_err() {
            println!(
                "waiting for another run of these tests in '{}'",
                parent.display()
            );
            file.lock().unwrap();
        }
        file
    });
    let directory = parent.join(name);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let inside = format!(" {}/", directory.display());
    assert!(!mounts.contains(&inside), "something is mounted in{inside}");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).unwrap();
    directory
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn build(kind: &str, version: &str, into: &Path) {
    build_with(kind, version, into, &[]);
}

/// A URL that a publisher may set.
const HOMEPAGE: &str = "https://example.org/one-sriov?a&b";

fn build_with(kind: &str, version: &str, into: &Path, environment: &[(&str, &str)]) {
    let mut command = Command::new(source().join("packaging/build").join(kind));
    command
        .args([version, std::env::consts::ARCH])
        .arg(agent_path())
        .arg(driver_path())
        .env_remove("HOMEPAGE")
        .env("DIST", into)
        .envs(environment.iter().copied());
    let _ = said(&mut command);
}

impl Packages {
    /// The packages of a kind and version, by their names: `agent`, `node`, `frontend`.
    fn of(&self, kind: &str, version: &str) -> Vec<PathBuf> {
        let files = fs::read_dir(&self.directory).unwrap();
        let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        files.retain(|file| {
            let name = file.file_name().unwrap().to_str().unwrap();
            name.ends_with(kind)
                && (name.contains(&format!("_{version}_"))
                    || name.contains(&format!("-{version}-")))
        });
        files.sort();
        assert_eq!(files.len(), 3, "{files:?}");
        files
    }
}

/// Whether these tests can run here; in CI they must.
fn can_run() -> bool {
    let has = |name: &str| {
        let found = Command::new("sh")
            .args(["-c", "PATH=$PATH:/usr/sbin command -v \"$0\"", name])
            .output();
        found.unwrap().status.success()
    };
    let programs = ["debootstrap", "dpkg-deb", "rpmbuild", "rpmlint", "lintian"];
    let can = nix::unistd::geteuid().is_root() && programs.iter().all(|name| has(name));
    assert!(
        can || std::env::var_os("CI").is_none(),
        "CI is root and has all of {programs:?}; 'make setup' installs them"
    );
    if !can {
        println!("passed over: it takes root and {programs:?}");
    }
    can
}
