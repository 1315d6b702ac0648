//! `clean`: remove all files of this agent.

use std::io::Write;

use serde_json::json;

use super::apply::LOCK_WAIT;
use super::error::Failure;
use super::{Exit, Options, json as to_json, text};
use crate::install::{self, Lock};
use crate::render::HEADER;

pub(super) fn run(options: &Options, dry_run: bool, out: &mut impl Write) -> Result<Exit, Failure> {
    let _lock = if dry_run {
        None
    } else {
        Some(Lock::take(&options.root(), LOCK_WAIT)?)
    };
    let report = install::clean(&mut options.directories(), dry_run)?;
    if options.json {
        to_json::print(&json!({ "dry_run": dry_run, "files": report }), out)?;
    } else {
        text::cleaned(&report, dry_run, out)?;
    }
    if report.is_incomplete {
        log::error!(
            "the state record could not be read, so that files of this agent may be left; they begin with '{HEADER}'"
        );
        return Ok(Exit::Failure);
    }
    Ok(Exit::Ok)
}
