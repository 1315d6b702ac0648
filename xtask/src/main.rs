//! `one-sriov-xtask man DIR`, `completions DIR`: writes the man pages, or the shell completions, to a directory.
//! `one-sriov-xtask licences DIR`: writes the licences of each program's crates to a directory.
//! `one-sriov-xtask sbom TARGET`: prints the bill of materials of the programs for a target.

use std::io::{Error, Write};
use std::path::Path;
use std::process::ExitCode;

use one_sriov_xtask::{PROGRAMS, Page, completion, licences, sbom};

const USAGE: &str = "usage: one-sriov-xtask man|completions|licences DIR, or sbom TARGET";

fn main() -> Result<ExitCode, Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["man", dir] => {
            for page in Page::ALL {
                let path = Path::new(dir).join(format!("{}.8", page.name()));
                std::fs::write(path, page.render()?)?;
            }
        }
        ["completions", dir] => {
            completion::write_all(Path::new(dir))?;
        }
        ["licences", dir] => {
            for program in PROGRAMS {
                let path = Path::new(dir).join(format!("{program}.txt"));
                std::fs::write(path, licences::render(program)?)?;
            }
        }
        ["sbom", target] => std::io::stdout().write_all(sbom::render(target)?.as_bytes())?,
        _ => {
            writeln!(std::io::stderr(), "{USAGE}")?;
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}
