//! `plan`: prints what `apply` would do on this machine if no earlier run had written files.

use std::io::Write;

use serde_json::json;

use super::apply::no_medium;
use super::error::Failure;
use super::run_state::{Purpose, read};
use super::{Exit, Options, json as to_json, text};
use crate::inventory;
use crate::wait::WaitBudget;

pub(super) fn run(options: &Options, out: &mut impl Write) -> Result<Exit, Failure> {
    let wait_budget = WaitBudget::new(&options.root(), options.wait());
    let Some(read) = read(options, &wait_budget)? else {
        return no_medium(options, out);
    };
    let run_state = read.look(
        options,
        &wait_budget,
        Purpose::SHOW,
        &mut options.directories(),
    )?;
    if options.json {
        let mut value = to_json::run_state(&run_state);
        value[inventory::KEY] = json!(run_state.inventory);
        let files = run_state.rendered.files.iter();
        value["files"] = files
            .map(|file| json!({ "path": file.path, "mode": format!("{:04o}", file.mode), "text": file.text }))
            .collect();
        to_json::print(&value, out)?;
    } else {
        text::plan(&run_state, out)?;
        for file in &run_state.rendered.files {
            writeln!(
                out,
                "\n--- {} ({:04o})\n{}",
                file.path.display(),
                file.mode,
                file.text.trim_end()
            )?;
        }
    }
    Ok(Exit::Ok)
}
