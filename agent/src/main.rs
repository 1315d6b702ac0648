//! `one-sriov-agent`: the guest half of one-sriov.

use std::process::ExitCode;

use clap::Parser;
use one_sriov_agent::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run(&mut std::io::stdout().lock()).into()
}
