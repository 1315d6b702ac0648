//! Parses other programs' YAML: netplan's files, the configuration of OpenNebula's PCI probe.
//!
//! ```text
//! network: {renderer: &stack "NetworkManager"}     # flow style, quotes, anchors and comments
//! ```
//! Only the first document of a text is read, as by libyaml's `yaml_parser_load` and Ruby's `YAML.load`.
//! Size and depth of a text are limited. An alias shares its node rather than copying it, so memory grows only with the nodes of
//! the text, however often aliases multiply them.

mod load;

use std::rc::Rc;

/// The maximum size of a text in bytes.
pub const MAX_SIZE: usize = 256 * 1024;
/// The maximum depth of nodes.
pub const MAX_DEPTH: usize = 100;

/// A node of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A scalar.
    Scalar {
        /// Its text, without quotes.
        text: String,
        /// Whether it has no quotes, so that `~` and the like are null.
        is_plain: bool,
    },
    /// A sequence.
    Sequence(Vec<Rc<Node>>),
    /// A mapping, its entries in the order of the text.
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
}

/// Why a text cannot be read as YAML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// It is larger than [`MAX_SIZE`].
    #[error("larger than {MAX_SIZE} bytes")]
    TooLarge,
    /// Its nodes are nested deeper than [`MAX_DEPTH`].
    #[error("line {0}: more than {MAX_DEPTH} levels of nodes")]
    TooDeep(usize),
    /// A syntax error. The parser's messages do not contain any of the text.
    #[error("line {line}: {problem}")]
    Grammar {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
}

impl Node {
    /// Reads the first document of a text. Without a document, the result is null.
    pub fn parse(text: &str) -> Result<Rc<Self>, YamlError> {
        if text.len() > MAX_SIZE {
            return Err(YamlError::TooLarge);
        }
        load::first_document(text)
    }

    /// Returns the value of a key of a mapping. If a key occurs twice, the last value wins.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let mut entries = self.entries().rev();
        entries.find_map(|(name, value)| (name == key).then_some(value))
    }

    /// Returns the entries of a mapping whose keys are texts, in order. Other nodes have none.
    #[must_use]
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (&str, &Self)> {
        let entries = match self {
            Self::Mapping(entries) => &entries[..],
            Self::Scalar { .. } | Self::Sequence(_) => &[],
        };
        entries
            .iter()
            .filter_map(|(key, value)| Some((key.text()?, &**value)))
    }

    /// Returns the items of a sequence. Other nodes have none.
    pub fn items(&self) -> impl Iterator<Item = &Self> {
        let items = match self {
            Self::Sequence(items) => &items[..],
            Self::Scalar { .. } | Self::Mapping(_) => &[],
        };
        items.iter().map(Rc::as_ref)
    }

    /// Returns the text of a scalar that is not null.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// Whether it is null in the core schema of YAML.
    #[must_use]
    pub fn is_null(&self) -> bool {
        let is_null = |text: &str| matches!(text, "" | "~" | "null" | "Null" | "NULL");
        matches!(self, Self::Scalar { text, is_plain: true } if is_null(text))
    }
}

#[cfg(test)]
mod tests;
