//! Errors of commands.

use std::io;

use super::owner::OwnerError;
use crate::actions::RepairError;
use crate::config::ConfigError;
use crate::lease::{AllocateError, StoreError};
use crate::legacy::ImportError;
use crate::libvirt::LibvirtError;
use crate::opennebula::VmId;
use crate::pool::{ListError, PoolError};
use crate::pool_name::PoolNameError;
use crate::vfs::VfsError;

#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Libvirt(#[from] LibvirtError),
    #[error(transparent)]
    Pool(#[from] PoolError),
    #[error(transparent)]
    PoolName(#[from] PoolNameError),
    #[error(transparent)]
    Choose(#[from] AllocateError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Pools(#[from] ListError),
    #[error(transparent)]
    Owner(#[from] OwnerError),
    #[error(transparent)]
    Vfs(#[from] VfsError),
    #[error(transparent)]
    Repair(#[from] RepairError),
    #[error("failed to repair VM {0}: it does not run on this host")]
    Stopped(VmId),
    #[error("failed to repair VM {0}: another driver process is working on it; try again later")]
    Busy(VmId),
    #[error("failed to print: {0}")]
    Output(#[from] io::Error),
    #[error("failed to print: {0}")]
    Json(#[from] serde_json::Error),
}

impl Failure {
    /// Whether a pool does not exist or has no VFs, rather than VFs that cannot be read.
    pub(super) fn is_no_pool(&self) -> bool {
        match self {
            Self::Pool(error) | Self::Choose(AllocateError::Pool(error)) => error.is_no_pool(),
            _ => false,
        }
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
