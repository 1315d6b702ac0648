//! Findings about the machine.

use crate::inventory::listed;

/// A possible cause of a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable code, for programs: `port-state`.
    pub code: &'static str,
    /// Its severity.
    pub severity: Severity,
    /// The network device, if it concerns one.
    pub device: Option<String>,
    /// What was found, why that is wrong, and what to do, without a full stop.
    pub text: String,
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It stops a NIC from working.
    Problem,
    /// It may be the reason if a NIC does not work.
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
    /// A finding that stops a NIC from working.
    pub(super) fn problem(code: &'static str, text: String) -> Self {
        Self {
            code,
            severity: Severity::Problem,
            device: None,
            text,
        }
    }

    /// A finding that may be the reason if a NIC does not work.
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

/// A finding about read errors, which may hide a cause.
pub(super) fn unread(failures: &[String]) -> Option<Finding> {
    if failures.is_empty() {
        return None;
    }
    let text = format!("some causes could not be checked: {}", listed(failures));
    Some(Finding::warning("unread", text))
}
