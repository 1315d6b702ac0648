//! `one-sriov-driver`: the host half of one-sriov.

use std::process::ExitCode;

use clap::Parser;
use one_sriov_driver::cli::Cli;

/// musl's own allocator is slow, because it constantly maps and unmaps pages.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    Cli::parse().run(&mut std::io::stdout().lock())
}
