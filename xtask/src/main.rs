//! `one-sriov-xtask man DIR`: writes the man pages into a directory.

use std::io::{Error, Write};
use std::path::Path;
use std::process::ExitCode;

use one_sriov_xtask::Page;

fn main() -> Result<ExitCode, Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [command, dir] = &arguments[..] else {
        return usage();
    };
    if command != "man" {
        return usage();
    }
    for page in Page::ALL {
        let path = Path::new(dir).join(format!("{}.8", page.name()));
        std::fs::write(path, page.render()?)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn usage() -> Result<ExitCode, Error> {
    writeln!(std::io::stderr(), "usage: one-sriov-xtask man DIR")?;
    Ok(ExitCode::from(2))
}
