//! Each check on a healthy host, and on one with problems.

#![allow(clippy::unwrap_used)]

mod of_the_driver;
mod of_the_host;

use super::Check;
use crate::fake_host::FakeHost;

/// A healthy host.
fn healthy() -> FakeHost {
    let host = FakeHost::new();
    host.make("sys/class/iommu/dmar0");
    host.make("sys/class/net/sriov_br");
    host.pf("ib0", "0000:81:00", 2);
    host
}

/// The findings of a check, one line each, with the host's paths.
fn find(host: &FakeHost, check: Check) -> Vec<String> {
    let dir = host.dir.path().display().to_string();
    let line = |finding: &super::Finding| {
        assert!(!finding.text.contains('\n'), "{finding:?}");
        format!("{:?}: {}", finding.severity, finding.text).replace(&dir, "")
    };
    check(&host.host()).iter().map(line).collect()
}

/// Asserts that there is exactly one finding, which starts with `beginning`.
#[track_caller]
fn assert_one(found: &[String], beginning: &str) {
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(beginning), "{found:?}");
}

/// Asserts that one of the findings starts with `beginning`.
#[track_caller]
fn assert_some(found: &[String], beginning: &str) {
    let is_one = |line: &String| line.starts_with(beginning);
    assert!(found.iter().any(is_one), "{found:?}");
}
