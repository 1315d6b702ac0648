//! The hand-written man pages cover everything in the reference.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The code in the first cells of a page's tables.
fn named_in_tables(markdown: &str) -> BTreeSet<&str> {
    let rows = markdown.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.map(|row| row.split(" |").next().unwrap());
    cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect()
}

/// The words of a man page, without font escapes: `ALIAS`, `_IP`.
fn words(page: &str) -> BTreeSet<String> {
    let mut text = page.replace("\\-", "-");
    for font in ["\\fB", "\\fI", "\\fR"] {
        text = text.replace(font, " ");
    }
    text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'))
        .map(str::to_owned)
        .collect()
}

/// The parts of a name without its placeholders: `ALIAS` and `_IP` of `ALIAS<m>_IP`.
fn parts(name: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::new();
    for piece in name.split('<') {
        parts.push(piece.split_once('>').map_or(piece, |(_, rest)| rest));
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn assert_has_all(page: &str, reference: &BTreeSet<&str>) {
    let words = words(&read(page));
    assert!(reference.len() > 2, "{reference:?}");
    for name in reference {
        for part in parts(name) {
            assert!(words.contains(part), "'{name}' is not in {page}");
        }
    }
}

#[test]
fn the_man_page_of_variables_covers_the_reference() {
    let reference = read("docs/reference/variables.md");
    assert_has_all(
        "packaging/man/one-sriov-variables.7",
        &named_in_tables(&reference),
    );
}

#[test]
fn the_man_page_of_settings_covers_the_reference() {
    let reference = read("docs/reference/files.md");
    let (_, settings) = reference
        .split_once("### `/etc/one-sriov/agent.conf`")
        .unwrap();
    let (settings, _) = settings.split_once("### ").unwrap();
    assert_has_all(
        "packaging/man/one-sriov-agent.conf.5",
        &named_in_tables(settings),
    );
}
