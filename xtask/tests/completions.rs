//! The committed completions match the command lines.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;

#[test]
fn the_committed_completions_match_the_command_lines() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/completions");
    let scratch = tempfile::tempdir().unwrap();
    let files = one_sriov_xtask::completion::write_all(scratch.path()).unwrap();
    assert_eq!(fs::read_dir(&committed).unwrap().count(), files.len());
    for file in files {
        let old = committed.join(file.file_name().unwrap());
        let text = |path: &Path| fs::read_to_string(path).unwrap();
        assert!(
            text(&old) == text(&file),
            "'{}' does not match the command line: run 'make man'",
            old.display()
        );
    }
}
