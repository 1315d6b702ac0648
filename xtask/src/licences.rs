//! Collects the licences of all crates in a program, for its packages.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::crates::{Metadata, directory, field, is_macro};

/// A fixed target, because the crates are the same for all targets.
const TARGET: &str = "x86_64-unknown-linux-musl";

/// The licence of one-sriov: crates with the same licence need no further text.
const OURS: &str = "Apache-2.0";

/// musl's `COPYRIGHT`, because the released programs are linked with musl.
const MUSL: &str = "\
Copyright (c) 2005-2020 Rich Felker, et al.

Permission is hereby granted, free of charge, to any person obtaining
a copy of this software and associated documentation files (the
\"Software\"), to deal in the Software without restriction, including
without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to
permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be
included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND,
EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT.
IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY
CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT,
TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
";

/// Returns the notice for a program, `one-sriov-agent` or `one-sriov-driver`: each crate with its licence, and the text of every
/// licence except Apache-2.0, which the packages contain anyway. Versions are omitted, so that updates do not change the notice.
///
/// # Errors
/// If the output of cargo is not as documented, or if a crate contains no file with the text of its licence.
pub fn render(program: &str) -> Result<String, Error> {
    let metadata = Metadata::of(TARGET)?;
    // A macro, and everything that only it depends on, runs in the compiler.
    let is_linked = |package: &Value| !is_macro(package);
    let packages = metadata.used_by(&[program], is_linked)?;
    let foreign = packages
        .into_iter()
        // The crates of this workspace have no external source.
        .filter(|package| !package["source"].is_null());
    let mut crates = BTreeMap::new();
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in foreign {
        let name = field(package, "name")?;
        let licence = field(package, "license")?;
        crates.insert(name, licence);
        for file in files(directory(package)?, licence)? {
            let text = fs::read_to_string(file)?;
            texts.entry(text).or_default().push(name.to_owned());
        }
    }
    texts.entry(MUSL.into()).or_default().push("musl".into());
    Ok(notice(program, &crates, &texts))
}

fn notice(
    program: &str,
    crates: &BTreeMap<&str, &str>,
    texts: &BTreeMap<String, Vec<String>>,
) -> String {
    let width = crates.keys().map(|name| name.len()).max().unwrap_or(0);
    let mut notice = format!(
        "{program} is a static program under the Apache License 2.0. These crates are linked into it:\n\n"
    );
    for (name, licence) in crates {
        notice.push_str(&format!("    {name:width$}  {licence}\n"));
    }
    notice.push_str(
        "\nSo are Rust's standard library (MIT OR Apache-2.0) and a C library: musl (MIT) in the packages of this\n\
         project, the distribution's own where a distribution builds it. Where a crate offers Apache-2.0, that licence\n\
         is chosen. The texts of the other licences follow.\n",
    );
    let mut texts: Vec<_> = texts
        .iter()
        .map(|(text, names)| (names.join(", "), text))
        .collect();
    texts.sort();
    for (names, text) in texts {
        let line = "-".repeat(names.len());
        notice.push_str(&format!("\n{line}\n{names}\n{line}\n\n{}\n", text.trim()));
    }
    notice
}

/// Returns the files that a crate's licence requires, such as `(MIT OR Apache-2.0) AND Unicode-3.0`: the text of each part except
/// Apache-2.0, and the `NOTICE` of Apache-2.0.
fn files(crate_dir: &Path, licence: &str) -> Result<Vec<PathBuf>, Error> {
    let mut names = Vec::new();
    for entry in fs::read_dir(crate_dir)? {
        names.extend(entry?.file_name().into_string());
    }
    names.sort();
    let mut files: Vec<PathBuf> = Vec::new();
    for part in licence.split(" AND ") {
        let part = part.trim_matches(['(', ')']);
        let choices: Vec<&str> = part.split(" OR ").flat_map(|one| one.split('/')).collect();
        let wanted = if choices.contains(&OURS) {
            names.iter().find(|name| name.starts_with("NOTICE"))
        } else {
            let text = choices.iter().find_map(|choice| text_of(choice, &names));
            Some(text.ok_or_else(|| {
                let message = format!(
                    "failed to find the text of '{part}' in '{}'",
                    crate_dir.display()
                );
                Error::new(ErrorKind::NotFound, message)
            })?)
        };
        files.extend(wanted.map(|name| crate_dir.join(name)));
    }
    Ok(files)
}

/// Returns the file of one licence: `LICENSE-MIT` for `MIT`, or the only one, `LICENSE`.
fn text_of<'a>(id: &str, names: &'a [String]) -> Option<&'a String> {
    let family = id.split('-').next().unwrap_or(id).to_uppercase();
    let is_of_family = |name: &&String| {
        let name = name.to_uppercase();
        name.starts_with("LICEN") && name.contains(&format!("-{family}"))
    };
    let is_the_only_one = |name: &&String| {
        let stem = name.split('.').next().unwrap_or(name).to_uppercase();
        ["LICENSE", "LICENCE"].contains(&&*stem)
    };
    let mut found = names.iter().filter(is_of_family);
    found.next().or_else(|| names.iter().find(is_the_only_one))
}
