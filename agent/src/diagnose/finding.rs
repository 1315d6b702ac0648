//! Findings about the machine.

use crate::inventory::listed;

/// A possible cause of a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable code, for programs: `port-state`.
    pub code: &'static str,
    /// Its severity.
    pub severity: Severity,
    /// The network device, if the finding is about one.
    pub device: Option<String>,
    /// What was found, why that is wrong, and what to do, without a full stop.
    pub text: String,
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The cause stops a NIC from working.
    Problem,
    /// The cause may be why a NIC does not work, if it does not.
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
    /// Creates a finding that stops a NIC from working.
    pub(super) fn problem(code: &'static str, text: String) -> Self {
        Self {
            code,
            severity: Severity::Problem,
            device: None,
            text,
        }
    }

    /// Creates a finding that may be why a NIC does not work.
    pub(super) fn warning(code: &'static str, text: String) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::problem(code, text)
        }
    }

    /// Adds the device that the finding is about.
    pub(super) fn of(mut self, device: &str) -> Self {
        self.device = Some(device.to_owned());
        self
    }
}

/// Creates a finding about read errors, which may hide a cause.
pub(super) fn unread(failures: &[String]) -> Option<Finding> {
    if failures.is_empty() {
        return None;
    }
    let text = format!("some causes could not be checked: {}", listed(failures));
    Some(Finding::warning("unread", text))
}
