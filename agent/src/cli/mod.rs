//! The command line: one file per command, with the same name.

mod activate;
mod apply;
mod clean;
mod cloud_init;
mod error;
mod exit;
mod explain;
mod json;
mod plan;
mod run_state;
mod status;
mod text;
mod version;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use one_sriov_system::logging::{self, Logging};
use one_sriov_system::{Root, open_directory};

use crate::install::{Directories, Lock, LockError};
use error::Failure;
pub use exit::Exit;

/// How many seconds another run of the agent may take, because it waits for late NICs, too.
const LOCK_WAIT: u32 = 30;

/// Configures the network of an OpenNebula guest with SR-IOV NICs.
///
/// Reads the context CD, matches dummy MACs, GUIDs and PCI addresses to devices, and writes the
/// configuration files of the guest's own network stack.
#[derive(Debug, Parser)]
#[command(name = "one-sriov-agent", version, after_help = exit::HELP)]
pub struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    verb: Verb,
}

/// Options of all commands.
#[derive(Debug, Default, Args)]
struct Options {
    /// Work on the machine below DIR instead of the running one.
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Look for NICs in the sysfs tree DIR [default: /sys, or DIR/sys with --root].
    #[arg(long, global = true, value_name = "DIR")]
    sysfs: Option<PathBuf>,
    /// Take the NICs from FILE, the output of 'plan --json' on another machine, instead of sysfs.
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "sysfs")]
    nics: Option<PathBuf>,
    /// Read the context from PATH: an ISO image or device, a directory, or a context.sh.
    #[arg(long, global = true, value_name = "PATH")]
    context: Option<PathBuf>,
    /// Write for this network stack: ifcfg, interfaces, keyfile, netplan or networkd, or one of their dialects.
    #[arg(long, global = true, value_name = "NAME")]
    backend: Option<String>,
    /// Wait at most SECONDS for the CD (while udev is busy) and for NICs that appear late.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 0)]
    wait: u32,
    /// Wait at most SECONDS for another agent on this machine [default: 30; with --activate: 600].
    #[arg(long, global = true, value_name = "SECONDS")]
    lock_wait: Option<u32>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Also log which devices and files are read.
    #[arg(long, short, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write the network configuration.
    Apply(apply::Apply),
    /// Print which variables configure which device, and the resulting files.
    Plan,
    /// Print whether context, files and kernel agree, and why a NIC has no address.
    Status,
    /// Print where each value of a NIC comes from; name it by device, ETH1, IB0, PCI0, position or MAC.
    Explain {
        /// The NIC, for example ib0 or ETH1.
        nic: String,
    },
    /// Remove all files of the agent, before an image is cloned.
    Clean(clean::Clean),
    /// Print the version.
    Version,
}

impl Cli {
    /// Parses the command line of this process. If it is invalid, the process exits with a message.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::parse()
    }

    /// Runs the command. Results are written to `out`; log lines and errors go to [`logging`].
    pub fn run(&self, out: &mut impl Write) -> Exit {
        let options = &self.options;
        logging::start(Logging {
            name: "one-sriov-agent",
            is_live: options.root().is_live(),
            has_stderr: true,
            verbose: options.verbose,
        });
        let result = self.dispatch(out);
        let exit = result
            .and_then(|exit| Ok(out.flush().map(|()| exit)?))
            .unwrap_or_else(|failure| {
                // The reader of the output has closed it and needs no more.
                if failure.is_broken_pipe() {
                    return Exit::Ok;
                }
                if failure.is_for_root() {
                    log::error!("{failure}; run as root");
                } else {
                    log::error!("{failure}");
                }
                failure.exit()
            });
        log::logger().flush();
        exit
    }

    fn dispatch(&self, out: &mut impl Write) -> Result<Exit, Failure> {
        let options = &self.options;
        options.check_root()?;
        match &self.verb {
            Verb::Apply(apply) => apply::run(options, apply, out),
            Verb::Plan => plan::run(options, out),
            Verb::Status => status::run(options, out),
            Verb::Explain { nic } => explain::run(options, nic, out),
            Verb::Clean(clean) => clean::run(options, clean, out),
            Verb::Version => version::run(options, out),
        }
    }
}

impl Options {
    /// Checks the root first, so that an error names it rather than a file below it.
    fn check_root(&self) -> Result<(), Failure> {
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

    fn root(&self) -> Root {
        self.root.as_ref().map_or_else(Root::default, Root::new)
    }

    /// The directories of the machine, for one run.
    fn directories(&self) -> Directories {
        Directories::new(&self.root())
    }

    /// The path of the sysfs tree on the machine where this process runs.
    fn sysfs(&self) -> Result<PathBuf, Failure> {
        let dir = match &self.sysfs {
            Some(dir) => std::path::absolute(dir),
            None => self.root().path("/sys".as_ref()),
        };
        dir.map_err(Failure::Sysfs)
    }

    fn wait(&self) -> Duration {
        Duration::from_secs(self.wait.into())
    }

    /// Takes the lock of the machine; waits at most this many seconds, unless the command line sets the limit.
    fn lock(&self, seconds: u32) -> Result<Lock, LockError> {
        let seconds = self.lock_wait.unwrap_or(seconds);
        Lock::take(&self.root(), Duration::from_secs(seconds.into()))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_lists_every_exit_code() {
        let all = [
            Exit::Ok,
            Exit::Failure,
            Exit::Usage,
            Exit::Context,
            Exit::Partial,
            Exit::Busy,
        ];
        for exit in all {
            assert!(
                exit::HELP.contains(&format!("\n  {}  ", exit as u8)),
                "{exit:?}"
            );
        }
    }
}
