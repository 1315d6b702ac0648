//! A system in a directory.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::{PACKAGES, kept_until_the_next_run, said};

/// What an upgrade of the front-end's package prints.
pub(crate) const SYNC: &str = "run as oneadmin: onehost sync --force";

/// The link that `systemctl enable one-sriov-vfs@ib0` creates.
pub(crate) const VFS_WANTED: &str =
    "/etc/systemd/system/multi-user.target.wants/one-sriov-vfs@ib0.service";

/// A Debian that debootstrap created, with systemd and OpenNebula's user. It never changes.
static DEBIAN: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = kept_until_the_next_run("debian");
    let mut debootstrap = Command::new("debootstrap");
    debootstrap
        .args([
            "--variant=minbase",
            "--include=systemd,systemd-sysv,udev,iproute2,kmod",
            "bookworm",
        ])
        .arg(&directory)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    debootstrap.args(mirror());
    let _ = said(&mut debootstrap);
    let mut useradd = Command::new("chroot");
    let _ = said(useradd.arg(&directory).args([
        "/usr/sbin/useradd",
        "--system",
        "--user-group",
        "--home-dir",
        "/var/lib/one",
        "oneadmin",
    ]));
    directory
});

/// Another release with a package, only unpacked: programs can run in it, but no scriptlet has run.
pub(crate) fn unpacked(release: &str, package: &str) -> TempDir {
    let directory = TempDir::new().unwrap();
    let mut debootstrap = Command::new("debootstrap");
    debootstrap
        .args(["--foreign", "--variant=minbase"])
        .arg(format!("--include={package}"))
        .arg(release)
        .arg(directory.path())
        .args(mirror())
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let _ = said(&mut debootstrap);
    let unpack = "for package in var/cache/apt/archives/*.deb; do\n\
                    dpkg-deb --fsys-tarfile \"$package\" | tar -x --keep-directory-symlink\n\
                  done";
    let mut sh = Command::new("sh");
    sh.args(["-euc", unpack]).current_dir(directory.path());
    let _ = said(&mut sh);
    directory
}

/// The URL of this machine's package source.
fn mirror() -> Option<String> {
    let policy = said(Command::new("apt-cache").args(["policy", "base-files"]));
    let mut words = policy.split_whitespace();
    words
        .find(|word| word.starts_with("http"))
        .map(str::to_owned)
}

/// A writable copy of [`DEBIAN`].
pub(crate) struct System {
    directory: TempDir,
}

impl System {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let mut copy = Command::new("cp");
        let _ = said(
            copy.args(["-a", "--reflink=auto"])
                .arg(DEBIAN.join("."))
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

    /// Runs one of the system's own programs.
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

    /// Installs all packages of a version with `dpkg`.
    pub(crate) fn install_debian(&self, version: &str) -> String {
        let mut words = vec!["dpkg".to_owned(), "--install".to_owned()];
        for package in PACKAGES.of("deb", version) {
            let name = format!("/tmp/{}", package.file_name().unwrap().to_str().unwrap());
            fs::copy(&package, self.path(&name)).unwrap();
            words.push(name);
        }
        self.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The mode and the owner's name of a file: `0755 root`.
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

/// Whether a file of a package must be executable.
fn is_program(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let actions = "/var/lib/one/remotes/vmm/kvm-sriov/";
    ["/usr/bin/", "/usr/sbin/", "/etc/init.d/"]
        .iter()
        .any(|directory| path.starts_with(directory))
        || ["integrate", "loc-11-one-sriov", "one-sriov-driver"].contains(&name)
        || (path.starts_with("/var/lib/one/remotes/im/") && name == "sriov")
        || (path.starts_with(actions) && one_sriov_tests::ACTIONS.contains(&name))
}

/// Checks mode and owner of all files and directories of packages, and that the important ones exist.
///
/// `rules` is the directory of udev rules on every release with these packages: if `/lib` is not a link, udev reads only that.
pub(crate) fn assert_modes(system: &System, files: &str, rules: &str) {
    let paths: Vec<&str> = files.lines().filter(|path| path.starts_with('/')).collect();
    let binary = format!(
        "/var/lib/one/remotes/vmm/kvm-sriov/bin/{}/{}/one-sriov-driver",
        crate::NEW,
        std::env::consts::ARCH
    );
    let known = [
        "/usr/sbin/one-sriov-agent",
        "/etc/one-sriov/agent.conf",
        "/usr/lib/systemd/system/one-sriov-agent.service",
        "/usr/lib/systemd/system/one-sriov-agent-late@.service",
        "/usr/lib/systemd/system/one-sriov-agent-online.service",
        "/usr/lib/systemd/system-preset/90-one-sriov-agent.preset",
        &format!("{rules}/95-one-sriov-agent.rules"),
        "/usr/lib/one-sriov/loc-11-one-sriov",
        "/usr/bin/one-sriov",
        "/etc/sudoers.d/one-sriov",
        "/usr/lib/tmpfiles.d/one-sriov.conf",
        "/usr/lib/systemd/system/one-sriov-vfs@.service",
        "/etc/one-sriov/vfs",
        &format!("{rules}/70-one-sriov.rules"),
        "/usr/share/bash-completion/completions/one-sriov",
        "/var/lib/one/remotes/vmm/kvm-sriov/deploy",
        "/var/lib/one/remotes/etc/vmm/kvm-sriov/kvmrc",
        "/var/lib/one/remotes/im/kvm.d/sriov",
        &binary,
    ];
    for path in known {
        assert!(paths.contains(&path), "{path} is not in {files}");
    }
    let mut stat = vec!["stat", "-c", "%F %a %U %G %n"];
    stat.extend(&paths);
    for line in system.run(&stat).lines() {
        let (about, path) = line.split_once('/').unwrap();
        let path = format!("/{path}");
        let owner = if path.starts_with("/var/lib/one/") {
            "oneadmin oneadmin"
        } else {
            "root root"
        };
        let expected = if about.starts_with("directory") || about.starts_with("symbolic link") {
            // The system's directories have other modes.
            if !path.contains("sriov") {
                continue;
            }
            format!("directory 755 {owner} ")
        } else if path == "/etc/sudoers.d/one-sriov" {
            format!("regular file 440 {owner} ")
        } else if is_program(&path) {
            format!("regular file 755 {owner} ")
        } else {
            format!("regular file 644 {owner} ")
        };
        assert_eq!(about, expected, "{path}");
    }
}

/// Checks that each package has the documentation and the licences of everything linked into its program, and that the files that
/// the documentation of the installation names exist.
fn assert_documented(system: &System) {
    for (package, linked) in [
        ("one-sriov-agent", "ipnetwork"),
        ("one-sriov-node", "quick-xml"),
        ("one-sriov-frontend", "quick-xml"),
    ] {
        let directory = format!("/usr/share/doc/{package}");
        let licences = system.read(&format!("{directory}/third-party-licences.txt"));
        assert!(licences.contains(&format!("    {linked} ")), "{licences}");
        let page = format!("{directory}/docs/how-to/when-something-is-wrong.md");
        assert!(system.has(&page), "{page}");
    }
    let told = system.read("/usr/share/doc/one-sriov-frontend/oned.conf.txt");
    let words: Vec<&str> = told.split([' ', '\n', ',']).collect();
    let of_docs = |word: &&&str| word.starts_with('/') && word.contains("/docs/");
    let directory = words.iter().find(of_docs).expect(&told);
    let pages = words.iter().map(|word| word.trim_end_matches('.'));
    let is_page = |page: &&str| Path::new(page).extension().is_some_and(|end| end == "md");
    let pages: Vec<&str> = pages.filter(is_page).collect();
    assert_eq!(pages.len(), 2, "{told}");
    for page in pages {
        assert!(system.has(&format!("{directory}{page}")), "{page}");
    }
}

/// Checks what is the same for all tools.
pub(crate) fn assert_works(system: &System, files: &str, rules: &str) {
    assert_modes(system, files, rules);
    assert_documented(system);
    for wanted in [
        "multi-user.target.wants/one-sriov-agent.service",
        "network-online.target.wants/one-sriov-agent-online.service",
    ] {
        let wanted = format!("/etc/systemd/system/{wanted}");
        assert!(system.has(&wanted), "its preset enables it: {wanted}");
    }
    assert!(
        !system.has("/etc/one-context.d"),
        "one-context is not installed"
    );
    assert!(!system.has("/etc/cloud"));
}
