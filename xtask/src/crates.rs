//! The crates that a program consists of, from `cargo metadata --format-version 1`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Error, ErrorKind};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// cargo's metadata for the workspace and one target.
pub(crate) struct Metadata(Value);

impl Metadata {
    /// Runs cargo. `target` is a triple such as `x86_64-unknown-linux-musl`.
    pub(crate) fn of(target: &str) -> Result<Self, Error> {
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
        Ok(Self(serde_json::from_slice(&output.stdout)?))
    }

    /// Returns the packages that these programs depend on, including themselves, but not build and test dependencies. A package
    /// for which `is_wanted` is false is excluded, along with everything that only it depends on.
    pub(crate) fn used_by(
        &self,
        programs: &[&str],
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Result<Vec<&Value>, Error> {
        self.find(programs, is_wanted).ok_or_else(unknown_form)
    }

    fn find(&self, programs: &[&str], is_wanted: impl Fn(&Value) -> bool) -> Option<Vec<&Value>> {
        let packages = by_id(self.0["packages"].as_array()?);
        let nodes = by_id(self.0["resolve"]["nodes"].as_array()?);
        let mut open: Vec<&str> = packages
            .iter()
            .filter(|(_, package)| programs.iter().any(|name| package["name"] == *name))
            .map(|(id, _)| *id)
            .collect();
        let mut used = BTreeSet::new();
        while let Some(id) = open.pop() {
            if !is_wanted(packages.get(id)?) || !used.insert(id) {
                continue;
            }
            for dependency in nodes.get(id)?["deps"].as_array()? {
                let mut kinds = dependency["dep_kinds"].as_array()?.iter();
                if kinds.any(|kind| kind["kind"].is_null()) {
                    open.push(dependency["pkg"].as_str()?);
                }
            }
        }
        used.iter().map(|id| packages.get(id).copied()).collect()
    }
}

/// Whether a package only runs in the compiler.
pub(crate) fn is_macro(package: &Value) -> bool {
    let of_target = |target: &Value| target["kind"][0] == "proc-macro";
    package["targets"]
        .as_array()
        .is_some_and(|targets| targets.iter().any(of_target))
}

/// Returns a field that every package has.
pub(crate) fn field<'a>(package: &'a Value, name: &str) -> Result<&'a str, Error> {
    package[name].as_str().ok_or_else(unknown_form)
}

/// Returns the directory that contains a package's source.
pub(crate) fn directory(package: &Value) -> Result<&Path, Error> {
    let manifest = Path::new(field(package, "manifest_path")?);
    manifest.parent().ok_or_else(unknown_form)
}

fn by_id(objects: &[Value]) -> BTreeMap<&str, &Value> {
    objects
        .iter()
        .filter_map(|object| Some((object["id"].as_str()?, object)))
        .collect()
}

fn unknown_form() -> Error {
    let message = "the output of 'cargo metadata' has an unknown form";
    Error::new(ErrorKind::InvalidData, message)
}
