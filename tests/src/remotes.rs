//! Remotes, as the front-end distributes them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

/// All actions that any release calls.
pub static ACTIONS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    include_str!("../../packaging/actions/names")
        .lines()
        .collect()
});

/// Installs a version of the driver into a tree of remotes, with a binary for each architecture.
pub fn install_remotes(remotes: &Path, version: &str, binaries: &[(&str, &Path)]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/build/install-remotes");
    let pairs = binaries
        .iter()
        .map(|(arch, binary)| format!("{arch}={}", binary.display()));
    let output = Command::new(script)
        .arg(remotes)
        .arg(version)
        .args(pairs)
        .output()
        .expect("a script");
    assert!(
        output.status.success(),
        "failed to install: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The directories of a host: its copy of the remotes, and the home of its user.
#[derive(Debug)]
pub struct Host {
    directory: TempDir,
}

impl Default for Host {
    fn default() -> Self {
        let directory = TempDir::new().expect("a scratch directory");
        for name in ["remotes", "home"] {
            std::fs::create_dir(directory.path().join(name)).expect("a directory");
        }
        Self { directory }
    }
}

impl Host {
    /// A host whose remotes have a driver for this architecture.
    #[must_use]
    pub fn with_driver(version: &str, driver: &Path) -> Self {
        let host = Self::default();
        install_remotes(
            &host.remotes(),
            version,
            &[(std::env::consts::ARCH, driver)],
        );
        host
    }

    /// The host's `/var/tmp/one`.
    #[must_use]
    pub fn remotes(&self) -> PathBuf {
        self.directory.path().join("remotes")
    }

    /// The host's `/var/lib/one`.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// A path in the host's scratch directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}
