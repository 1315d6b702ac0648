//! `make install-frontend`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use one_sriov_tests::{ACTIONS, Host, install_remotes};

use crate::stand_in::{driver, text};

const ARCH: &str = std::env::consts::ARCH;

fn install(host: &Host, version: &str) -> PathBuf {
    let program = driver(&host.path("driver"), version);
    install_remotes(&host.remotes(), version, &[(ARCH, &program)]);
    host.remotes().join("vmm/kvm-sriov")
}

/// Path, mode and inode of everything except directories.
fn files(directory: &Path) -> Vec<(String, u32, u64)> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            assert!(!metadata.is_symlink(), "{} is a link", path.display());
            if metadata.is_dir() {
                assert_eq!(metadata.permissions().mode() & 0o777, 0o755);
                directories.push(path);
                continue;
            }
            let name = path.strip_prefix(directory).unwrap().display().to_string();
            files.push((name, metadata.mode() & 0o7777, metadata.ino()));
        }
    }
    files.sort();
    files
}

#[test]
fn the_tree_contains_exactly_the_expected_files() {
    let host = Host::default();
    install(&host, "1.2.3");
    let mut expected: Vec<(String, u32)> = ACTIONS
        .iter()
        .map(|action| (format!("vmm/kvm-sriov/{action}"), 0o755))
        .collect();
    let others = [
        ("im/kvm-probes.d/host/system/sriov", 0o755),
        ("im/kvm-probes.d/sriov", 0o755),
        ("im/kvm.d/sriov", 0o755),
        ("vmm/kvm-sriov/kvmrc", 0o644),
        ("vmm/kvm-sriov/launch", 0o644),
        ("vmm/kvm-sriov/vf_maps/README", 0o644),
        ("vmm/kvm-sriov/vf_maps/ib0.example", 0o644),
    ];
    expected.extend(others.map(|(name, mode)| (name.to_owned(), mode)));
    let binary = format!("vmm/kvm-sriov/bin/1.2.3/{ARCH}/one-sriov-driver");
    expected.push((binary, 0o755));
    expected.sort();
    let files = files(&host.remotes());
    let files: Vec<_> = files
        .into_iter()
        .map(|(name, mode, _)| (name, mode))
        .collect();
    assert_eq!(files, expected);
    let directory = host.remotes().join("vmm/kvm-sriov");
    let texts: Vec<String> = ACTIONS
        .iter()
        .map(|action| fs::read_to_string(directory.join(action)).unwrap())
        .collect();
    assert!(texts.iter().all(|text| *text == texts[0]));
}

#[test]
fn a_tree_installed_by_root_belongs_to_the_owner_of_the_remotes() {
    const ONEADMIN: u32 = 9869;
    let host = Host::default();
    let remotes = host.remotes();
    // OpenNebula's own directories already exist.
    fs::create_dir_all(remotes.join("vmm/kvm")).unwrap();
    for path in [&remotes, &remotes.join("vmm"), &remotes.join("vmm/kvm")] {
        chown(path, Some(ONEADMIN), Some(ONEADMIN)).unwrap();
    }
    fs::set_permissions(host.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    for version in ["1.2.3", "1.2.4"] {
        install(&host, version);
        let mut paths = vec![remotes.clone()];
        let mut seen = 0;
        while let Some(path) = paths.pop() {
            let metadata = path.symlink_metadata().unwrap();
            let owner = (metadata.uid(), metadata.gid());
            assert_eq!(owner, (ONEADMIN, ONEADMIN), "{}", path.display());
            if metadata.is_dir() {
                let entries = fs::read_dir(path).unwrap();
                paths.extend(entries.map(|entry| entry.unwrap().path()));
            }
            seen += 1;
        }
        assert!(seen > ACTIONS.len(), "{seen}");
    }
}

#[test]
fn a_second_install_writes_nothing() {
    let host = Host::default();
    install(&host, "1.2.3");
    let before = files(&host.remotes());
    install(&host, "1.2.3");
    assert_eq!(files(&host.remotes()), before);
}

#[test]
fn old_versions_and_architectures_are_removed() {
    let host = Host::default();
    let program = driver(&host.path("driver"), "1.0.0");
    let binaries = [("x86_64", program.as_path()), ("aarch64", &program)];
    install_remotes(&host.remotes(), "0.9.0", &binaries);
    install_remotes(&host.remotes(), "1.0.0", &binaries);
    install_remotes(&host.remotes(), "1.0.0", &binaries[1..]);
    let bin = host.remotes().join("vmm/kvm-sriov/bin");
    let names: Vec<_> = files(&bin).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["1.0.0/aarch64/one-sriov-driver"]);
}

#[test]
fn files_edited_by_operators_are_kept() {
    let host = Host::default();
    let scripts = install(&host, "1.0.0");
    let read = |name: &str| fs::read_to_string(scripts.join(name));
    let default = read("kvmrc").unwrap();
    fs::write(scripts.join("kvmrc"), "DUMMY_BRIDGE=br1\n").unwrap();
    fs::write(scripts.join("vf_maps/ib0"), "0x07 0x00 0x01\n").unwrap();
    install(&host, "1.1.0");
    assert_eq!(read("kvmrc").unwrap(), "DUMMY_BRIDGE=br1\n");
    assert_eq!(read("kvmrc.dist").unwrap(), default);
    assert_eq!(read("vf_maps/ib0").unwrap(), "0x07 0x00 0x01\n");
    fs::write(scripts.join("kvmrc"), &default).unwrap();
    install(&host, "1.1.0");
    assert!(!scripts.join("kvmrc.dist").exists());
}

#[test]
fn settings_are_installed_where_opennebula_keeps_them() {
    let host = Host::default();
    fs::create_dir_all(host.remotes().join("etc")).unwrap();
    let scripts = install(&host, "1.0.0");
    let settings = host.remotes().join("etc/vmm/kvm-sriov");
    let default = fs::read_to_string(settings.join("kvmrc")).unwrap();
    assert!(!scripts.join("kvmrc").exists());
    fs::write(settings.join("kvmrc"), "DUMMY_BRIDGE=br1\n").unwrap();
    install(&host, "1.1.0");
    let read = |name: &str| fs::read_to_string(settings.join(name)).unwrap();
    assert_eq!(read("kvmrc"), "DUMMY_BRIDGE=br1\n");
    assert_eq!(read("kvmrc.dist"), default);
}

/// A second file of settings must not appear.
#[test]
fn existing_settings_are_not_moved() {
    let host = Host::default();
    let scripts = install(&host, "1.0.0");
    fs::create_dir_all(host.remotes().join("etc")).unwrap();
    install(&host, "1.1.0");
    assert!(scripts.join("kvmrc").exists());
    assert!(!host.remotes().join("etc/vmm").exists());
}

#[test]
fn the_installed_kvmrc_contains_only_commented_defaults() {
    let host = Host::default();
    let scripts = install(&host, "1.0.0");
    let kvmrc = fs::read_to_string(scripts.join("kvmrc")).unwrap();
    assert!(
        kvmrc
            .lines()
            .all(|line| line.is_empty() || line.starts_with('#'))
    );
    for name in [
        "DUMMY_BRIDGE=sriov_br",
        "DUMMY_MAC_PREFIX=AA",
        "VF_MAPS_PATH=",
        "LEASE_DIR=/run/one-sriov",
        "LEASE_GRACE=30",
        "LOCK_WAIT=60",
        "LIBVIRT_WAIT=20",
        "VF_RELEASE_WAIT=10",
        "UNPLUG_WAIT=20",
        "PEER_WAIT=180",
        "VF_IDENTITY=auto",
        "GUID_PREFIX=auto",
    ] {
        assert!(kvmrc.contains(&format!("\n#{name}")), "{name}");
    }
}

#[test]
fn make_installs_the_driver_for_every_architecture() {
    let plan = Command::new("make")
        .args(["-n", "install-frontend", "DESTDIR=/d", "REMOTES=/r"])
        .arg("DRIVER_ARCHS=x86_64 aarch64")
        .args(["--no-print-directory", "-C"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .env("CARGO_TARGET_DIR", "/t")
        .output()
        .unwrap();
    let plan = text(&plan.stdout).replace("\\\n", "");
    let words: Vec<&str> = plan.lines().last().unwrap().split_whitespace().collect();
    let expected = [
        "packaging/build/install-remotes",
        "/d/r",
        env!("CARGO_PKG_VERSION"),
        "x86_64=/t/x86_64-unknown-linux-musl/release/one-sriov-driver",
        "aarch64=/t/aarch64-unknown-linux-musl/release/one-sriov-driver",
    ];
    assert_eq!(words, expected, "{plan}");
    for arch in ["x86_64", "aarch64"] {
        let build = format!("--package one-sriov-driver --target {arch}-unknown-linux-musl");
        assert!(plan.contains(&build), "{plan}");
    }
}
