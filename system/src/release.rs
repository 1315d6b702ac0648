//! The source that a program was built from.

/// The commit, from `make`; `None` for a build by `cargo` alone.
pub const COMMIT: Option<&str> = told(option_env!("ONE_SRIOV_COMMIT"));
/// The date of that commit, not of the build, so that builds are reproducible: `2026-11-24`.
pub const DATE: Option<&str> = told(option_env!("ONE_SRIOV_DATE"));

/// Returns both as text: `commit 8d8062d63332 of 2026-11-24`.
#[must_use]
pub fn of_commit() -> Option<String> {
    let (commit, date) = (COMMIT?, DATE?);
    Some(format!("commit {commit} of {date}"))
}

const fn told(value: Option<&'static str>) -> Option<&'static str> {
    match value {
        Some(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}
