//! Generates the man pages from the definitions of the command lines.

use std::io::{self, Write};

use clap::{Arg, Command, CommandFactory};
use clap_mangen::Man;
use roff::{Inline, Roff, bold, italic, roman};

/// The line in `--help` that introduces the exit codes.
const EXIT_CODES: &str = "Exit codes:";

/// A file, and its purpose.
type FileOf = (&'static str, &'static str);

const AGENT_FILES: [FileOf; 3] = [
    (
        one_sriov_agent::config::PATH,
        "Settings of the agent, all optional, for example prefix, role and backend.",
    ),
    (
        "/dev/disk/by-label/CONTEXT",
        "The context CD, if it is on a disk; CD drives are read first.",
    ),
    ("/context/context.sh", "A context inside the image."),
];

const DRIVER_FILES: [FileOf; 4] = [
    (
        "/var/tmp/one/vmm/kvm-sriov",
        "The actions that OpenNebula calls, and their files, copied from the front-end.",
    ),
    (
        "kvmrc",
        "Settings of the driver, all optional: beside the actions, and in /etc/one-sriov for this host only.",
    ),
    (
        "vf_maps/POOL",
        "The VFs of a pool; without it the pool has all VFs of the network device POOL.",
    ),
    ("/run/one-sriov", "The leases: which VM has which VF."),
];

/// A man page in section 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// `one-sriov-agent(8)`
    Agent,
    /// `one-sriov-driver(8)`
    Driver,
}

impl Page {
    /// All pages.
    pub const ALL: [Self; 2] = [Self::Agent, Self::Driver];

    /// The name of the command.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "one-sriov-agent",
            Self::Driver => "one-sriov-driver",
        }
    }

    /// Related hand-written pages: name and section.
    const fn others(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Agent => &[
                ("one-sriov-agent.conf", "(5)"),
                ("one-sriov-variables", "(7)"),
            ],
            Self::Driver => &[("one-sriov-kvmrc", "(5)")],
        }
    }

    /// Renders the page, without a date, so that the result is reproducible.
    pub fn render(self) -> io::Result<Vec<u8>> {
        let (mut command, table) = match self {
            Self::Agent => (one_sriov_agent::cli::Cli::command(), &AGENT_FILES[..]),
            Self::Driver => (one_sriov_driver::cli::Cli::command(), &DRIVER_FILES[..]),
        };
        command.build();
        let man = Man::new(command.clone()).section("8").manual("one-sriov");
        let mut page = Vec::new();
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        commands(&command).to_writer(&mut page)?;
        man.render_options_section(&mut page)?;
        exit_status(&command)?.to_writer(&mut page)?;
        files(table).to_writer(&mut page)?;
        see_also(self.others()).to_writer(&mut page)?;
        page.flush()?;
        Ok(page)
    }
}

/// Describes all commands on one page, because each is too small for its own.
fn commands(agent: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for command in agent
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
    {
        let mut head = vec![bold(command.get_name())];
        let own: Vec<&Arg> = command
            .get_arguments()
            .filter(|argument| is_own(agent, argument))
            .collect();
        for argument in &own {
            let (open, close) = if argument.is_required_set() {
                (" ", "")
            } else {
                (" [", "]")
            };
            head.extend([roman(open), usage(argument), roman(close)]);
        }
        roff.control("TP", []);
        roff.text(head);
        roff.text([roman(about(command))]);
        for argument in &own {
            roff.control("IP", []);
            roff.text([usage(argument), roman(format!(": {}", help(argument)))]);
        }
    }
    roff
}

/// Whether an argument belongs to a single command, not to all of them.
fn is_own(agent: &Command, argument: &Arg) -> bool {
    !["help", "version"].contains(&argument.get_id().as_str())
        && !agent
            .get_arguments()
            .any(|of_all| of_all.get_id() == argument.get_id())
}

fn usage(argument: &Arg) -> Inline {
    match argument.get_long() {
        Some(long) => bold(format!("--{long}")),
        None => italic(argument.get_id().as_str().to_uppercase()),
    }
}

fn help(argument: &Arg) -> String {
    argument
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn about(command: &Command) -> String {
    let about = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    if about.ends_with('.') {
        about
    } else {
        about + "."
    }
}

/// Renders the exit codes of `--help` as a section.
fn exit_status(agent: &Command) -> io::Result<Roff> {
    let help = agent
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let codes = help
        .strip_prefix(EXIT_CODES)
        .ok_or_else(|| io::Error::other(format!("--help does not end in '{EXIT_CODES}'")))?;
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for line in codes.lines().filter(|line| !line.is_empty()) {
        if let Some((code, meaning)) = line.trim().split_once("  ") {
            roff.control("TP", []);
            roff.text([bold(code)]);
            roff.text([roman(meaning)]);
        } else {
            // The text that applies to all codes.
            roff.control("PP", []);
            roff.text([roman(line)]);
        }
    }
    Ok(roff)
}

fn files(table: &[FileOf]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["FILES"]);
    for (path, what) in table {
        roff.control("TP", []);
        roff.text([italic(*path)]);
        roff.text([roman(*what)]);
    }
    roff
}

fn see_also(pages: &[(&str, &str)]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    for (at, (name, section)) in pages.iter().enumerate() {
        let comma = if at + 1 < pages.len() { "," } else { "" };
        roff.text([bold(*name), roman(format!("{section}{comma}"))]);
    }
    roff
}
