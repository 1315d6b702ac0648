//! `one-sriov-driver`: the host half of one-sriov.

use std::process::ExitCode;

use clap::Parser;
use one_sriov_driver::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run(&mut std::io::stdout().lock())
}
