//! `NAME=value` files, read as data: this driver's `kvmrc` and the stock driver's.
//!
//! ```text
//! export LIBVIRT_URI=qemu:///system
//! DUMMY_BRIDGE="sriov_br"   # for the dummy NICs
//! ```
//!
//! Other programs run both as shell scripts. Here nothing is executed or expanded: lines that are not plain assignments are
//! skipped, and a value that only a shell can expand is a [`Value::Computed`], which is an error if it is needed.

use std::collections::BTreeMap;

/// The value after the `=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// The text without its quotes.
    Plain(String),
    /// A value that only a shell can expand, such as `$(dirname $0)/x`.
    Computed,
}

/// The assignments of one file, with their line numbers. The last assignment of a name wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assignments(BTreeMap<String, (usize, Value)>);

impl Assignments {
    /// Reads the text of a file.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let assignments = text.lines().zip(1..).filter_map(|(line, number)| {
            let (name, value) = assignment(line)?;
            Some((name.to_owned(), (number, value)))
        });
        Self(assignments.collect())
    }

    /// Returns the value of a name and its line number. An empty value counts as unset.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<(usize, &Value)> {
        let (line, value) = self.0.get(name)?;
        (*value != Value::Plain(String::new())).then_some((*line, value))
    }

    /// Returns all names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn assignment(line: &str) -> Option<(&str, Value)> {
    let line = line.trim();
    let line = match line.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
        _ => line,
    };
    let (name, rest) = line.split_once('=')?;
    // Names of pools are file names: VF_IDENTITY_ens1f0.100 is valid here, but not in a shell.
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || !name.chars().all(is_name) {
        return None;
    }
    Some((name, value(rest)))
}

fn value(text: &str) -> Value {
    let mut plain = String::new();
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => plain.push(c),
            (_, '$' | '`') => return Value::Computed,
            (_, '\\') => match (quote, chars.next()) {
                // Inside quotes a backslash only escapes special characters.
                (Some(_), Some(next)) if !"\"\\$`".contains(next) => plain.extend(['\\', next]),
                (_, Some(next)) => plain.push(next),
                (_, None) => plain.push('\\'),
            },
            (None, '\'' | '"') => quote = Some(c),
            (None, c) if c.is_whitespace() || c == ';' => break,
            (_, c) => plain.push(c),
        }
    }
    Value::Plain(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_a_shell_would_but_never_expanded() {
        let table = [
            ("A=b", Some("b")),
            ("  export A=b # c", Some("b")),
            ("A=\"b c\"'d'e", Some("b cde")),
            ("A='$(x)'", Some("$(x)")),
            ("A=a\\ b", Some("a b")),
            ("A=\"a\\\"b\\n\"", Some("a\"b\\n")),
            ("A=b; rm -rf /", Some("b")),
            ("A=$(dirname $0)/x", None),
            ("A=`id`", None),
            ("A=\"$HOME\"", None),
        ];
        for (line, expected) in table {
            let read = Assignments::parse(line);
            let expected = expected.map_or(Value::Computed, |text| Value::Plain(text.into()));
            assert_eq!(read.get("A"), Some((1, &expected)), "{line}");
        }
    }

    #[test]
    fn other_lines_and_empty_values_are_ignored() {
        let text = "#A=1\nif [ -f x ]; then\nA =2\nexportA=3\nA=\n\nB=1\nB=2\nsource y=z\n";
        let read = Assignments::parse(text);
        assert_eq!(read.get("A"), None);
        assert_eq!(read.get("B"), Some((8, &Value::Plain("2".into()))));
        assert_eq!(read.names().collect::<Vec<_>>(), ["A", "B", "exportA"]);
    }
}
