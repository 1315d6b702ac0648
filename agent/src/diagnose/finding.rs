//! What a look at the machine has found.

use crate::inventory::listed;

/// A cause of trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A code that stays, for programs: `port-state`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The network device that it is about, if it is about one.
    pub device: Option<String>,
    /// What was found, why that is wrong, and what to do: a sentence without its full stop.
    pub text: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A NIC cannot work with it.
    Problem,
    /// It can be the reason if a NIC does not work.
    Warning,
}

impl Severity {
    /// A stable code, for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Warning => "warning",
        }
    }
}

impl Finding {
    /// A NIC cannot work with this.
    pub(super) fn problem(code: &'static str, text: String) -> Self {
        Self {
            code,
            severity: Severity::Problem,
            device: None,
            text,
        }
    }

    /// This can be the reason if a NIC does not work.
    pub(super) fn warning(code: &'static str, text: String) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::problem(code, text)
        }
    }

    /// The same, about one device.
    pub(super) fn of(mut self, device: &str) -> Self {
        self.device = Some(device.to_owned());
        self
    }
}

/// What could not be read: a cause may be there.
pub(super) fn unread(failures: &[String]) -> Option<Finding> {
    if failures.is_empty() {
        return None;
    }
    let text = format!("some causes could not be checked: {}", listed(failures));
    Some(Finding::warning("unread", text))
}
