//! The options that all commands have.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use one_sriov_system::{Root, open_directory};

use super::error::Failure;
use crate::install::{Directories, Lock, LockError};

// Options of all commands; each may be before or after the command. clap would copy `global` options into every command, and
// their values back: a quarter of the instructions of a run with one NIC. So each command has options of its own, which are
// built only for the command that runs, and `Options::or` combines the two.
// Not a doc comment, because clap would print it as the description of every command.
#[derive(Debug, Default, Args)]
// In the help, numbered as if the command had no arguments of its own.
#[command(next_display_order = 0)]
pub(super) struct Options {
    /// Work on the machine below DIR instead of the running one.
    #[arg(long, value_name = "DIR")]
    pub(super) root: Option<PathBuf>,
    /// Look for NICs in the sysfs tree DIR [default: /sys, or DIR/sys with --root].
    #[arg(long, value_name = "DIR")]
    pub(super) sysfs: Option<PathBuf>,
    /// Take the NICs from FILE, the output of 'plan --json' on another machine, instead of sysfs.
    #[arg(long, value_name = "FILE", conflicts_with = "sysfs")]
    pub(super) nics: Option<PathBuf>,
    /// Read the context from PATH: an ISO image or device, a directory, or a context.sh.
    #[arg(long, value_name = "PATH")]
    pub(super) context: Option<PathBuf>,
    /// Write for this network stack: ifcfg, interfaces, keyfile, netplan or networkd, or one of their dialects.
    #[arg(long, value_name = "NAME")]
    pub(super) backend: Option<String>,
    /// Wait at most SECONDS for the CD (while udev is busy) and for NICs that appear late [default: 0].
    #[arg(long, value_name = "SECONDS")]
    pub(super) wait: Option<u32>,
    /// Wait at most SECONDS for another agent on this machine [default: 30; with --activate: 600].
    #[arg(long, value_name = "SECONDS")]
    pub(super) lock_wait: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// Also log which devices and files are read.
    #[arg(long, short)]
    pub(super) verbose: bool,
}

impl Options {
    /// Returns these options, which came after the command; those that are not given are taken from `before` it.
    pub(super) fn or(self, before: Self) -> Self {
        Self {
            root: self.root.or(before.root),
            sysfs: self.sysfs.or(before.sysfs),
            nics: self.nics.or(before.nics),
            context: self.context.or(before.context),
            backend: self.backend.or(before.backend),
            wait: self.wait.or(before.wait),
            lock_wait: self.lock_wait.or(before.lock_wait),
            json: self.json || before.json,
            verbose: self.verbose || before.verbose,
        }
    }

    /// Checks the root first, so that an error names it rather than a file below it.
    pub(super) fn check_root(&self) -> Result<(), Failure> {
        match &self.root {
            Some(dir) => open_directory(dir)
                .map(drop)
                .map_err(|error| Failure::Root {
                    dir: dir.clone(),
                    error,
                }),
            None => Ok(()),
        }
    }

    pub(super) fn root(&self) -> Root {
        self.root.as_ref().map_or_else(Root::default, Root::new)
    }

    /// The directories of the machine, for one run.
    pub(super) fn directories(&self) -> Directories {
        Directories::new(&self.root())
    }

    /// The path of the sysfs tree on the machine where this process runs.
    pub(super) fn sysfs(&self) -> Result<PathBuf, Failure> {
        let dir = match &self.sysfs {
            Some(dir) => std::path::absolute(dir),
            None => self.root().path("/sys".as_ref()),
        };
        dir.map_err(Failure::Sysfs)
    }

    pub(super) fn wait(&self) -> Duration {
        Duration::from_secs(self.wait.unwrap_or_default().into())
    }

    /// Takes the lock of the machine; waits at most this many seconds, unless the command line sets the limit.
    pub(super) fn lock(&self, seconds: u32) -> Result<Lock, LockError> {
        let seconds = self.lock_wait.unwrap_or(seconds);
        Lock::take(&self.root(), Duration::from_secs(seconds.into()))
    }
}
