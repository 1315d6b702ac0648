//! The command line, with one file per command.

mod doctor;
mod error;
mod exit;
mod import_legacy;
mod leases;
mod owner;
mod pool;
mod probe;
mod reconcile;
mod repair;
mod table;
mod vfs;
mod view;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Parser, Subcommand};
use hwaddr::InterfaceName;
use one_sriov_system::logging::{self, Logging};
use one_sriov_system::release;

use crate::actions;
use crate::host::Host;
use crate::opennebula::VmId;
use error::Failure;
pub use exit::Exit;

/// The directory where OpenNebula installs the actions on every host.
const HOME: &str = "/var/tmp/one/vmm/kvm-sriov";

/// The version in `--version`.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let version = env!("CARGO_PKG_VERSION");
    match release::of_commit() {
        Some(commit) => format!("{version}\n{commit}"),
        None => version.to_owned(),
    }
});

/// Assigns SR-IOV virtual functions (VFs) to the VMs of an OpenNebula host.
///
/// OpenNebula calls 'action' and 'probe'; the other commands are for the operator of the host.
#[derive(Debug, Parser)]
#[command(name = "one-sriov-driver", version, long_version = VERSION.as_str(), after_help = exit::HELP)]
pub struct Cli {
    /// Directory of the driver's actions [default: that of this program, or
    /// /var/tmp/one/vmm/kvm-sriov].
    #[arg(long, global = true, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run a VMM action (called by OpenNebula, not by hand).
    Action {
        /// The action, for example deploy.
        name: String,
        /// Its arguments, as the front-end gave them.
        #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
        arguments: Vec<OsString>,
    },
    /// Print the number of VFs in each pool (total, used, free), for OpenNebula's monitoring.
    Probe,
    /// Print the VFs of each pool and their holders.
    Pool {
        /// Only this pool.
        name: Option<String>,
    },
    /// Print the leases.
    Leases,
    /// Release the VFs of stopped VMs. Every deployment and every monitoring probe does this, too.
    Reconcile {
        /// Only print what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Plug VFs into a running VM that lacks them, because one could not be plugged in or the driver was killed.
    Repair {
        /// The ID of the VM.
        vm: VmId,
    },
    /// Create the VFs of a PF; /etc/one-sriov/vfs/PF has their number. one-sriov-vfs@PF.service does this at boot.
    Vfs {
        /// The network device of the PF.
        pf: InterfaceName,
    },
    /// Check this host for problems that stop VMs from getting VFs. Run as root to check everything.
    Doctor,
    /// Adopt the VFs that the driver of 2013 assigned to running VMs.
    ImportLegacy(import_legacy::ImportArguments),
}

impl Cli {
    /// Runs the command.
    pub fn run(self, out: &mut impl Write) -> ExitCode {
        let home = self.home.clone().unwrap_or_else(home);
        logging::start(Logging {
            name: "one-sriov-driver",
            is_live: std::env::var_os(Host::ROOT_VARIABLE).is_none(),
            // The front-end reads stderr.
            has_stderr: false,
            verbose: false,
        });
        match self.verb {
            Verb::Action { name, arguments } => {
                if let Err(error) = owner::leave_root(&Host::root_dir(), &home) {
                    return fail(&error);
                }
                ExitCode::from(actions::run(&home, &name, &arguments))
            }
            Verb::Probe => {
                probe::run(&home, out);
                Exit::Ok.into()
            }
            verb => match command(&home, &verb, self.json, out) {
                Ok(exit) => exit.into(),
                Err(error) if error.is_broken_pipe() => Exit::Ok.into(),
                Err(error) => fail(&error),
            },
        }
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "one-sriov-driver: {error}");
    Exit::Failure.into()
}

fn command(home: &Path, verb: &Verb, json: bool, out: &mut impl Write) -> Result<Exit, Failure> {
    match verb {
        Verb::Doctor => return doctor::run(home, json, out),
        Verb::Vfs { pf } => return vfs::run(&Host::root_dir(), pf, json, out),
        _ => owner::leave_root(&Host::root_dir(), home)?,
    }
    let host = Host::new(home)?;
    match verb {
        Verb::Pool { name } => pool::run(&host, name.as_deref(), json, out),
        Verb::Leases => leases::run(&host, json, out),
        Verb::Reconcile { dry_run } => reconcile::run(&host, *dry_run, json, out),
        Verb::Repair { vm } => repair::run(&host, *vm, json, out),
        Verb::ImportLegacy(arguments) => import_legacy::run(&host, arguments, json, out),
        Verb::Action { .. } | Verb::Probe | Verb::Doctor | Verb::Vfs { .. } => Ok(Exit::Ok),
    }
}

/// Returns the driver's directory: this program is `<home>/bin/<version>/<architecture>/one-sriov-driver`.
fn home() -> PathBuf {
    let exe = std::env::current_exe().ok();
    let home = exe.as_deref().and_then(|exe| exe.ancestors().nth(4));
    match home {
        Some(home) if home.join("deploy").is_file() => home.to_owned(),
        _ => HOME.into(),
    }
}
