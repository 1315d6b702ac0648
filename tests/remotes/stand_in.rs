//! A stand-in for the driver.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use one_sriov_tests::Host;

/// Writes a driver that prints this version to `path`.
pub(crate) fn driver(path: &Path, version: &str) -> PathBuf {
    let mut program = fs::read(env!("CARGO_BIN_EXE_stand-in")).unwrap();
    program.extend(format!(" {version}").bytes());
    fs::write(path, program).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_owned()
}

/// A host whose driver is the stand-in, as version 1.0.0.
pub(crate) fn host() -> Host {
    let host = Host::default();
    let driver = driver(&host.path("driver"), "1.0.0");
    one_sriov_tests::install_remotes(
        &host.remotes(),
        "1.0.0",
        &[(std::env::consts::ARCH, &driver)],
    );
    host
}

/// The stand-in's output for these arguments.
pub(crate) fn printed(arguments: &[&str], version: &str) -> String {
    format!("arguments {arguments:?}\nversion {version}\n")
}

/// The installed shells that are `/bin/sh` on some systems, with their paths.
pub(crate) fn shells() -> Vec<Vec<String>> {
    let known: [&[&str]; 4] = [
        &["dash"],
        &["bash"],
        &["bash", "--posix"],
        &["busybox", "sh"],
    ];
    let path = |name: &str| {
        let found = Command::new("sh")
            .args(["-c", "command -v \"$0\"", name])
            .output()
            .unwrap();
        let path = text(&found.stdout).trim().to_owned();
        (!path.is_empty()).then_some(path)
    };
    let here: Vec<Vec<String>> = known
        .into_iter()
        .filter_map(|shell| {
            let arguments = shell[1..].iter().map(|&argument| argument.to_owned());
            Some(std::iter::once(path(shell[0])?).chain(arguments).collect())
        })
        .collect();
    assert!(here.len() >= 2, "only {here:?} are installed");
    here
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Asserts that a program succeeded with this output.
#[track_caller]
pub(crate) fn assert_prints(output: &Output, expected: &str, context: &str) {
    let seen = (
        text(&output.stdout),
        text(&output.stderr),
        output.status.code(),
    );
    assert_eq!(
        seen,
        (expected.to_owned(), String::new(), Some(0)),
        "{context}"
    );
}
