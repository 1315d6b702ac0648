//! Which source a program was built from.

/// The commit, as `make` found it; none for a build by `cargo` alone, or from an archive of the source.
pub const COMMIT: Option<&str> = told(option_env!("ONE_SRIOV_COMMIT"));
/// The day of that commit (and not of the build, so that two builds are the same): `2026-11-24`.
pub const DATE: Option<&str> = told(option_env!("ONE_SRIOV_DATE"));

const fn told(value: Option<&'static str>) -> Option<&'static str> {
    match value {
        Some(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}
