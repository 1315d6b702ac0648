//! The agent's own configuration, `/etc/one-sriov/agent.conf`. All of it is optional.
//!
//! ```text
//! # first octet of dummy MACs, as DUMMY_MAC_PREFIX on the hosts
//! prefix = AA
//! role = whole          # or companion; the default with the network scripts of one-context
//! backend = ifcfg
//! unlabelled_context = yes   # OpenNebula 4.0: its CD has no label
//! address_from_mac = no # or yes; the default in contexts before OpenNebula 4.14
//! ```

use std::io;
use std::path::Path;

use hwaddr::DummyPrefix;
use one_sriov_system::Root;

use crate::plan::Role;

/// The path of the configuration file.
pub const PATH: &str = "/etc/one-sriov/agent.conf";

/// The settings in `agent.conf`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// First octet of dummy MACs.
    pub prefix: DummyPrefix,
    /// Which NICs the agent configures; by default those that no other program configures.
    pub role: Option<Role>,
    /// The network stack to write files for; detected if `None`.
    pub backend: Option<String>,
    /// Whether a CD without a label counts as a context: OpenNebula 4.0 sets none.
    pub unlabelled_context: bool,
    /// Whether a plain NIC that no variable describes gets the address that its MAC encodes; by default only in contexts before
    /// OpenNebula 4.14.
    pub decodes_macs: Option<bool>,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("failed to read '{PATH}': {0}")]
    Io(#[from] io::Error),
    /// A line is wrong.
    #[error("failed to read '{PATH}': line {line}: {problem}")]
    Line {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
}

impl Config {
    /// Reads the configuration of a machine; if the file does not exist, the defaults apply.
    ///
    /// # Errors
    /// [`ConfigError`] if the file exists but cannot be read or parsed.
    pub fn load(root: &Root) -> Result<Self, ConfigError> {
        match root.read_to_string(Path::new(PATH)) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                config.set(line).map_err(|problem| ConfigError::Line {
                    line: index + 1,
                    problem,
                })?;
            }
        }
        Ok(config)
    }

    fn set(&mut self, line: &str) -> Result<(), String> {
        let (key, value) = line.split_once('=').ok_or("expected 'key = value'")?;
        let key = key.trim();
        match (key, value.trim().trim_matches('"')) {
            ("prefix", value) => self.prefix = value.parse().map_err(|error| format!("{error}"))?,
            ("role", "whole") => self.role = Some(Role::Whole),
            ("role", "companion") => self.role = Some(Role::Companion),
            ("role", _) => return Err("role is neither 'whole' nor 'companion'".into()),
            ("address_from_mac", value) => self.decodes_macs = Some(yes_or_no(key, value)?),
            ("backend", "") => self.backend = None,
            ("backend", value) => self.backend = Some(value.to_owned()),
            ("unlabelled_context", value) => self.unlabelled_context = yes_or_no(key, value)?,
            (key, _) => return Err(format!("unknown key '{}'", key.escape_debug())),
        }
        Ok(())
    }
}

fn yes_or_no(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("{key} is neither 'yes' nor 'no'")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn keys_are_read_and_comments_ignored() {
        let config =
            Config::parse("# c\n\nprefix = a6 # old\nrole=companion\nbackend = \"ifcfg-nm\"\nunlabelled_context = yes\naddress_from_mac = no\n")
                .unwrap();
        let expected = Config {
            prefix: "a6".parse().unwrap(),
            role: Some(Role::Companion),
            backend: Some("ifcfg-nm".into()),
            unlabelled_context: true,
            decodes_macs: Some(false),
        };
        assert_eq!(config, expected);
        assert_eq!(Config::parse("").unwrap(), Config::default());
    }

    #[test]
    fn a_wrong_line_is_named() {
        let table = [
            ("prefix = 02", "line 1: "),
            (
                "role = both",
                "line 1: role is neither 'whole' nor 'companion'",
            ),
            (
                "address_from_mac = maybe",
                "line 1: address_from_mac is neither 'yes' nor 'no'",
            ),
            (
                "unlabelled_context = maybe",
                "line 1: unlabelled_context is neither 'yes' nor 'no'",
            ),
            ("\nprefx = AA", "line 2: unknown key 'prefx'"),
            ("whole", "line 1: expected 'key = value'"),
        ];
        for (text, expected) in table {
            let error = Config::parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!(
                    "failed to read '/etc/one-sriov/agent.conf': {expected}"
                )),
                "{error}"
            );
        }
    }
}
