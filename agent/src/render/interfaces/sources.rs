//! Finds the files that `/etc/network/interfaces` includes, by the rules of each reader.
//!
//! | line | ifupdown | ifupdown-ng | busybox |
//! |---|---|---|---|
//! | `source PATTERN...` | yes | a single path; from 0.13 on, patterns | a single path |
//! | `source-directory PATTERN...` | in each directory, only names without a dot | a single path | a single path, from 1.29 on |
//! | `source-dir` | the same | no | the same |
//!
//! ifupdown resolves a relative name in the directory of the file, the others in the working directory. A line that ends in a
//! backslash is continued; a comment is continued only for busybox.

use std::path::{Component, Path, PathBuf};

use super::Dialect;
use crate::glob;
use crate::render::GuestFiles;

/// The main file.
pub(in crate::render) const PATH: &str = "/etc/network/interfaces";
/// More files than any guest has.
const MOST_FILES: usize = 256;

/// All files that a reader would read.
pub(super) struct Sources<'f> {
    dialect: Dialect,
    files: &'f dyn GuestFiles,
    /// Patterns of included files, and whether each is for the content of a directory.
    patterns: Vec<(PathBuf, bool)>,
    /// The existing files, with their lines.
    pub(super) read: Vec<(PathBuf, Vec<String>)>,
}

impl<'f> Sources<'f> {
    /// Follows the includes of all files, except those for which `is_ours` is true.
    pub(super) fn gather(
        dialect: Dialect,
        files: &'f dyn GuestFiles,
        is_ours: impl Fn(&Path) -> bool,
    ) -> Self {
        let mut sources = Self {
            dialect,
            files,
            patterns: Vec::new(),
            read: Vec::new(),
        };
        let mut ahead = vec![PathBuf::from(PATH)];
        while let Some(path) = ahead.pop() {
            let is_known = sources.read.iter().any(|(known, _)| *known == path);
            if is_known || is_ours(&path) || sources.read.len() == MOST_FILES {
                continue;
            }
            if let Some(text) = files.text(&path) {
                let lines = logical_lines(dialect, &text);
                let found = sources.found_by(&path, &lines);
                ahead.extend(found.into_iter().rev());
                sources.read.push((path, lines));
            }
        }
        sources
    }

    /// Whether the agent's file, whose name contains a dot, would be read.
    pub(super) fn reads(&self, path: &Path) -> bool {
        let is_read = |(pattern, is_directory): &(PathBuf, bool)| match (self.dialect, is_directory)
        {
            (Dialect::Debian, true) => false,
            (Dialect::Debian, false) => is_match(pattern, path),
            (Dialect::Alpine, true) => pattern.parent() == path.parent(),
            (Dialect::Alpine, false) => pattern == path,
        };
        self.patterns.iter().any(is_read)
    }

    /// Returns the files that a file includes.
    fn found_by(&mut self, file: &Path, lines: &[String]) -> Vec<PathBuf> {
        let here = file.parent().unwrap_or(Path::new("/"));
        let mut found = Vec::new();
        for line in lines {
            let mut words = line.split_whitespace();
            let is_directory = match (words.next(), self.dialect) {
                (Some("source"), _) => false,
                (Some("source-directory"), _) | (Some("source-dir"), Dialect::Debian) => true,
                _ => continue,
            };
            let words: Vec<&str> = match self.dialect {
                Dialect::Debian => words.filter(|word| !has_shell_syntax(word)).collect(),
                // Relative names depend on the reader's working directory.
                Dialect::Alpine => words.take(1).filter(|word| word.starts_with('/')).collect(),
            };
            for word in words {
                let pattern = plain(&here.join(word));
                let pattern = if is_directory {
                    pattern.join("*")
                } else {
                    pattern
                };
                let pattern = (pattern, is_directory);
                if self.patterns.len() < MOST_FILES && !self.patterns.contains(&pattern) {
                    found.extend(self.expand(&pattern.0, is_directory));
                    self.patterns.push(pattern);
                }
            }
        }
        found
    }

    /// Returns the paths that match a pattern; the last component need not exist.
    fn expand(&self, pattern: &Path, is_directory: bool) -> Vec<PathBuf> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let mut paths = vec![PathBuf::from("/")];
        let last = pattern.components().count();
        for (nth, part) in (1..).zip(pattern.components()) {
            let Component::Normal(part) = part else {
                continue;
            };
            // busybox and ifupdown-ng before 0.13 expand no patterns, except for the content of a directory.
            let is_content = is_directory && nth == last;
            let is_pattern =
                is_content || self.dialect == Dialect::Debian && is_glob(part.to_str());
            if !is_pattern {
                for path in &mut paths {
                    path.push(part);
                }
                continue;
            }
            let part = part.to_str().unwrap_or_default();
            let is_taken = |name: &str| match (self.dialect, is_content) {
                (Dialect::Debian, true) => name.chars().all(is_plain),
                (Dialect::Alpine, true) => true,
                (_, false) => is_name(part, name),
            };
            paths = paths
                .iter()
                .flat_map(|directory| {
                    let names = self.files.names(directory).into_iter();
                    let names = names.filter_map(|name| name.into_string().ok());
                    names
                        .filter(|name| is_taken(name))
                        .map(|name| directory.join(name))
                })
                .take(MOST_FILES)
                .collect();
        }
        paths
    }
}

/// Returns the lines without comments, with continuation lines joined.
fn logical_lines(dialect: Dialect, text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut physical = text.lines();
    while let Some(line) = physical.next() {
        let is_comment = line.trim_start().starts_with('#');
        if is_comment && dialect == Dialect::Debian {
            continue;
        }
        let mut line = line.to_owned();
        while line.ends_with('\\') {
            line.pop();
            match physical.next() {
                Some(next) => line.push_str(next),
                None => break,
            }
        }
        if !is_comment {
            lines.push(line);
        }
    }
    lines
}

/// Whether the word uses more of wordexp(3) than patterns, as such files never do.
fn has_shell_syntax(word: &str) -> bool {
    word.contains([
        '"', '\'', '\\', '$', '`', '~', '{', '(', '|', '&', ';', '<', '>',
    ])
}

fn is_glob(part: Option<&str>) -> bool {
    part.is_some_and(|part| part.contains(['*', '?', '[']))
}

/// Whether a pattern matches a path; a star does not match a slash.
fn is_match(pattern: &Path, path: &Path) -> bool {
    let parts = |path: &Path| -> Option<Vec<String>> {
        let parts = path.components();
        parts
            .map(|part| Some(part.as_os_str().to_str()?.to_owned()))
            .collect()
    };
    match (parts(pattern), parts(path)) {
        (Some(patterns), Some(names)) => {
            let mut pairs = patterns.iter().zip(&names);
            patterns.len() == names.len() && pairs.all(|(pattern, name)| is_name(pattern, name))
        }
        _ => false,
    }
}

/// Whether a pattern matches a name; a wildcard does not match a leading dot.
fn is_name(pattern: &str, name: &str) -> bool {
    (!name.starts_with('.') || pattern.starts_with('.')) && glob::matches(pattern, name)
}

/// Resolves `.` and `..` without reading links.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsString;

    use super::*;

    struct Tree(BTreeMap<PathBuf, String>);

    impl GuestFiles for Tree {
        fn text(&self, path: &Path) -> Option<String> {
            self.0.get(path).cloned()
        }

        fn names(&self, directory: &Path) -> Vec<OsString> {
            let below = |path: &PathBuf| {
                let rest = path.strip_prefix(directory).ok()?;
                Some(rest.components().next()?.as_os_str().to_owned())
            };
            let mut names: Vec<_> = self.0.keys().filter_map(below).collect();
            names.dedup();
            names
        }

        fn has_directory(&self, _: &Path) -> bool {
            true
        }
    }

    #[test]
    fn stanzas_are_found_in_all_sourced_files() {
        let tree = [
            ("interfaces", "source a.d/*\niface \\\neth0 inet dhcp\n"),
            (
                "a.d/x",
                "source ../b\n# iface eth1 inet dhcp \\\niface eth2 inet dhcp\n",
            ),
            ("a.d/.hidden", "iface eth3 inet dhcp\n"),
            ("b", "source interfaces\nsource b\nsource-directory c\n"),
            ("c/one", "iface eth4 inet dhcp\n"),
            ("c/one.bak", "iface eth5 inet dhcp\n"),
        ];
        let file = |(path, text): (&str, &str)| (Path::new("/etc/network").join(path), text.into());
        let tree = Tree(tree.map(file).into());
        let sources = Sources::gather(Dialect::Debian, &tree, |_| false);
        let lines = sources.read.iter().flat_map(|(_, lines)| lines);
        let devices: Vec<&str> = lines
            .filter_map(|line| line.strip_prefix("iface "))
            .collect();
        let devices: Vec<_> = devices
            .iter()
            .filter_map(|rest| rest.split(' ').next())
            .collect();
        assert_eq!(devices, ["eth0", "eth2", "eth4"]);
    }

    #[test]
    fn the_number_of_sourced_files_is_limited() {
        let text = "source *\n".repeat(50);
        let file = |nth: u32| {
            (
                PathBuf::from(format!("/etc/network/{nth:04}")),
                text.clone(),
            )
        };
        let mut files: BTreeMap<_, _> = (0..1000).map(file).collect();
        files.insert(PATH.into(), text.clone());
        let tree = Tree(files);
        let sources = Sources::gather(Dialect::Debian, &tree, |_| false);
        assert_eq!(sources.read.len(), MOST_FILES);
    }
}
