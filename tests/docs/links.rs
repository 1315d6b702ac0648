//! Links in README.md, CHANGELOG.md and docs/ lead to files of this repository.

use std::fs;
use std::path::{Path, PathBuf};

/// A link into this repository.
#[derive(Debug, PartialEq, Eq)]
struct Link {
    /// The file, relative to the page; empty for a link within the page.
    file: String,
    /// The anchor of a heading.
    heading: Option<String>,
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = vec![tree.join("README.md"), tree.join("CHANGELOG.md")];
    pages.extend(pages_below(&tree.join("docs")));
    let mut links = 0;
    let mut dead = Vec::new();
    for page in &pages {
        for link in links_of(&fs::read_to_string(page).unwrap()) {
            links += 1;
            if !is_alive(page, &link) {
                dead.push(format!("{}: {link:?}", page.display()));
            }
        }
    }
    assert!(links > 20, "only {links} links were found");
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

/// A page without a link would not be found.
#[test]
fn every_page_of_docs_is_linked_from_the_readme() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = fs::read_to_string(tree.join("README.md")).unwrap();
    let linked: Vec<PathBuf> = links_of(&readme)
        .into_iter()
        .map(|link| tree.join(link.file))
        .collect();
    let orphans: Vec<_> = pages_below(&tree.join("docs"))
        .into_iter()
        .filter(|page| !linked.contains(page))
        .collect();
    assert!(orphans.is_empty(), "README.md does not link to {orphans:?}");
}

#[test]
fn only_real_links_are_recognized() {
    let text = "\
# One heading, `code` and all
See [a](a.md), [b](../b.md#some-part) and [here](#one-heading-code-and-all).
Not [this](https://example.org/x.md), nor `[that](c.md)`.

    [nor](this.md)

```
[nor](that.md)
```
";
    let link = |file: &str, heading: Option<&str>| Link {
        file: file.to_owned(),
        heading: heading.map(str::to_owned),
    };
    let expected = [
        link("a.md", None),
        link("../b.md", Some("some-part")),
        link("", Some("one-heading-code-and-all")),
    ];
    assert_eq!(links_of(text), expected);
    assert_eq!(headings_of(text), ["one-heading-code-and-all"]);
}

fn pages_below(dir: &Path) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages.extend(pages_below(&path));
        } else if path.extension().is_some_and(|end| end == "md") {
            pages.push(path);
        }
    }
    pages.sort();
    pages
}

fn is_alive(page: &Path, link: &Link) -> bool {
    let target = match &*link.file {
        "" => page.to_owned(),
        file => page.parent().unwrap().join(file),
    };
    match &link.heading {
        None => target.exists(),
        Some(heading) => fs::read_to_string(target)
            .is_ok_and(|text| headings_of(&text).iter().any(|other| other == heading)),
    }
}

/// The lines outside code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_fenced = false;
    text.lines().filter(move |line| {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
            return false;
        }
        !is_fenced && !line.starts_with("    ")
    })
}

fn links_of(text: &str) -> Vec<Link> {
    let mut links = Vec::new();
    for line in prose(text) {
        // Every second part is between backticks, so it is code.
        let line: String = line.split('`').step_by(2).collect();
        for rest in line.split("](").skip(1) {
            let target = rest.split(')').next().unwrap();
            if target.contains("://") {
                continue;
            }
            let (file, heading) = match target.split_once('#') {
                Some((file, heading)) => (file, Some(heading.to_owned())),
                None => (target, None),
            };
            links.push(Link {
                file: file.to_owned(),
                heading,
            });
        }
    }
    links
}

/// The anchors of a page's headings.
fn headings_of(text: &str) -> Vec<String> {
    let headings = prose(text).filter_map(|line| {
        let title = line.trim_start_matches('#');
        line.starts_with('#').then(|| title.trim().to_lowercase())
    });
    let word = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    };
    headings
        .map(|title| title.chars().filter_map(word).collect())
        .collect()
}
