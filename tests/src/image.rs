//! Context CDs, made with the programs that OpenNebula uses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that makes an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// OpenNebula up to 7.0.
    Genisoimage,
    /// OpenNebula since 7.2.
    Xorriso,
}

/// Makes a CD with a `context.sh`, with a label or, as OpenNebula 4.0 does, without one.
#[must_use]
pub fn image(directory: &Path, tool: Tool, label: Option<&str>, context: &str) -> PathBuf {
    let files = directory.join("files");
    fs::create_dir_all(&files).expect("a directory");
    fs::write(files.join("context.sh"), context).expect("a context");
    let image = directory.join("context.iso");
    let mut command = match tool {
        Tool::Genisoimage => Command::new("genisoimage"),
        Tool::Xorriso => {
            let mut command = Command::new("xorriso");
            command.args(["-as", "mkisofs"]);
            command
        }
    };
    command
        .arg("-quiet")
        .arg("-o")
        .arg(&image)
        .args(["-J", "-R"]);
    if let Some(label) = label {
        command.args(["-V", label]);
    }
    let made = command.arg(&files).output().unwrap_or_else(|error| {
        panic!("{tool:?} does not run ({error}); 'make setup' installs it")
    });
    assert!(
        made.status.success(),
        "{tool:?} failed: {}",
        String::from_utf8_lossy(&made.stderr)
    );
    image
}
