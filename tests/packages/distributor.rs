//! A build as a distribution does it: from the archives of 'make dist', for the distribution's target, without a network.

use std::path::Path;
use std::process::Command;

use one_sriov_tests::turn;

use crate::{NEW, can_run, said, source};

/// Writes the archives of `make dist` to where `rpmbuild` expects them.
fn archives(top: &Path) {
    let sources = top.join("SOURCES");
    std::fs::create_dir(&sources).unwrap();
    let build = source().join("packaging/build");
    let version = env!("CARGO_PKG_VERSION");
    let mut archive = Command::new(build.join("source"));
    let _ = said(
        archive
            .arg(version)
            .arg(sources.join(format!("one-sriov-{version}.tar.gz"))),
    );
    let mut vendor = Command::new(build.join("vendor"));
    let _ = said(vendor.arg(sources.join(format!("one-sriov-{version}-vendor.tar.gz"))));
}

/// Runs `make build`, `%check` and `make install-*` as the spec file does.
#[test]
fn the_spec_file_builds_from_the_archives_alone() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let top = tempfile::tempdir().unwrap();
    archives(top.path());
    let mut unshare = Command::new("unshare");
    unshare
        .args(["--net", "rpmbuild", "-bb", "--nodeps", "--define"])
        .arg(format!("_topdir {}", top.path().display()))
        .arg(source().join("rpm/one-sriov.spec"))
        // The test is about the inputs of the build, so don't optimize.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env_remove("MAKEFLAGS")
        .env_remove("ONE_SRIOV_COMMIT")
        .env_remove("ONE_SRIOV_DATE")
        .env_remove("CARGO_TARGET_DIR");
    let _ = said(&mut unshare);

    let unpack =
        "for package in \"$0\"/RPMS/*/*.rpm; do rpm2cpio \"$package\" | cpio -id --quiet; done";
    let root = top.path().join("root");
    std::fs::create_dir(&root).unwrap();
    let mut sh = Command::new("sh");
    sh.args(["-euc", unpack]).arg(top.path());
    let _ = said(sh.current_dir(&root));
    let driver = format!(
        "var/lib/one/remotes/vmm/kvm-sriov/bin/{}/{}/one-sriov-driver",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH
    );
    for program in ["usr/sbin/one-sriov-agent", "usr/bin/one-sriov", &driver] {
        let headers = said(
            Command::new("readelf")
                .arg("--segments")
                .arg(root.join(program)),
        );
        assert!(!headers.contains("INTERP"), "{program} is not static");
    }
    let told = said(Command::new(root.join("usr/sbin/one-sriov-agent")).arg("version"));
    let mut commit = Command::new("git");
    commit.args(["log", "-1", "--abbrev=12", "--format=commit %h of %cs"]);
    let commit = said(commit.current_dir(source()));
    assert!(told.contains(commit.trim()), "{told}");
}

/// The spec file, expanded with a distribution's macro.
fn spec_of(distribution: &str) -> String {
    let mut parse = Command::new("rpmspec");
    parse.args(["--parse", "--define", distribution]);
    said(parse.arg(source().join("rpm/one-sriov.spec")))
}

#[test]
fn the_spec_file_suits_each_distribution() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    // No tags that EL 7's rpm doesn't know, and each distribution's name of the static C library.
    let distributions = [
        ("rhel 7", "glibc-static", false, false),
        ("rhel 8", "glibc-static", true, false),
        ("rhel 9", "glibc-static", true, false),
        ("rhel 10", "glibc-static", true, false),
        ("fedora 42", "glibc-static", true, false),
        ("suse_version 1500", "glibc-devel-static", true, true),
    ];
    for (distribution, libc, recommends, group) in distributions {
        let spec = spec_of(distribution);
        let has = |line: &str| spec.lines().any(|other| other.starts_with(line));
        assert!(has(&format!("BuildRequires:  {libc}")), "{distribution}");
        assert_eq!(has("Recommends:"), recommends, "{distribution}");
        assert_eq!(has("Group:"), group, "{distribution}");
    }
}

/// Needs no program that runs on that architecture.
#[test]
fn packages_for_aarch64_can_be_built() {
    let programs = ["ONE_SRIOV_AGENT_AARCH64", "ONE_SRIOV_DRIVER_AARCH64"].map(std::env::var_os);
    let [Some(agent), Some(driver)] = programs else {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI has the aarch64 programs"
        );
        println!("passed over: the aarch64 programs are not built");
        return;
    };
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let dist = tempfile::tempdir().unwrap();
    for kind in ["deb", "rpm"] {
        let mut build = Command::new(source().join("packaging/build").join(kind));
        build.args([NEW, "aarch64"]).arg(&agent).arg(&driver);
        let _ = said(build.env("DIST", dist.path()));
    }
    for name in ["agent", "node", "frontend"] {
        let deb = dist
            .path()
            .join(format!("one-sriov-{name}_{NEW}_arm64.deb"));
        let mut field = Command::new("dpkg-deb");
        let machine = said(field.arg("--field").arg(deb).arg("Architecture"));
        assert_eq!(machine.trim(), "arm64");
        let rpm = dist
            .path()
            .join(format!("one-sriov-{name}-{NEW}-1.aarch64.rpm"));
        let mut query = Command::new("rpm");
        query.args(["--query", "--queryformat", "%{ARCH}", "--package"]);
        assert_eq!(said(query.arg(rpm)).trim(), "aarch64");
    }
}
