//! Why a program could not be run.

use std::io;
use std::time::Duration;

use crate::plain::plain;

/// Why a program could not be run. A program that ran and failed is not an error here.
#[derive(Debug, thiserror::Error)]
#[error("failed to {} '{program}': {kind}", .kind.verb())]
pub struct ProcessError {
    /// Its name.
    pub program: String,
    /// What went wrong.
    pub kind: ProcessErrorKind,
}

/// What went wrong with a program.
#[derive(Debug, thiserror::Error)]
pub enum ProcessErrorKind {
    /// It is not in `PATH`.
    #[error("not found in PATH")]
    NotFound,
    /// It exists but does not start: it is not executable, or its interpreter is missing.
    #[error("{}", plain(.0))]
    Start(io::Error),
    /// Its standard input cannot be stored, so it did not run.
    #[error("failed to store its input: {}", plain(.0))]
    Input(io::Error),
    /// It was killed at this time limit.
    #[error("no answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// It ran, but its exit status is unknown.
    #[error("{}", plain(.0))]
    Lost(io::Error),
}

impl ProcessErrorKind {
    fn verb(&self) -> &'static str {
        match self {
            Self::Lost(_) => "wait for",
            _ => "run",
        }
    }
}

impl ProcessError {
    /// Whether the program was started.
    #[must_use]
    pub fn has_run(&self) -> bool {
        matches!(
            self.kind,
            ProcessErrorKind::TimedOut(_) | ProcessErrorKind::Lost(_)
        )
    }
}
