//! Running the real binary.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::Machine;

/// How a run ended.
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
            code: output.status.code().expect("the agent is not killed"),
            stdout: String::from_utf8(output.stdout).expect("output is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("output is UTF-8"),
        }
    }
}

/// The binary under test.
pub fn agent_path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| std::env::var_os("ONE_SRIOV_AGENT").map_or_else(build, PathBuf::from))
}

/// The debug binary of this very tree.
fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--package",
            "one-sriov-agent",
            "--bin",
            "one-sriov-agent",
        ])
        .status()
        .expect("cargo runs");
    assert!(built.success(), "cargo failed to build the agent");
    let test = std::env::current_exe().expect("a test knows itself");
    test.ancestors()
        .nth(2)
        .expect("a test is in deps/")
        .join("one-sriov-agent")
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
    command.output().expect("the agent starts").into()
}
