//! Runs the real binaries.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::Machine;

/// All network stacks that the agent supports, as `--backend` names them.
pub const BACKENDS: [&str; 9] = [
    "ifcfg-initscripts",
    "ifcfg-nm",
    "ifcfg-suse",
    "interfaces",
    "interfaces-alpine",
    "keyfile",
    "netplan-networkd",
    "netplan-nm",
    "networkd",
];

/// The result of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output
                .status
                .code()
                .expect("the agent was killed by a signal"),
            stdout: String::from_utf8(output.stdout).expect("the output is not UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("the output is not UTF-8"),
        }
    }
}

/// The agent under test.
pub fn agent_path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| named("ONE_SRIOV_AGENT", "one-sriov-agent"))
}

/// The driver under test.
pub fn driver_path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| named("ONE_SRIOV_DRIVER", "one-sriov-driver"))
}

fn named(variable: &str, name: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| build(name, name), PathBuf::from)
}

/// Builds a binary of this source tree in the profile of the running program, and returns its path.
pub(crate) fn build(package: &str, name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the path of this test");
    let mut profile = own.parent().expect("the directory of this test");
    if profile.ends_with("deps") {
        profile = profile.parent().expect("the directory of the profile");
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--package", package, "--bin", name])
        .args(profile.ends_with("release").then_some("--release"))
        .status()
        .expect("failed to run cargo");
    assert!(built.success(), "cargo failed to build '{name}'");
    profile.join(name)
}

/// Runs the agent on a machine. Paths in arguments are those of this machine.
#[must_use]
pub fn run(machine: &Machine, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(agent_path());
    command
        .args(arguments)
        .arg("--root")
        .arg(machine.root())
        .env_remove("CONTEXT_FILE")
        .env_remove("JOURNAL_STREAM");
    command.output().expect("failed to start the agent").into()
}

/// Runs the agent while system calls on one path of the machine fail: `statx` with `EIO`, for example.
///
/// Symbolic links in the path are resolved first, because the kernel names open files by their real path.
#[must_use]
pub fn run_while(
    machine: &Machine,
    path: &str,
    calls: &str,
    error: &str,
    arguments: &[&str],
) -> Outcome {
    let host = machine.path(path);
    let host = host.canonicalize().unwrap_or(host);
    let calls = of_any_libc(calls);
    let mut command = Command::new("strace");
    command
        .args(["--quiet=all", "--output=/dev/null"])
        .arg(format!("--trace={calls}"))
        .arg(format!("--trace-path={}", host.display()))
        .arg(format!("--inject={calls}:error={error}"))
        .arg(agent_path())
        .args(arguments)
        .arg("--root")
        .arg(machine.root())
        .env_remove("CONTEXT_FILE")
        .env_remove("JOURNAL_STREAM");
    let output = command.output();
    output
        .expect("failed to run strace; 'make setup' installs it")
        .into()
}

/// Adds to glibc's `statx` and `openat` the calls that musl makes instead, which some architectures lack.
fn of_any_libc(calls: &str) -> String {
    match calls {
        "statx" => "?statx,?stat,?lstat,?newfstatat".to_owned(),
        "openat" => "?openat,?open".to_owned(),
        calls => calls.to_owned(),
    }
}
