//! Compares `docs/reference/json.md` with the real output of `--json`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

const PAGE: &str = "../docs/reference/json.md";

/// Asserts that these outputs together have exactly the fields that a section of the page documents.
#[track_caller]
pub fn assert_described(section: &str, outputs: &[Value]) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let text = std::fs::read_to_string(page).expect("the page");
    let described = expand(&sections(&text), section);
    let mut printed = BTreeSet::new();
    for output in outputs {
        collect(output, "", &mut printed);
    }
    // An object is documented by its fields.
    let is_parent = |path: &&String| {
        let below = format!("{path}.");
        described.iter().any(|other| other.starts_with(&below))
    };
    let unknown: Vec<&String> = printed.difference(&described).collect();
    let is_open = |path: &&&String| {
        let mut open = described.iter().filter_map(|field| field.strip_suffix('*'));
        open.any(|open| path.starts_with(open))
    };
    let unknown: Vec<_> = unknown
        .iter()
        .filter(|path| !is_parent(path) && !is_open(path))
        .collect();
    let missing = described.difference(&printed);
    let missing: Vec<&String> = missing.filter(|path| !path.ends_with('*')).collect();
    assert!(
        unknown.is_empty() && missing.is_empty(),
        "{section}: printed, but not in the page: {unknown:?}; in the page, but never printed: {missing:?}"
    );
}

/// The table rows of each section, by anchor: first and second cell.
fn sections(page: &str) -> BTreeMap<String, Vec<(&str, &str)>> {
    let mut sections: BTreeMap<String, Vec<(&str, &str)>> = BTreeMap::new();
    let mut anchor = String::new();
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ").or(line.strip_prefix("### ")) {
            anchor = heading.to_lowercase().replace(' ', "-");
        } else if let Some(row) = line.strip_prefix("| ") {
            let mut cells = row.split(" |").map(str::trim);
            if let (Some(field), Some(kind)) = (cells.next(), cells.next()) {
                let rows = sections.entry(anchor.clone()).or_default();
                rows.push((field, kind.trim_start_matches("| ")));
            }
        } else if line.starts_with("Without a context medium: ") {
            let rows = sections.entry(anchor.clone()).or_default();
            rows.push((line, ""));
        }
    }
    sections
}

/// All fields of a section, including those of objects that it links to.
fn expand(sections: &BTreeMap<String, Vec<(&str, &str)>>, section: &str) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    for (field, kind) in &sections[&section.to_lowercase().replace(' ', "-")] {
        if let Some(object) = linked(field) {
            fields.extend(expand(sections, object));
        }
        let names = field.split('`').skip(1).step_by(2);
        for name in names.map(|name| name.replace("[]", "")) {
            if let Some(object) = linked(kind) {
                let inner = expand(sections, object).into_iter();
                fields.extend(inner.map(|inner| format!("{name}.{inner}")));
                continue;
            }
            if *kind == "object" {
                fields.insert(format!("{name}.*"));
            }
            fields.insert(name);
        }
    }
    fields
}

/// The section of the page that a cell links to.
fn linked(cell: &str) -> Option<&str> {
    cell.split_once("](#")?.1.split(')').next()
}

fn collect(value: &Value, path: &str, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                collect(value, &path, fields);
                fields.insert(path);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, path, fields)),
        _ => {}
    }
}
