//! The settings of one file, and the forms of their values.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Assignments, ConfigError, Value};

/// One file and its assignments.
pub(super) struct SettingSource<'a> {
    path: &'a Path,
    pub(super) assignments: &'a Assignments,
    /// The names that were asked for.
    pub(super) names: RefCell<BTreeSet<&'static str>>,
}

impl<'a> SettingSource<'a> {
    pub(super) fn new(path: &'a Path, assignments: &'a Assignments) -> Self {
        Self {
            path,
            assignments,
            names: RefCell::default(),
        }
    }

    /// Sets a value if the file has one of that name, and returns whether it does.
    pub(super) fn set<T>(
        &self,
        name: &'static str,
        value: &mut T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<bool, ConfigError> {
        self.names.borrow_mut().insert(name);
        self.read(name, value, parse)
    }

    pub(super) fn read<T>(
        &self,
        name: &str,
        value: &mut T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<bool, ConfigError> {
        let Some((line, text)) = text_of(self.path, self.assignments, name)? else {
            return Ok(false);
        };
        *value = parse(text).map_err(|what| ConfigError::Value {
            path: self.path.to_owned(),
            line,
            name: name.to_owned(),
            what: format!("invalid value '{}': {what}", text.escape_debug()),
        })?;
        Ok(true)
    }
}

pub(super) fn text_of<'a>(
    path: &Path,
    assignments: &'a Assignments,
    name: &str,
) -> Result<Option<(usize, &'a str)>, ConfigError> {
    match assignments.get(name) {
        None => Ok(None),
        Some((line, Value::Plain(text))) => Ok(Some((line, text))),
        Some((line, Value::Computed)) => Err(ConfigError::Value {
            path: path.to_owned(),
            line,
            name: name.to_owned(),
            what: "the value must be plain text, because this file is not run by a shell".into(),
        }),
    }
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u32>() {
        Ok(seconds) => Ok(Duration::from_secs(u64::from(seconds))),
        Err(_) => Err("expected a number of seconds".into()),
    }
}

/// Seconds of a limit without which nothing would work.
pub(super) fn some_seconds(text: &str) -> Result<Duration, String> {
    let time = seconds(text)?;
    if time.is_zero() {
        return Err("expected at least 1 second".into());
    }
    Ok(time)
}

pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("expected yes or no".into()),
    }
}

pub(super) fn directory(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    if path.is_absolute() {
        Ok(path.to_owned())
    } else {
        Err("expected an absolute path".into())
    }
}

/// Parses the name of a kernel or Open vSwitch bridge.
pub(super) fn bridge(text: &str) -> Result<String, String> {
    let name: hwaddr::InterfaceName = text.parse().map_err(|error| format!("{error}"))?;
    Ok(name.to_string())
}
