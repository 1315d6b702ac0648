//! Generates shell completions from the definitions of the command lines.

use std::io;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_complete::generate_to;
use clap_complete::shells::{Bash, Fish, Zsh};

/// Writes the bash, zsh and fish completions of all programs to a directory. `one-sriov` is the driver under its name for
/// operators.
///
/// # Errors
/// If a file cannot be written.
pub fn write_all(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let programs = [
        ("one-sriov-agent", one_sriov_agent::cli::Cli::command()),
        ("one-sriov", one_sriov_driver::cli::Cli::command()),
    ];
    let mut files = Vec::new();
    for (name, mut command) in programs {
        files.push(generate_to(Bash, &mut command, name, directory)?);
        files.push(generate_to(Zsh, &mut command, name, directory)?);
        files.push(generate_to(Fish, &mut command, name, directory)?);
    }
    Ok(files)
}
