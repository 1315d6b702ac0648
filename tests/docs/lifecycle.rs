//! Each row of the table of unexpected events has a test with its name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The test for a row: `onevm_recover_retry` for `onevm recover --retry`.
fn name(cell: &str) -> String {
    let words = cell.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("_").to_lowercase()
}

#[test]
fn each_row_has_a_test() {
    let page = read("docs/explanation/lifecycle.md");
    let (_, section) = page.split_once("\n## After the unexpected\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| "));
    let rows: BTreeSet<String> = rows
        .skip(1)
        .map(|row| name(row.split(" |").next().unwrap()))
        .collect();
    let tests = read("tests/driver/unexpected.rs");
    let tests: BTreeSet<String> = tests
        .split("#[test]\nfn ")
        .skip(1)
        .map(|test| test.split('(').next().unwrap().to_owned())
        .collect();
    assert!(rows.len() > 10, "{rows:?}");
    assert_eq!(rows, tests);
}
