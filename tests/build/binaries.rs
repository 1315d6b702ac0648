//! Where the static binaries are.

use std::path::PathBuf;
use std::process::Command;

/// The shipped binaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Agent,
    Driver,
}

impl Program {
    pub(crate) const ALL: [Self; 2] = [Self::Agent, Self::Driver];

    /// The static binary for this machine.
    pub(crate) fn here(self) -> PathBuf {
        let variable = match self {
            Self::Agent => "ONE_SRIOV_AGENT",
            Self::Driver => "ONE_SRIOV_DRIVER",
        };
        self.named(variable, std::env::consts::ARCH)
    }

    /// The static binary for aarch64.
    pub(crate) fn aarch64(self) -> PathBuf {
        let variable = match self {
            Self::Agent => "ONE_SRIOV_AGENT_AARCH64",
            Self::Driver => "ONE_SRIOV_DRIVER_AARCH64",
        };
        self.named(variable, "aarch64")
    }

    /// Prepares the binary to run on aarch64, under an emulator if this machine isn't aarch64.
    pub(crate) fn on_aarch64(self) -> Command {
        if cfg!(target_arch = "aarch64") {
            return Command::new(self.aarch64());
        }
        let mut command = Command::new("qemu-aarch64-static");
        command.arg(self.aarch64());
        command
    }

    fn named(self, variable: &str, arch: &str) -> PathBuf {
        std::env::var_os(variable).map_or_else(|| self.build(arch), PathBuf::from)
    }

    fn build(self, arch: &str) -> PathBuf {
        let name = match self {
            Self::Agent => "one-sriov-agent",
            Self::Driver => "one-sriov-driver",
        };
        let triple = format!("{arch}-unknown-linux-musl");
        let test = std::env::current_exe().expect("the path of this test");
        // <target>/debug/deps/build-1234
        let target = test.ancestors().nth(3).expect("a test is in deps/");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--release", "--locked"])
            .args(["--package", name, "--target", &triple])
            .arg("--target-dir")
            .arg(target)
            .status()
            .expect("failed to run cargo");
        assert!(
            built.success(),
            "failed to build for {triple}; 'make build TARGET={triple}' installs what is missing"
        );
        target.join(triple).join("release").join(name)
    }
}
