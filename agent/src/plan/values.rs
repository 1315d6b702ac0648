//! Reads typed values from the text of variables, and records which variable each value came from.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::context::Context;

/// A value that cannot be used.
///
/// If the addresses need the value, the NIC is not configured; otherwise, the value is ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadValue {
    /// The variable, for example `ETH1_IP`.
    pub variable: String,
    /// Its value, escaped and truncated.
    pub value: String,
    /// What is wrong, as the end of a sentence: `is not an IPv4 address`.
    pub reason: String,
}

impl BadValue {
    pub(super) fn new(variable: &str, value: &[u8], reason: impl Into<String>) -> Self {
        const SHOWN: usize = 64;
        let text = String::from_utf8_lossy(value.get(..SHOWN * 4).unwrap_or(value));
        let mut shown: String = text.escape_debug().take(SHOWN).collect();
        if shown.len() < value.len() && value.len() > SHOWN {
            shown.push_str("...");
        }
        Self {
            variable: variable.to_owned(),
            value: shown,
            reason: reason.into(),
        }
    }

    /// Parses a value without surrounding blanks; `reason` is used for the error.
    pub(super) fn parse<T: FromStr>(variable: &str, value: &[u8], reason: &str) -> Result<T, Self> {
        let text = std::str::from_utf8(value).ok();
        let parsed = text.and_then(|text| text.trim_ascii().parse().ok());
        parsed.ok_or_else(|| Self::new(variable, value, reason))
    }
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}' {}", self.variable, self.value, self.reason)
    }
}

/// Where a value came from, for `explain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The kind of value: `address`, `gateway`, ...
    pub what: &'static str,
    /// The value.
    pub value: String,
    /// The variable or other source.
    pub from: String,
}

impl Origin {
    pub(super) fn new(what: &'static str, value: String, from: &str) -> Self {
        Self {
            what,
            value,
            from: from.to_owned(),
        }
    }
}

/// The variables of one NIC, in layers: for each value, the first layer that sets it wins.
pub(super) struct Values<'a> {
    /// For each layer, the variables by their suffix: `IP` for `ETH1_IP`.
    layers: Vec<BTreeMap<&'a str, FoundValue<'a>>>,
    /// Bad values that the addresses need: a single one stops the NIC from being configured.
    pub(super) problems: Vec<BadValue>,
    /// Bad values that are ignored.
    pub(super) left_out: Vec<BadValue>,
    pub(super) origins: Vec<Origin>,
    /// Notes about values that are used.
    pub(super) notes: Vec<String>,
}

/// A variable that is set, with its name.
#[derive(Clone, Copy)]
pub(super) struct FoundValue<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a [u8],
}

impl<'a> Values<'a> {
    /// The values of a NIC with these prefixes, for example `IB0` and `ETH1`.
    pub(super) fn new(context: &'a Context, layers: &[String]) -> Self {
        let layer = |prefix: &String| {
            let prefix = format!("{prefix}_");
            let set = context
                .starting_with(&prefix)
                .filter(|(_, value)| !value.trim_ascii().is_empty())
                .map(|(name, value)| (&name[prefix.len()..], FoundValue { name, value }));
            set.collect()
        };
        Self {
            layers: layers.iter().map(layer).collect(),
            problems: Vec::new(),
            left_out: Vec::new(),
            origins: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Returns the first of the suffixes that is set, layer by layer.
    pub(super) fn find(&self, suffixes: &[&str]) -> Option<FoundValue<'a>> {
        let places = self
            .layers
            .iter()
            .flat_map(|layer| suffixes.iter().map(move |suffix| layer.get(suffix)));
        places.flatten().next().copied()
    }

    /// Reads a single token that the addresses need.
    pub(super) fn needed<T: fmt::Display>(
        &mut self,
        what: &'static str,
        suffixes: &[&str],
        parse: fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let found = self.find(suffixes)?;
        match parsed(&found, parse) {
            Ok(value) => Some(self.keep(what, &found, value)),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    /// Reads a keyword, in upper or lower case, that the addresses need.
    pub(super) fn needed_one_of<'m>(
        &mut self,
        what: &'static str,
        suffixes: &[&str],
        known: &[&'m str],
    ) -> Option<&'m str> {
        let found = self.find(suffixes)?;
        let word = parsed(&found, |text| {
            let mut known_words = known.iter();
            let word = known_words.find(|word| word.eq_ignore_ascii_case(text));
            word.copied()
                .ok_or_else(|| format!("is not one of {}", known.join(", ")))
        });
        match word {
            Ok(word) => Some(self.keep(what, &found, word)),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    /// Reads a single token; a bad one is ignored.
    pub(super) fn extra<T: fmt::Display>(
        &mut self,
        what: &'static str,
        suffixes: &[&str],
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let found = self.find(suffixes)?;
        match parsed(&found, parse) {
            Ok(value) => Some(self.keep(what, &found, value)),
            Err(problem) => {
                self.left_out.push(problem);
                None
            }
        }
    }

    /// Reads a list of tokens; bad ones are ignored.
    pub(super) fn extras<T>(
        &mut self,
        what: &'static str,
        suffixes: &[&str],
        separators: fn(char) -> bool,
        parse: impl FnMut(&str) -> Result<Vec<T>, String>,
    ) -> Vec<T>
    where
        T: PartialEq + fmt::Display,
    {
        let Some(found) = self.find(suffixes) else {
            return Vec::new();
        };
        let (values, problems) = list(&found, separators, parse);
        self.left_out.extend(problems);
        if !values.is_empty() {
            let words: Vec<String> = values.iter().map(T::to_string).collect();
            self.origins
                .push(Origin::new(what, words.join(", "), found.name));
        }
        values
    }

    /// Records the origin of a value.
    fn keep<T: fmt::Display>(&mut self, what: &'static str, found: &FoundValue, value: T) -> T {
        self.origins
            .push(Origin::new(what, value.to_string(), found.name));
        value
    }
}

/// Parses a variable's value as one token.
fn parsed<T>(
    found: &FoundValue,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, BadValue> {
    text(found.value)
        .and_then(parse)
        .map_err(|reason| BadValue::new(found.name, found.value, reason))
}

/// Parses a list; returns the tokens without duplicates, and the bad ones.
pub(super) fn list<T: PartialEq>(
    found: &FoundValue,
    separators: fn(char) -> bool,
    mut parse: impl FnMut(&str) -> Result<Vec<T>, String>,
) -> (Vec<T>, Vec<BadValue>) {
    /// A longer list is an attack, not a configuration.
    const MOST: usize = 256;
    let text = match text(found.value) {
        Ok(text) => text,
        Err(reason) => {
            return (
                Vec::new(),
                vec![BadValue::new(found.name, found.value, reason)],
            );
        }
    };
    let (mut values, mut problems) = (Vec::new(), Vec::new());
    let tokens = text.split(separators).map(str::trim_ascii);
    for (index, token) in tokens.filter(|token| !token.is_empty()).enumerate() {
        if index >= MOST || values.len() >= MOST {
            let reason = format!("is beyond the first {MOST} entries");
            problems.push(BadValue::new(found.name, token.as_bytes(), reason));
            break;
        }
        match parse(token) {
            Ok(parsed) => {
                for value in parsed {
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
            }
            Err(reason) => problems.push(BadValue::new(found.name, token.as_bytes(), reason)),
        }
    }
    (values, problems)
}

/// Returns the text of a value without surrounding blanks.
pub(super) fn text(value: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(value)
        .map(str::trim_ascii)
        .map_err(|_| "is not UTF-8".to_owned())
}
