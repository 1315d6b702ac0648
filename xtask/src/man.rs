//! The man page of a program, from the very definition of its command line.

use std::io::{self, Write};

use clap::{Arg, Command};
use clap_mangen::Man;
use roff::{Inline, Roff, bold, italic, roman};

/// The introduction of the exit codes in `--help`.
const EXIT_CODES: &str = "Exit codes:";

/// What a man page is made of.
#[derive(Debug, Clone)]
pub struct Page {
    /// The command line.
    pub command: Command,
    /// The files of its section FILES: path and what it is.
    pub files: &'static [(&'static str, &'static str)],
}

/// The man page of a program. It holds no date, so that the same source makes the same page.
pub fn man(page: &Page) -> io::Result<Vec<u8>> {
    let Page { command, files } = page;
    let mut command = command.clone();
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
    section_files(files).to_writer(&mut page)?;
    page.flush()?;
    Ok(page)
}

/// All commands on this page: each is too small for one of its own.
fn commands(program: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for command in program
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
    {
        let mut head = vec![bold(command.get_name())];
        let own: Vec<&Arg> = command
            .get_arguments()
            .filter(|argument| is_own(program, argument))
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

/// Whether an argument belongs to a command, and not to all of them.
fn is_own(program: &Command, argument: &Arg) -> bool {
    !["help", "version"].contains(&argument.get_id().as_str())
        && !program
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

/// The exit codes of `--help` as a section.
fn exit_status(program: &Command) -> io::Result<Roff> {
    let help = program
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
            roff.control("PP", []);
            roff.text([roman(line)]);
        }
    }
    Ok(roff)
}

fn section_files(files: &[(&str, &str)]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["FILES"]);
    for (path, what) in files {
        roff.control("TP", []);
        roff.text([italic(*path)]);
        roff.text([roman(*what)]);
    }
    roff
}
