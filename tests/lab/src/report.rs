//! The output of a run: a line for each check, and the totals.
//!
//! ```text
//! ok    [ 82 s] ethernet: the guest has the address of its context before its network is online
//! FAIL  [ 95 s] ethernet: a ping goes out through the VF: 100% packet loss
//! 41 passed, 1 failed
//! ```

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

/// The message of a failed check.
#[derive(Debug, Clone)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A failed file operation.
    pub(crate) fn of(what: &str, path: &Path, error: &io::Error) -> Self {
        Self(format!("failed to {what} '{}': {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Fails with a message unless the condition holds.
pub(crate) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds {
        Ok(())
    } else {
        Err(Failure(otherwise()))
    }
}

/// The results so far.
#[derive(Debug)]
pub(crate) struct Report {
    start: Instant,
    group: &'static str,
    /// The number of failed checks before the current group.
    before_group: usize,
    passed: usize,
    failed: Vec<Failed>,
}

#[derive(Debug)]
struct Failed {
    name: String,
    text: String,
}

/// Limits of the summary: the number of failed checks with a message, and characters from the start and end of each message.
const TOLD: usize = 5;
const BEGINNING: usize = 250;
const END: usize = 450;

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            group: "",
            before_group: 0,
            passed: 0,
            failed: Vec::new(),
        }
    }

    /// Returns an empty report of checks that run at the same time.
    pub(crate) fn beside(&self) -> Self {
        Self {
            start: self.start,
            ..Self::new()
        }
    }

    /// Adds the results of another report.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
    }

    /// Starts a group of checks.
    pub(crate) fn group(&mut self, group: &'static str) {
        self.group = group;
        self.before_group = self.failed.len();
    }

    /// Runs a check.
    pub(crate) fn check(
        &mut self,
        name: &str,
        check: impl FnOnce() -> Result<(), Failure>,
    ) -> bool {
        self.note(name, check())
    }

    /// Runs a check and returns its value, which other checks need.
    pub(crate) fn get<T>(
        &mut self,
        name: &str,
        check: impl FnOnce() -> Result<T, Failure>,
    ) -> Option<T> {
        match check() {
            Ok(value) => {
                self.note(name, Ok(()));
                Some(value)
            }
            Err(failure) => {
                self.note(name, Err(failure));
                None
            }
        }
    }

    fn note(&mut self, name: &str, result: Result<(), Failure>) -> bool {
        let time = self.start.elapsed().as_secs();
        let group = self.group;
        match result {
            Ok(()) => {
                self.passed += 1;
                say(&format!("ok    [{time:4} s] {group}: {name}"));
                true
            }
            Err(failure) => {
                let text = failure.to_string();
                let text = text.trim_end().replace('\n', "\n               ");
                say(&format!("FAIL  [{time:4} s] {group}: {name}: {text}"));
                let name = format!("{group}: {name}");
                self.failed.push(Failed { name, text });
                false
            }
        }
    }

    /// The current group, if one of its checks has failed.
    pub(crate) fn failed_group(&self) -> Option<&'static str> {
        (self.failed.len() > self.before_group).then_some(self.group)
    }

    /// The number of failed checks so far.
    pub(crate) fn failures(&self) -> usize {
        self.failed.len()
    }

    /// Prints the failed checks and the totals. Returns whether all checks passed and there was at least one.
    pub(crate) fn close(&self) -> bool {
        let time = self.start.elapsed().as_secs();
        // Repeated for readers who only see the end of the log.
        for (number, Failed { name, text }) in self.failed.iter().enumerate() {
            let why = if number < TOLD {
                shortened(text)
            } else {
                "see above".into()
            };
            say(&format!("failed: {name}: {why}"));
        }
        say(&format!("the lab took {time} s"));
        say(&format!(
            "{} passed, {} failed",
            self.passed,
            self.failed.len()
        ));
        self.failed.is_empty() && self.passed > 0
    }
}

/// The start and the end of a text: the start usually has the expected value, the end the last output.
fn shortened(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= BEGINNING + END {
        return text.to_owned();
    }
    let (beginning, rest) = letters.split_at(BEGINNING);
    let end = &rest[rest.len() - END..];
    format!(
        "{} ... {}",
        String::from_iter(beginning),
        String::from_iter(end)
    )
}

/// Prints a progress line.
pub(crate) fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_shortened_in_the_middle() {
        assert_eq!(shortened("short"), "short");
        let long = format!("first {}last", "\u{e4}".repeat(BEGINNING + END));
        let told = shortened(&long);
        assert!(
            told.starts_with("first ") && told.ends_with("last"),
            "{told}"
        );
        assert_eq!(told.chars().count(), BEGINNING + END + " ... ".len());
    }
}
