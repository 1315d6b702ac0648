//! The command line: one file per command, with the same name.

mod activate;
mod apply;
mod clean;
mod cloud_init;
mod error;
mod exit;
mod explain;
mod json;
mod options;
mod plan;
mod run_state;
mod status;
mod text;
mod version;

use std::ffi::OsString;
use std::io::Write;

use clap::{Parser, Subcommand};
use one_sriov_system::logging::{self, Logging};

use error::Failure;
pub use exit::Exit;
use options::Options;

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

#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Verb {
    /// Write the network configuration.
    Apply {
        #[command(flatten)]
        apply: apply::Apply,
        #[command(flatten)]
        options: Options,
    },
    /// Print which variables configure which device, and the resulting files.
    Plan {
        #[command(flatten)]
        options: Options,
    },
    /// Print whether context, files and kernel agree, and why a NIC has no address.
    Status {
        #[command(flatten)]
        options: Options,
    },
    /// Print where each value of a NIC comes from; name it by device, ETH1, IB0, PCI0, position or MAC.
    Explain {
        /// The NIC, for example ib0 or ETH1.
        nic: String,
        #[command(flatten)]
        options: Options,
    },
    /// Remove all files of the agent, before an image is cloned.
    Clean {
        #[command(flatten)]
        clean: clean::Clean,
        #[command(flatten)]
        options: Options,
    },
    /// Print the version.
    Version {
        #[command(flatten)]
        options: Options,
    },
}

impl Verb {
    fn options_mut(&mut self) -> &mut Options {
        match self {
            Self::Apply { options, .. }
            | Self::Plan { options }
            | Self::Status { options }
            | Self::Explain { options, .. }
            | Self::Clean { options, .. }
            | Self::Version { options } => options,
        }
    }
}

impl Cli {
    /// Parses the command line of this process. If it is invalid, the process exits with a message.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::of(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    fn of(command_line: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut cli = Self::try_parse_from(command_line)?;
        let after = std::mem::take(cli.verb.options_mut());
        cli.options = after.or(cli.options);
        Ok(cli)
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
            Verb::Apply { apply, .. } => apply::run(options, apply, out),
            Verb::Plan { .. } => plan::run(options, out),
            Verb::Status { .. } => status::run(options, out),
            Verb::Explain { nic, .. } => explain::run(options, nic, out),
            Verb::Clean { clean, .. } => clean::run(options, clean, out),
            Verb::Version { .. } => version::run(options, out),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used)]

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_option_may_be_before_or_after_the_command() {
        let parse = |line: &str| Cli::of(line.split(' ').map(OsString::from)).expect("valid");
        let table = [
            "agent --json --wait 5 --lock-wait 6 --root /a --sysfs /b --context /c --backend d apply",
            "agent --json --wait 7 --root /a --backend d apply --wait 5 --lock-wait 6 --sysfs /b --context /c",
            "agent apply --json --wait 5 --lock-wait 6 --root /a --sysfs /b --context /c --backend d",
            "agent --root /z --json apply --json --wait 5 --lock-wait 6 --root /a --sysfs /b --context /c --backend d",
        ];
        let expected = format!("{:?}", parse(table[0]).options);
        assert!(expected.contains("wait: Some(5)"), "{expected}");
        for line in table {
            assert_eq!(format!("{:?}", parse(line).options), expected, "{line}");
        }
        let options = parse("agent --nics /a -v explain ib0").options;
        assert_eq!(options.nics.as_deref(), Some("/a".as_ref()));
        assert!(options.verbose && !options.json);
    }

    #[test]
    fn every_command_keeps_its_description() {
        let mut command = Cli::command();
        let listed = |command: &clap::Command| -> Vec<String> {
            let commands = command.get_subcommands();
            commands
                .map(|command| format!("{:?}", command.get_about()))
                .collect()
        };
        let before = listed(&command);
        command.build();
        assert_eq!(listed(&command)[..before.len()], before);
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
