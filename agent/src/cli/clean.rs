//! `clean`: removes all files of the agent.

use std::io::Write;

use clap::Args;
use serde_json::json;

use super::error::Failure;
use super::{Exit, LOCK_WAIT, Options, json as to_json, text};
use crate::install::{self, Cleaning};
use crate::render::HEADER;

// Options of `clean`; a doc comment would replace the description of the command.
#[derive(Debug, Default, Args)]
#[group(skip)]
pub(super) struct Clean {
    /// Print what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
    /// Put back the files of others that the agent replaced.
    #[arg(long)]
    restore: bool,
}

pub(super) fn run(options: &Options, clean: &Clean, out: &mut impl Write) -> Result<Exit, Failure> {
    let dry_run = clean.dry_run;
    let _lock = if dry_run {
        None
    } else {
        Some(options.lock(LOCK_WAIT)?)
    };
    let cleaning = Cleaning {
        dry: dry_run,
        restore: clean.restore,
    };
    let report = install::clean(&mut options.directories(), cleaning)?;
    if options.json {
        to_json::print(&json!({ "dry_run": dry_run, "files": report }), out)?;
    } else {
        text::cleaned(&report, dry_run, out)?;
    }
    if report.is_incomplete {
        log::error!(
            "the state record could not be read, so files of the agent may remain; they begin with '{HEADER}'"
        );
        return Ok(Exit::Failure);
    }
    for path in &report.left_with_address {
        log::error!(
            "'{}' still contains an IP address, which every clone of this image would have; remove the file or the address",
            path.display()
        );
    }
    let is_done = report.left_with_address.is_empty() && report.not_restored.is_empty();
    Ok(if is_done { Exit::Ok } else { Exit::Partial })
}
