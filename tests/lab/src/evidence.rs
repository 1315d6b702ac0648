//! Evidence of failed groups. The most important part is also printed at the end of a run, because a CI machine keeps only the
//! log.

use std::fs;
use std::path::{Path, PathBuf};

use crate::report::say;

/// The host's most important file: pools and leases.
pub(crate) const POOL: &str = "pool";

/// Limits of the printed part: characters in total, lines per file, characters per line.
const TOLD: usize = 5000;
const LINES: usize = 10;
const LINE: usize = 160;

/// Prints the most important evidence below a directory, group by group.
pub(crate) fn tell(directory: &Path) {
    for text in excerpts(directory) {
        say(&text);
    }
}

fn excerpts(directory: &Path) -> Vec<String> {
    let mut groups = entries(directory);
    groups.sort_by_key(|group| fs::metadata(group).and_then(|data| data.modified()).ok());
    let files = groups.iter().flat_map(|group| files(group));
    let excerpts = files.filter_map(|file| {
        let text = fs::read(&file).unwrap_or_default();
        let text = excerpt(&String::from_utf8_lossy(&text));
        (!text.is_empty()).then(|| format!("--- {}\n{text}", file.display()))
    });
    let mut told = 0;
    excerpts
        .take_while(|text| {
            told += text.len();
            told <= TOLD
        })
        .collect()
}

/// The most useful files of a group, such as its guests' output, the driver's log, and the leases, best first.
fn files(group: &Path) -> Vec<PathBuf> {
    let of_kind = |kind: &str| {
        let mut files = entries(group);
        files.retain(|file| file.extension().is_some_and(|known| known == kind));
        files
    };
    let of_host = ["journal", POOL, "guests"].map(|name| group.join(name));
    let of_guests = of_kind("guest").into_iter();
    of_guests
        .chain(of_host)
        .chain(of_kind("console"))
        .chain([group.join("qemu")])
        .collect()
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The last lines, each truncated.
fn excerpt(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(LINES)..]
        .iter()
        .map(|line| {
            line.chars()
                .filter(|letter| !letter.is_control())
                .take(LINE)
                .collect()
        })
        .collect::<Vec<String>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_has_the_last_lines_without_control_characters() {
        let long = "x".repeat(LINE + 1);
        let text = format!(
            "first\n{}\n\u{1b}[2Jlast\n\n{long}\n",
            "more\n".repeat(LINES - 2)
        );
        let told = excerpt(&text);
        assert_eq!(told.lines().count(), LINES);
        assert!(
            told.ends_with(&format!("more\n[2Jlast\n{}", "x".repeat(LINE))),
            "{told}"
        );
        assert_eq!(excerpt(" \n"), "");
    }

    #[test]
    fn the_length_of_all_excerpts_is_limited() {
        let directory = tempfile::tempdir().unwrap();
        let text = "many words on a line of this file\n".repeat(2 * LINES);
        for number in 0..99 {
            let group = directory.path().join(format!("group-{number}"));
            fs::create_dir(&group).unwrap();
            fs::write(group.join("journal"), &text).unwrap();
        }
        let told = excerpts(directory.path());
        let length: usize = told.iter().map(String::len).sum();
        assert!((TOLD / 2..=TOLD).contains(&length), "{length}");
        assert!(told[0].contains("group-"), "{}", told[0]);
    }

    #[test]
    fn output_of_guests_comes_first() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["one-2.guest", "journal", "one-1.guest", "dmesg"] {
            fs::write(directory.path().join(name), "line\n").unwrap();
        }
        let names: Vec<_> = files(directory.path())
            .iter()
            .map(|file| file.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names[..3], ["one-1.guest", "one-2.guest", "journal"]);
        assert!(!names.contains(&"dmesg".to_owned()));
    }
}
