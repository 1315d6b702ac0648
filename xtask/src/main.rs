//! `one-sriov-xtask man PROGRAM`: prints the man page of a program.

use std::io::{Error, Write};
use std::process::ExitCode;

fn main() -> Result<ExitCode, Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let page = match &arguments[..] {
        [task, program] if task == "man" => one_sriov_xtask::page(program),
        _ => None,
    };
    let Some(page) = page else {
        let programs = one_sriov_xtask::PROGRAMS.join("|");
        writeln!(std::io::stderr(), "usage: one-sriov-xtask man {programs}")?;
        return Ok(ExitCode::from(2));
    };
    std::io::stdout().write_all(&one_sriov_xtask::man(&page)?)?;
    Ok(ExitCode::SUCCESS)
}
