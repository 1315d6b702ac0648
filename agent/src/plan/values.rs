//! From the text of variables to typed values, each with the variable that it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::context::Context;

/// A value that cannot be used. It costs its NIC, not the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable, for example `ETH1_IP`.
    pub variable: String,
    /// Its value, escaped and cut for printing.
    pub value: String,
    /// What is wrong with it, as the rest of the sentence: `is no IPv4 address`.
    pub reason: String,
}

impl Problem {
    /// A problem with a value as the context holds it.
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

    /// Parses a value, blanks around it left out; `reason` says what it is not.
    pub(super) fn parse<T: FromStr>(variable: &str, value: &[u8], reason: &str) -> Result<T, Self> {
        let text = std::str::from_utf8(value).ok();
        let parsed = text.and_then(|text| text.trim_ascii().parse().ok());
        parsed.ok_or_else(|| Self::new(variable, value, reason))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}' {}", self.variable, self.value, self.reason)
    }
}

/// Where a value came from, for `explain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// What it is: `address`, `gateway`, ...
    pub what: &'static str,
    /// The value that was taken.
    pub value: String,
    /// The variable, or what stood in for it.
    pub from: String,
}

/// The variables of one NIC, looked up in layers: per value, the first layer that sets it wins.
pub(super) struct Values<'a> {
    /// Per layer, the variables by what follows its prefix: `IP` for `ETH1_IP`.
    layers: Vec<BTreeMap<&'a str, Found<'a>>>,
    pub(super) problems: Vec<Problem>,
    pub(super) origins: Vec<Origin>,
}

/// A variable that is set, with its name.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a [u8],
}

impl<'a> Values<'a> {
    /// The values of a NIC whose variables begin with the given prefixes, for example `IB0` and `ETH1`.
    pub(super) fn new(context: &'a Context, layers: &[String]) -> Self {
        let layer = |prefix: &String| {
            let prefix = format!("{prefix}_");
            let set = context
                .starting_with(&prefix)
                .filter(|(_, value)| !value.trim_ascii().is_empty())
                .map(|(name, value)| (&name[prefix.len()..], Found { name, value }));
            set.collect()
        };
        Self {
            layers: layers.iter().map(layer).collect(),
            problems: Vec::new(),
            origins: Vec::new(),
        }
    }

    /// The first of the suffixes that is set, layer by layer.
    pub(super) fn find(&self, suffixes: &[&str]) -> Option<Found<'a>> {
        let places = self
            .layers
            .iter()
            .flat_map(|layer| suffixes.iter().map(move |suffix| layer.get(suffix)));
        places.flatten().next().copied()
    }

    /// A value of one token.
    pub(super) fn one<T>(
        &mut self,
        what: &'static str,
        suffixes: &[&str],
        parse: fn(&str) -> Result<T, String>,
    ) -> Option<T>
    where
        T: fmt::Display,
    {
        let found = self.find(suffixes)?;
        let parsed = text(found.value).and_then(parse);
        self.keep(what, &found, parsed.map(|value| (value.to_string(), value)))
    }

    /// A value that is a list of tokens divided by any of `separators`.
    pub(super) fn list<T>(
        &mut self,
        what: &'static str,
        suffixes: &[&str],
        separators: fn(char) -> bool,
        parse: fn(&str) -> Result<T, String>,
    ) -> Vec<T>
    where
        T: PartialEq + fmt::Display,
    {
        /// More is no configuration but an attack.
        const MOST: usize = 256;
        let Some(found) = self.find(suffixes) else {
            return Vec::new();
        };
        let parsed = text(found.value).and_then(|text| {
            let mut values = Vec::new();
            for token in text
                .split(separators)
                .map(str::trim_ascii)
                .filter(|token| !token.is_empty())
            {
                let value = parse(token)?;
                if !values.contains(&value) {
                    values.push(value);
                }
                if values.len() > MOST {
                    return Err(format!("has more than {MOST} entries"));
                }
            }
            Ok(values)
        });
        let shown = |values: &[T]| {
            values
                .iter()
                .map(T::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let parsed = parsed.map(|values| (shown(&values), values));
        self.keep(what, &found, parsed).unwrap_or_default()
    }

    /// Notes where a value came from, or what is wrong with it.
    pub(super) fn keep<T>(
        &mut self,
        what: &'static str,
        found: &Found,
        parsed: Result<(String, T), String>,
    ) -> Option<T> {
        match parsed {
            Ok((value, parsed)) => {
                self.origins.push(Origin {
                    what,
                    value,
                    from: found.name.to_owned(),
                });
                Some(parsed)
            }
            Err(reason) => {
                self.problems
                    .push(Problem::new(found.name, found.value, reason));
                None
            }
        }
    }
}

/// The text of a value, blanks around it left out.
pub(super) fn text(value: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(value)
        .map(str::trim_ascii)
        .map_err(|_| "is not UTF-8".to_owned())
}
