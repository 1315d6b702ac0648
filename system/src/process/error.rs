//! Why a program could not be run.

use std::io;
use std::time::Duration;

use crate::plain::plain;

/// Why a program could not be run. A program that ran and failed is not an error here.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It is not in `PATH`.
    #[error("failed to run '{program}': not found in PATH")]
    NotFound {
        /// Its name.
        program: String,
    },
    /// It exists but does not start: it is not executable, or its interpreter is missing.
    #[error("failed to run '{program}': {cause}", cause = plain(cause))]
    Start {
        /// Its name.
        program: String,
        /// What the kernel said.
        cause: io::Error,
    },
    /// Its standard input cannot be stored, so it did not run.
    #[error("failed to run '{program}': failed to store its input: {cause}", cause = plain(cause))]
    Input {
        /// Its name.
        program: String,
        /// What the kernel said.
        cause: io::Error,
    },
    /// It took too long and was killed.
    #[error("failed to run '{program}': no answer within {secs} s", secs = limit.as_secs_f64())]
    TimedOut {
        /// Its name.
        program: String,
        /// Its time limit.
        limit: Duration,
    },
    /// It ran, but its exit status is unknown.
    #[error("failed to wait for '{program}': {cause}", cause = plain(cause))]
    Lost {
        /// Its name.
        program: String,
        /// What the kernel said.
        cause: io::Error,
    },
}

impl ProcessError {
    /// Whether the program was started.
    #[must_use]
    pub fn has_run(&self) -> bool {
        match self {
            Self::NotFound { .. } | Self::Start { .. } | Self::Input { .. } => false,
            Self::TimedOut { .. } | Self::Lost { .. } => true,
        }
    }
}
