//! Recorded inputs.

use std::path::{Path, PathBuf};

/// Returns the path of a file in `tests/fixtures`.
#[must_use]
pub fn fixture(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name);
    assert!(path.exists(), "no fixture '{}'", path.display());
    path
}

/// Returns the text of a recorded `context.sh`, by release: `7.5-three-sriov-alias`.
#[must_use]
pub fn context(name: &str) -> String {
    std::fs::read_to_string(fixture(&format!("contexts/{name}.sh"))).expect("a context is text")
}
