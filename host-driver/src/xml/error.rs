//! Errors in a document, with their position.

use std::fmt;

use quick_xml::name::QName;

/// A position in a document and what is wrong there: `line 12, column 5: ...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlError {
    line: usize,
    column: usize,
    problem: XmlProblem,
}

impl XmlError {
    pub(crate) fn new(text: &[u8], at: usize, problem: XmlProblem) -> Self {
        let before = &text[..at.min(text.len())];
        let mut lines = before.split(|b| *b == b'\n');
        let last = lines.next_back().unwrap_or_default();
        Self {
            line: lines.count() + 1,
            column: String::from_utf8_lossy(last).chars().count() + 1,
            problem,
        }
    }
}

impl std::error::Error for XmlError {}

impl fmt::Display for XmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: {}",
            self.line, self.column, self.problem
        )
    }
}

/// What is wrong. Names are short and printable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum XmlProblem {
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("there is text outside the domain")]
    TextOutside,
    #[error("document types are not supported")]
    Doctype,
    #[error("'{0}' is not a tag")]
    Tag(String),
    #[error("expected a domain, found '{0}'")]
    Root(String),
    #[error("there is a second domain")]
    SecondRoot,
    #[error("elements are nested too deeply")]
    TooDeep,
    #[error("undefined entity '&{0};'")]
    Reference(String),
    #[error("the XML declaration is not at the start")]
    LateDeclaration,
    #[error("the XML declaration is malformed")]
    Declaration,
    #[error("encoding '{0}' is not supported, only UTF-8")]
    Encoding(String),
    #[error("it ends inside '{0}'")]
    Cut(String),
    #[error("it contains no domain")]
    NoRoot,
    #[error("attribute '{0}' is malformed")]
    Attribute(String),
    #[error("{0}")]
    Syntax(String),
}

impl XmlProblem {
    pub(crate) fn tag_name(name: QName<'_>) -> Self {
        Self::Tag(excerpt(&String::from_utf8_lossy(name.as_ref())))
    }
}

impl From<quick_xml::Error> for XmlProblem {
    fn from(error: quick_xml::Error) -> Self {
        Self::Syntax(excerpt(&error.to_string()))
    }
}

/// Returns the start of a text, for messages.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 80;
    let clean = text.chars().filter(|c| !c.is_control());
    clean.take(LONGEST).collect()
}
