//! `version`: print the version.

use std::io::Write;

use serde_json::json;

use super::error::Failure;
use super::{Exit, Options, json as to_json};

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn run(options: &Options, out: &mut impl Write) -> Result<Exit, Failure> {
    let target = format!("{}-linux", std::env::consts::ARCH);
    if options.json {
        to_json::print(
            &json!({ "name": env!("CARGO_PKG_NAME"), "version": VERSION, "target": target }),
            out,
        )?;
    } else {
        writeln!(out, "{} {VERSION} ({target})", env!("CARGO_PKG_NAME"))?;
    }
    Ok(Exit::Ok)
}
