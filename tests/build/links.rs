//! What the documentation points to is there.

use std::fs;
use std::path::{Path, PathBuf};

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the project")
}

/// README, CHANGELOG and all pages below `docs/`.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![top().join("README.md"), top().join("CHANGELOG.md")];
    for dir in ["explanation", "how-to", "reference"] {
        let entries = fs::read_dir(top().join("docs").join(dir)).unwrap();
        pages.extend(entries.map(|entry| entry.unwrap().path()));
    }
    pages
}

/// The targets of `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| !target.contains("://"))
}

/// How a heading is linked to: small letters, no punctuation, blanks as hyphens.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut count = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => page.clone(),
                path => page.parent().unwrap().join(path),
            };
            let there = fs::read_to_string(&target);
            let there = there.unwrap_or_else(|error| panic!("{}: {link}: {error}", page.display()));
            let has_heading = there
                .lines()
                .any(|line| line.starts_with('#') && anchor(line) == heading);
            assert!(
                heading.is_empty() || has_heading,
                "{}: {link}: no such heading",
                page.display()
            );
            count += 1;
        }
    }
    assert!(count > 20, "only {count} links were found");
}

#[test]
fn every_page_of_the_documentation_is_linked_to() {
    let texts: Vec<(PathBuf, String)> = pages()
        .into_iter()
        .map(|page| (page.clone(), fs::read_to_string(page).unwrap()))
        .collect();
    for (page, _) in texts.iter().skip(2) {
        let name = page.file_name().unwrap().to_str().unwrap();
        let is_linked = texts
            .iter()
            .filter(|(other, _)| other != page)
            .any(|(_, text)| links(text).any(|link| link.contains(name)));
        assert!(is_linked, "nothing points to '{}'", page.display());
    }
}
