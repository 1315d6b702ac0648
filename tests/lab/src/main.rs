//! The lab: all of one-sriov on emulated SR-IOV hardware.
//!
//! ```text
//! here   QEMU ── host: Debian, libvirt, five SR-IOV cards, an IOMMU; one-sriov's packages
//!    │             └── guests with real VFs and a context CD
//!    ├─ the front-end's calls, over ssh as oneadmin
//!    └─ QEMU ── guests that need no VF
//! ```

// Errors go to standard error.
#![allow(clippy::print_stderr)]

mod cache;
mod checks;
mod cloud;
mod evidence;
mod guest;
mod host;
mod images;
mod lab;
mod local;
mod machine;
mod report;
mod second;
mod shell;
mod ssh;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use lab::Lab;
use report::{Failure, Report};

/// Checks the whole of one-sriov on emulated SR-IOV hardware.
#[derive(Debug, Parser)]
struct Arguments {
    /// The directory of the packages.
    #[arg(long, default_value = "dist")]
    packages: PathBuf,
    /// The directory of the image cache.
    #[arg(
        long,
        env = "ONE_SRIOV_LAB_CACHE",
        default_value = "/var/cache/one-sriov-lab"
    )]
    cache: PathBuf,
    /// The directory for evidence of failed checks.
    #[arg(long, default_value = "target/lab")]
    evidence: PathBuf,
    /// A directory with the remotes of a real OpenNebula, to use its driver instead of the stand-ins.
    #[arg(long, env = "ONE_REMOTES")]
    remotes: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build missing images.
    Images,
    /// Run all checks, or some groups of them.
    Run {
        /// The groups; all of them if none is named.
        groups: Vec<String>,
    },
    /// Boot the host and a guest, print how to reach them, and keep them running until a key is pressed.
    Shell,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("lab: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let lab = Lab::new(arguments)?;
    match &arguments.command {
        Command::Images => Ok(true),
        Command::Run { groups } => {
            let mut report = Report::new();
            checks::run(&lab, groups, &mut report)?;
            if report.failures() > 0 {
                evidence::tell(&arguments.evidence);
            }
            Ok(report.close())
        }
        Command::Shell => checks::shell(&lab).map(|()| true),
    }
}
