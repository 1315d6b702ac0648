//! `status`: what is configured, and whether it still is what the context says.

use std::io::Write;

use serde_json::{Value, json};

use super::error::Failure;
use super::run_state::{RunState, read};
use super::{Exit, Options, json as to_json, text};
use crate::install::{Record, Report};
use crate::plan::Outcome;
use crate::wait::WaitBudget;

pub(super) fn run(options: &Options, out: &mut impl Write) -> Result<Exit, Failure> {
    let wait_budget = WaitBudget::new(&options.root(), options.wait());
    match read(options, &wait_budget)? {
        Some(read) => with_context(
            options,
            &read.look(options, &wait_budget, None, &mut options.directories())?,
            out,
        )?,
        None => without_context(options, out)?,
    }
    Ok(Exit::Ok)
}

fn with_context(
    options: &Options,
    run_state: &RunState,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let report = Report::of(&run_state.changes);
    let modes = other_modes(options, run_state);
    if options.json {
        let mut value = to_json::run_state(run_state);
        value["files"] = json!(report);
        value["up_to_date"] = json!(!report.changed());
        value["transport_modes"] = json!(modes);
        return to_json::print(&value, out);
    }
    text::plan(run_state, out)?;
    for (state, path) in states(&report) {
        writeln!(out, "{state}: {path}")?;
    }
    for mode in modes {
        writeln!(out, "note: {mode}")?;
    }
    Ok(())
}

fn without_context(options: &Options, out: &mut impl Write) -> Result<(), Failure> {
    let record = Record::load(&mut options.directories())?;
    let paths: Vec<String> = record
        .paths()
        .map(|path| path.display().to_string())
        .collect();
    if options.json {
        return to_json::print(&json!({ "medium": Value::Null, "recorded": paths }), out);
    }
    writeln!(out, "no context medium")?;
    for path in paths {
        writeln!(out, "written by an earlier run: {path}")?;
    }
    Ok(())
}

/// Each file with its state.
fn states(report: &Report) -> impl Iterator<Item = (&'static str, String)> {
    let lists = [
        ("up to date", &report.unchanged),
        ("missing", &report.written),
        ("outdated", &report.updated),
        ("no longer wanted", &report.removed),
        ("edited by somebody", &report.left),
    ];
    let files = lists
        .into_iter()
        .flat_map(|(state, files)| files.iter().map(move |file| (state, &file.path)));
    let conflicts = report
        .conflicts
        .iter()
        .map(|conflict| ("in the way", &conflict.file.path));
    files
        .chain(conflicts)
        .map(|(state, path)| (state, path.display().to_string()))
}

/// InfiniBand devices that run in another transport mode than the context asks for: some refuse
/// connected mode (enhanced IPoIB), and only the device can say so.
fn other_modes(options: &Options, run_state: &RunState) -> Vec<String> {
    let Ok(sysfs) = options.sysfs() else {
        return Vec::new();
    };
    let differs = |nic: &crate::plan::PlannedNic| {
        let (Outcome::Configure(config), Some(device)) = (&nic.outcome, &nic.device) else {
            return None;
        };
        let wanted = config.infiniband?.mode?;
        let path = sysfs
            .join("class/net")
            .join(device.name.as_str())
            .join("mode");
        let is = std::fs::read_to_string(path).ok()?;
        let is = is.trim();
        (is != wanted.to_string()).then(|| {
            format!(
                "'{}' runs in {is} mode, and {} asks for {wanted}",
                device.name,
                nic.label()
            )
        })
    };
    run_state.plan.nics.iter().filter_map(differs).collect()
}
