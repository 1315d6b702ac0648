//! Where the static binaries are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The static binary of this machine.
pub(crate) fn here() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| named("ONE_SRIOV_AGENT", std::env::consts::ARCH))
}

/// The static binary for aarch64.
pub(crate) fn aarch64() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| named("ONE_SRIOV_AGENT_AARCH64", "aarch64"))
}

fn named(variable: &str, arch: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| build(arch), PathBuf::from)
}

fn build(arch: &str) -> PathBuf {
    let triple = format!("{arch}-unknown-linux-musl");
    let test = std::env::current_exe().expect("a test knows itself");
    // <target>/debug/deps/build-1234
    let target = test.ancestors().nth(3).expect("a test is in deps/");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--package",
            "one-sriov-agent",
            "--target",
            &triple,
        ])
        .arg("--target-dir")
        .arg(target)
        .status()
        .expect("cargo runs");
    assert!(
        built.success(),
        "failed to build for {triple}; 'make build TARGET={triple}' installs what is missing"
    );
    target.join(triple).join("release/one-sriov-agent")
}
