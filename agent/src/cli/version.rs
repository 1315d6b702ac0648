//! `version`: prints the version.

use std::io::Write;

use one_sriov_system::release;
use serde_json::json;

use super::error::Failure;
use super::{Exit, Options, json as to_json};

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn run(options: &Options, out: &mut impl Write) -> Result<Exit, Failure> {
    let target = format!("{}-linux", std::env::consts::ARCH);
    if options.json {
        to_json::print(
            &json!({
                "name": env!("CARGO_PKG_NAME"),
                "version": VERSION,
                "target": target,
                "commit": release::COMMIT,
                "date": release::DATE,
            }),
            out,
        )?;
    } else {
        let name = env!("CARGO_PKG_NAME");
        writeln!(out, "{name} {VERSION} ({target})")?;
        if let Some(commit) = release::of_commit() {
            writeln!(out, "{commit}")?;
        }
    }
    Ok(Exit::Ok)
}
