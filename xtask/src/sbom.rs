//! Generates the bill of materials of the programs, as `CycloneDX` 1.5.

use std::io::Error;

use serde_json::{Value, json};

use crate::PROGRAMS;
use crate::crates::{Metadata, field};

/// Returns the bill of materials of both programs for a target (`x86_64-unknown-linux-musl`), from `cargo metadata`: all crates
/// that are compiled into them, with their licences and sources.
///
/// # Errors
/// If the output of cargo is not as documented (`cargo metadata --format-version 1`).
pub fn render(target: &str) -> Result<String, Error> {
    let metadata = Metadata::of(target)?;
    let used = metadata.used_by(&PROGRAMS, |_| true)?;
    let mut components = Vec::new();
    for package in used {
        components.push(component(package)?);
    }
    components.sort_by_key(|component| component["purl"].to_string());
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": { "type": "application", "name": "one-sriov", "version": env!("CARGO_PKG_VERSION") } },
        "components": components,
    });
    Ok(serde_json::to_string_pretty(&bill)? + "\n")
}

fn component(package: &Value) -> Result<Value, Error> {
    let (name, version) = (field(package, "name")?, field(package, "version")?);
    let kind = if PROGRAMS.contains(&name) {
        "application"
    } else {
        "library"
    };
    Ok(json!({
        "type": kind,
        "name": name,
        "version": version,
        "purl": format!("pkg:cargo/{name}@{version}"),
        "licenses": [{ "expression": field(package, "license")? }],
    }))
}
