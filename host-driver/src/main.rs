//! `one-sriov-driver`: the host half of one-sriov.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::SUCCESS
}
