//! What ends a run early.

use std::io;
use std::path::PathBuf;

use one_sriov_system::netlink::NetlinkError;

use super::Exit;
use crate::config::ConfigError;
use crate::context::grammar::GrammarError;
use crate::context::medium::MediumError;
use crate::detect::DetectError;
use crate::install::{InstallError, LockError};
use crate::inventory::InventoryError;

/// A failure of the whole run. If only one NIC fails, the plan reports it instead.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("failed to open the root '{}': {error}", dir.display())]
    Root { dir: PathBuf, error: io::Error },
    #[error("failed to find the sysfs tree: {0}")]
    Sysfs(io::Error),
    #[error("--activate works only on the running machine, not with --root")]
    ActivateBelowRoot,
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Medium(#[from] MediumError),
    #[error("failed to parse the context from '{0}': {1}")]
    Grammar(String, GrammarError),
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    #[error(transparent)]
    Detect(#[from] DetectError),
    #[error(transparent)]
    Kernel(#[from] NetlinkError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Install(#[from] InstallError),
    #[error("failed to find NIC '{0}'; known NICs: {1}")]
    UnknownNic(String, String),
    #[error("failed to print: {0}")]
    Output(#[from] io::Error),
    #[error("failed to print: {0}")]
    Json(#[from] serde_json::Error),
}

impl Failure {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Medium(_) | Self::Grammar(..) => Exit::Context,
            Self::ActivateBelowRoot => Exit::Usage,
            Self::Detect(error) if error.is_of_command_line() => Exit::Usage,
            Self::Lock(LockError::Held { .. }) => Exit::Busy,
            _ => Exit::Failure,
        }
    }

    /// Whether the failure would not occur for root.
    pub(super) fn is_for_root(&self) -> bool {
        let kind = match self {
            Self::Config(ConfigError::Io(error)) => Some(error.kind()),
            Self::Medium(MediumError::Io { source, .. }) => Some(source.kind()),
            Self::Lock(LockError::Io { cause, .. }) => Some(cause.kind()),
            Self::Lock(LockError::Directory(error)) | Self::Install(error) => Some(error.kind()),
            _ => None,
        };
        kind == Some(io::ErrorKind::PermissionDenied) && !nix::unistd::geteuid().is_root()
    }

    pub(super) fn is_broken_pipe(&self) -> bool {
        let kind = match self {
            Self::Output(error) => Some(error.kind()),
            Self::Json(error) => error.io_error_kind(),
            _ => None,
        };
        kind == Some(io::ErrorKind::BrokenPipe)
    }
}
