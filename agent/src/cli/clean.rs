//! `clean`: remove all files of this agent.

use std::io::Write;
use std::time::Duration;

use serde_json::json;

use super::error::Failure;
use super::{Exit, Options, json as to_json, text};
use crate::install::{self, Lock};

pub(super) fn run(options: &Options, dry_run: bool, out: &mut impl Write) -> Result<Exit, Failure> {
    let root = options.root();
    let _lock = if dry_run {
        None
    } else {
        Some(Lock::take(&root, Duration::from_secs(30))?)
    };
    let report = install::clean(&root, dry_run)?;
    if options.json {
        to_json::print(&json!({ "dry_run": dry_run, "files": report }), out)?;
    } else {
        text::cleaned(&report, dry_run, out)?;
    }
    Ok(Exit::Ok)
}
