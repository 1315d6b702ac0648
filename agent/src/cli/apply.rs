//! `apply`: write the network configuration.

use std::io::Write;
use std::time::Duration;

use serde_json::json;

use super::error::Failure;
use super::situation::{Situation, read};
use super::{Exit, Options, json as to_json, netplan, text};
use crate::install::{self, Lock, Report};
use crate::patience::Patience;
use crate::plan::Outcome;

/// How long another agent may take: it waits for late NICs, too.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(30);

pub(super) fn run(options: &Options, dry_run: bool, out: &mut impl Write) -> Result<Exit, Failure> {
    let patience = Patience::new(&options.root(), options.wait());
    let Some(mut found) = read(options, &patience)? else {
        return no_medium(options, out);
    };
    // A dry run changes nothing, not even the lock.
    let lock = if dry_run {
        None
    } else {
        Some(Lock::take(&options.root(), LOCK_WAIT)?)
    };
    if lock.as_ref().is_some_and(Lock::was_contended) {
        // The CD may have been changed while the other run held the lock.
        let Some(again) = read(options, &patience)? else {
            return no_medium(options, out);
        };
        found = again;
    }
    let situation = found.look(options, &patience)?;
    log_plan(&situation);
    // What wants nothing touched does not want the state record touched either.
    let report = if dry_run || situation.plan.hands_off {
        situation.changes.report()
    } else {
        install::apply(
            &options.root(),
            &situation.changes,
            situation.record.clone(),
        )?
    };
    let is_ours = !dry_run && !situation.plan.hands_off;
    if is_ours && options.root().is_live() {
        install::set_modes(&options.sysfs()?, &situation.rendered.modes);
        netplan::generate_if_changed(&report);
    }
    if options.json {
        let mut value = to_json::situation(&situation);
        value["dry_run"] = json!(dry_run);
        value["files"] = json!(report);
        to_json::print(&value, out)?;
    } else if dry_run {
        write!(out, "{}", install::diff(&situation.changes))?;
    } else {
        text::report(&situation, &report, out)?;
    }
    Ok(exit(&situation, &report))
}

/// No medium is no error: images boot elsewhere, too.
pub(super) fn no_medium(options: &Options, out: &mut impl Write) -> Result<Exit, Failure> {
    if options.json {
        to_json::print(&json!({ "medium": null }), out)?;
    } else {
        writeln!(out, "no context medium: nothing to do")?;
    }
    Ok(Exit::Ok)
}

/// Everything that a person should hear of goes to the log, each NIC by name.
fn log_plan(situation: &Situation) {
    for note in situation.plan.notes.iter().chain(&situation.rendered.notes) {
        log::warn!("{note}");
    }
    if situation.choice.is_doubtful && !situation.plan.hands_off {
        log::warn!(
            "nothing on this machine is known to read the files of {}; --backend names the network stack",
            situation.choice.backend
        );
    }
    for nic in &situation.plan.nics {
        let label = nic.label();
        match (&nic.outcome, &nic.device) {
            (Outcome::Refused(reasons), _) => {
                for reason in reasons {
                    log::error!("{label} is not configured: {reason}");
                }
            }
            (Outcome::Absent(why), _) => log::warn!("{label} is not configured: {why}"),
            (Outcome::LeftAlone(why), _) => log::info!("{label} is left alone: {why}"),
            (Outcome::Configure(_), Some(device)) if !device.evidence.is_present() => {
                log::warn!(
                    "{label} is written for '{}': {}",
                    device.name,
                    device.evidence
                );
            }
            (Outcome::Configure(_), Some(device)) => {
                log::info!("{label} is '{}': {}", device.name, device.evidence);
            }
            (Outcome::Configure(_), None) => {}
        }
    }
}

fn exit(situation: &Situation, report: &Report) -> Exit {
    let is_refused = situation
        .plan
        .nics
        .iter()
        .any(|nic| matches!(nic.outcome, Outcome::Refused(_)));
    if is_refused || !report.conflicts.is_empty() {
        Exit::Partial
    } else {
        Exit::Ok
    }
}
