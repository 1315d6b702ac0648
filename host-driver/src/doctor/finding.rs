//! Findings of checks.

use one_sriov_system::Probe;
use serde::Serialize;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// All is well.
    Ok,
    /// For information.
    Note,
    /// Something will not work as intended.
    Warning,
    /// VMs will not get their VFs.
    Problem,
}

/// One finding of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the check, such as `iommu`.
    pub check: &'static str,
    /// Its severity.
    pub severity: Severity,
    /// One line that names the object.
    pub text: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(check, Severity::Ok, text.into())
    }

    pub(super) fn note(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(check, Severity::Note, text.into())
    }

    pub(super) fn warning(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(check, Severity::Warning, text.into())
    }

    /// A problem that stops VMs from getting VFs.
    pub fn problem(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(check, Severity::Problem, text.into())
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    fn new(check: &'static str, severity: Severity, text: String) -> Self {
        Self {
            check,
            severity,
            text,
            remedy: None,
        }
    }
}

/// Formats items as `'a', 'b' and 3 more`.
pub(super) fn some<T: std::fmt::Display>(items: &[T]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<_> = items
        .iter()
        .take(SHOWN)
        .map(|item| format!("'{item}'"))
        .collect();
    let shown = shown.join(", ");
    match items.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Formats a count as `1 VF` or `2 VFs`.
pub(super) fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// Returns a finding for each read that failed, because the check is incomplete.
pub(super) fn unread(check: &'static str, probe: &Probe<'_>) -> Vec<Finding> {
    let finding = |failure: String| {
        let is_for_root = !nix::unistd::geteuid().is_root();
        let finding = Finding::warning(check, format!("{failure}; this check is incomplete"));
        if is_for_root {
            finding.remedy("run 'one-sriov doctor' as root")
        } else {
            finding
        }
    };
    probe.failures().into_iter().map(finding).collect()
}
