//! What the programs are made of, as `CycloneDX` 1.5.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Error, ErrorKind};
use std::process::Command;

use serde_json::{Value, json};

/// The programs.
const PROGRAMS: [&str; 2] = ["one-sriov-agent", "one-sriov-driver"];

/// The bill of materials of both programs for a machine (`x86_64-unknown-linux-musl`), from `cargo metadata`: all
/// crates that are compiled into them, with their licences and where they come from.
///
/// # Errors
/// If cargo does not answer as it documents (`cargo metadata --format-version 1`).
pub fn render(target: &str) -> Result<String, Error> {
    let output = Command::new("cargo")
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--filter-platform",
            target,
        ])
        .output()?;
    if !output.status.success() {
        return Err(Error::other(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let text = bill(&metadata).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidData,
            "cargo metadata has another form than is known",
        )
    })?;
    Ok(text)
}

fn bill(metadata: &Value) -> Option<String> {
    let packages: BTreeMap<&str, &Value> = metadata["packages"]
        .as_array()?
        .iter()
        .filter_map(|package| Some((package["id"].as_str()?, package)))
        .collect();
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()?
        .iter()
        .filter_map(|node| Some((node["id"].as_str()?, node)))
        .collect();
    let mut open: Vec<&str> = packages
        .iter()
        .filter(|(_, package)| PROGRAMS.iter().any(|name| package["name"] == *name))
        .map(|(id, _)| *id)
        .collect();
    let mut used = BTreeSet::new();
    while let Some(id) = open.pop() {
        if used.insert(id) {
            open.extend(nodes.get(id)?["deps"].as_array()?.iter().filter_map(|dep| {
                // Neither what builds it nor what tests it is in it.
                let is_normal = dep["dep_kinds"]
                    .as_array()?
                    .iter()
                    .any(|kind| kind["kind"].is_null());
                dep["pkg"].as_str().filter(|_| is_normal)
            }));
        }
    }
    let mut components: Vec<Value> = used
        .iter()
        .filter_map(|id| component(packages.get(id)?))
        .collect();
    components.sort_by_key(|component| component["purl"].to_string());
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": { "type": "application", "name": "one-sriov", "version": env!("CARGO_PKG_VERSION") } },
        "components": components,
    });
    serde_json::to_string_pretty(&bill)
        .ok()
        .map(|text| text + "\n")
}

fn component(package: &Value) -> Option<Value> {
    let (name, version) = (package["name"].as_str()?, package["version"].as_str()?);
    let kind = if PROGRAMS.contains(&name) {
        "application"
    } else {
        "library"
    };
    Some(json!({
        "type": kind,
        "name": name,
        "version": version,
        "purl": format!("pkg:cargo/{name}@{version}"),
        "licenses": [{ "expression": package["license"].as_str()? }],
    }))
}
