//! Why a program gave no answer.

use std::io;
use std::time::Duration;

use crate::plain::plain;

/// What went wrong with a program, apart from the program's own exit status.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// No directory of `PATH` has it. It did not run.
    #[error("failed to run '{program}': not found in PATH")]
    NotFound {
        /// Its name.
        program: String,
    },
    /// It is there, but does not start: not executable, no program, an interpreter that is not
    /// there. It did not run.
    #[error("failed to run '{program}': {cause}", cause = plain(cause))]
    Start {
        /// Its name.
        program: String,
        /// What the kernel said.
        cause: io::Error,
    },
    /// Its standard input cannot be kept anywhere. It did not run.
    #[error("failed to run '{program}': failed to store its input: {cause}", cause = plain(cause))]
    Input {
        /// Its name.
        program: String,
        /// What the kernel said.
        cause: io::Error,
    },
    /// It was killed, because it took too long.
    #[error("failed to run '{program}': no answer within {secs} s", secs = limit.as_secs_f64())]
    TimedOut {
        /// Its name.
        program: String,
        /// So long it had.
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
