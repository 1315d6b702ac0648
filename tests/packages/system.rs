//! A system of its own below a directory.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::{PACKAGES, said};

/// Debian as debootstrap makes it, with systemd, and OpenNebula's user. Nobody changes it.
static DEBIAN: LazyLock<TempDir> = LazyLock::new(|| {
    let directory = TempDir::new().unwrap();
    let mut debootstrap = Command::new("debootstrap");
    debootstrap
        .args(["--variant=minbase", "--include=systemd,udev", "bookworm"])
        .arg(directory.path())
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    if let Some(mirror) = mirror() {
        debootstrap.arg(mirror);
    }
    let _ = said(&mut debootstrap);
    let mut useradd = Command::new("chroot");
    let _ = said(useradd.arg(directory.path()).args([
        "/usr/sbin/useradd",
        "--system",
        "--user-group",
        "--home-dir",
        "/var/lib/one",
        "oneadmin",
    ]));
    directory
});

/// Where this machine gets its packages from.
fn mirror() -> Option<String> {
    let policy = said(Command::new("apt-cache").args(["policy", "base-files"]));
    let mut words = policy.split_whitespace();
    words
        .find(|word| word.starts_with("http"))
        .map(str::to_owned)
}

/// A copy of it, to work on.
pub(crate) struct System {
    directory: TempDir,
}

impl System {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let mut copy = Command::new("cp");
        let _ = said(
            copy.args(["-a", "--reflink=auto"])
                .arg(DEBIAN.path().join("."))
                .arg(directory.path()),
        );
        Self { directory }
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        fs::symlink_metadata(self.path(path)).is_ok()
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A program of the system, in it.
    pub(crate) fn run(&self, command: &[&str]) -> String {
        let mut chroot = Command::new("chroot");
        chroot
            .arg(self.root())
            .args(command)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive");
        said(&mut chroot)
    }

    /// Has `dpkg` install all packages of a version.
    pub(crate) fn install_debian(&self, version: &str) -> String {
        let mut words = vec!["dpkg".to_owned(), "--install".to_owned()];
        for package in PACKAGES.of("deb", version) {
            let name = format!("/tmp/{}", package.file_name().unwrap().to_str().unwrap());
            fs::copy(&package, self.path(&name)).unwrap();
            words.push(name);
        }
        self.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Mode, and owner by name, as in `0755 root`.
    pub(crate) fn about(&self, path: &str) -> String {
        let about =
            fs::symlink_metadata(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let owner = said(
            Command::new("chroot")
                .arg(self.root())
                .args(["stat", "-c", "%U", path]),
        );
        format!("{:04o} {}", about.mode() & 0o7777, owner.trim())
    }
}

/// Modes and owners, the same in both kinds of packages.
pub(crate) fn assert_modes(system: &System) {
    let table = [
        ("/usr/sbin/one-sriov-agent", "0755 root"),
        ("/etc/one-sriov/agent.conf", "0644 root"),
        (
            "/usr/lib/systemd/system/one-sriov-agent.service",
            "0644 root",
        ),
        (
            "/usr/lib/systemd/system/one-sriov-agent-late@.service",
            "0644 root",
        ),
        (
            "/usr/lib/udev/rules.d/95-one-sriov-agent.rules",
            "0644 root",
        ),
        ("/usr/lib/one-sriov/loc-11-one-sriov", "0755 root"),
        ("/usr/bin/one-sriov", "0755 root"),
        ("/etc/sudoers.d/one-sriov", "0440 root"),
        ("/usr/lib/tmpfiles.d/one-sriov.conf", "0644 root"),
        ("/usr/lib/udev/rules.d/70-one-sriov.rules", "0644 root"),
        ("/var/lib/one/remotes/vmm/kvm-sriov", "0755 oneadmin"),
        ("/var/lib/one/remotes/vmm/kvm-sriov/deploy", "0755 oneadmin"),
        ("/var/lib/one/remotes/vmm/kvm-sriov/kvmrc", "0644 oneadmin"),
        ("/var/lib/one/remotes/im/kvm.d/sriov", "0755 oneadmin"),
    ];
    for (path, expected) in table {
        assert_eq!(system.about(path), expected, "{path}");
    }
    let binary = format!(
        "/var/lib/one/remotes/vmm/kvm-sriov/bin/{}/{}/one-sriov-driver",
        crate::NEW,
        std::env::consts::ARCH
    );
    assert_eq!(system.about(&binary), "0755 oneadmin");
}

/// What is the same whoever has installed it.
pub(crate) fn assert_works(system: &System) {
    assert_modes(system);
    let wanted = "/etc/systemd/system/multi-user.target.wants/one-sriov-agent.service";
    assert!(system.has(wanted), "it is enabled by its preset");
    assert!(
        !system.has("/etc/one-context.d"),
        "nothing is there for one-context, which is not"
    );
    assert!(!system.has("/etc/cloud"));
}
