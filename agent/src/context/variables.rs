//! The variables of a context.

use std::ops::Bound;

use super::grammar::{self, GrammarError, Quotes, Variables};

/// The variables of a context. Empty values count as unset: OpenNebula writes every variable that it knows, even without a
/// value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    variables: Variables,
    quotes: Quotes,
}

impl Context {
    /// Reads the text of a `context.sh`.
    ///
    /// # Errors
    /// [`GrammarError`] if the text contains anything but assignments.
    pub fn parse(text: &[u8]) -> Result<Self, GrammarError> {
        let (mut variables, quotes) = grammar::parse_with_quotes(text)?;
        variables.retain(|_, value| !value.is_empty());
        Ok(Self { variables, quotes })
    }

    /// Whether OpenNebula 4.0 wrote the context: only that release puts double quotes around values.
    #[must_use]
    pub fn is_of_opennebula_4_0(&self) -> bool {
        self.quotes == Quotes::Double
    }

    /// The value of a variable, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.variables.get(name).map(Vec::as_slice)
    }

    /// The variables whose names begin with `prefix`, sorted.
    pub fn starting_with(&self, prefix: &str) -> impl Iterator<Item = (&str, &[u8])> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        self.variables
            .range::<str, _>(from)
            .take_while(move |(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// All variables, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// How many variables are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.variables.len()
    }

    /// Whether no variable is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty()
    }
}
