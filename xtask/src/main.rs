//! `one-sriov-xtask man DIR`, `one-sriov-xtask completions DIR`: writes the man pages, or the completions of shells,
//! into a directory.

use std::io::{Error, Write};
use std::path::Path;
use std::process::ExitCode;

use one_sriov_xtask::{Page, completion};

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
        _ => {
            writeln!(
                std::io::stderr(),
                "usage: one-sriov-xtask man|completions DIR"
            )?;
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}
