//! `one-sriov-xtask man`: prints the man page of the agent.

use std::io::{Error, Write};
use std::process::ExitCode;

fn main() -> Result<ExitCode, Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments != ["man"] {
        writeln!(std::io::stderr(), "usage: one-sriov-xtask man")?;
        return Ok(ExitCode::from(2));
    }
    std::io::stdout().write_all(&one_sriov_xtask::man()?)?;
    Ok(ExitCode::SUCCESS)
}
