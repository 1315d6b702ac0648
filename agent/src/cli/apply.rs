//! `apply`: write the network configuration.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use one_sriov_system::Root;
use serde_json::json;

use super::activate::Live;
use super::error::Failure;
use super::situation::{Read, Situation, read};
use super::{Exit, Options, json as to_json, text};
use crate::activate::{self, Activation, Ledger};
use crate::install::{self, Directories, Lock, Report};
use crate::patience::Patience;
use crate::plan::Outcome;
use crate::render::Running;

/// How long another agent may take: it waits for late NICs, too.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(30);
/// The same where it may be waiting for network stacks. Whoever gives up loses the NIC that has just come.
const ACTIVATION_WAIT: Duration = Duration::from_secs(600);

/// Options of `apply`.
#[derive(Debug, Default, Args)]
pub(super) struct Apply {
    /// Print a unified diff of what would change, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Have the network stack take over what changed, if it runs.
    #[arg(long)]
    pub(super) activate: bool,
}

pub(super) fn run(options: &Options, apply: &Apply, out: &mut impl Write) -> Result<Exit, Failure> {
    let root = options.root();
    if apply.activate && !root.is_live() {
        return Err(Failure::ActivateBelowRoot);
    }
    let patience = Patience::new(&root, options.wait());
    let announces = root.is_live() && !apply.dry_run;
    let Some(mut found) = read_or_announce(options, &patience, announces)? else {
        return no_medium(options, out);
    };
    // A dry run changes nothing, not even the lock.
    let lock_wait = if apply.activate {
        ACTIVATION_WAIT
    } else {
        LOCK_WAIT
    };
    let mut directories = options.directories();
    let lock = if apply.dry_run {
        None
    } else {
        Some(Lock::take(&root, lock_wait)?)
    };
    if lock.as_ref().is_some_and(Lock::was_contended) {
        // The CD may have been changed while the other run held the lock.
        let Some(again) = read(options, &patience)? else {
            return no_medium(options, out);
        };
        found = again;
    }
    if announces {
        // Before the look at the NICs: what it misses comes later.
        announce(&root);
    }
    let running = apply.activate.then(|| Running::gather(&root));
    let situation = found.look(options, &patience, running, &mut directories)?;
    log_plan(&situation);
    let done = if apply.dry_run || situation.plan.hands_off {
        // What wants nothing touched does not want the state record touched either.
        Done {
            report: situation.changes.report(),
            activation: None,
            note: None,
        }
    } else {
        carry_out(options, &situation, running, &mut directories)?
    };
    if options.json {
        let mut value = to_json::situation(&situation);
        value["dry_run"] = json!(apply.dry_run);
        value["files"] = json!(done.report);
        value["activation"] = done.activation.as_ref().map(to_json::activation).into();
        to_json::print(&value, out)?;
    } else if apply.dry_run {
        write!(out, "{}", install::diff(&situation.changes))?;
        if running.is_some() {
            let sysfs = options.sysfs()?;
            Live::look(&root, &sysfs, &situation, running).would(out)?;
        }
    } else {
        text::report(&situation, &done.report, out)?;
        text::activation(done.activation.as_ref(), out)?;
        if let Some(note) = &done.note {
            writeln!(out, "{note}")?;
        }
    }
    let exit = exit(&situation, &done);
    // The process ends, and takes its memory along faster than piece by piece.
    std::mem::forget((situation, done));
    Ok(exit)
}

/// What a run did.
struct Done {
    report: Report,
    activation: Option<Activation>,
    /// Why the network stack is not told.
    note: Option<String>,
}

fn carry_out(
    options: &Options,
    situation: &Situation,
    running: Option<Running>,
    directories: &mut Directories,
) -> Result<Done, Failure> {
    let root = options.root();
    let mut install = || install::apply(directories, &situation.changes, situation.record.clone());
    if !root.is_live() {
        let report = install()?;
        return Ok(Done {
            report,
            activation: None,
            note: None,
        });
    }
    let sysfs = options.sysfs()?;
    let live = Live::look(&root, &sysfs, situation, running);
    live.before();
    let installed = install();
    install::set_modes(&sysfs, &situation.rendered.modes);
    // Whatever became of the files: what was taken down for them comes up again.
    let activation = live.after();
    let report = installed?;
    if activation.is_none() {
        activate::generate_if_changed(&report);
    }
    Ok(Done {
        report,
        activation,
        note: live.note,
    })
}

/// Reads the context. Where there is no medium, what comes from now on starts a run of its own: a drive may be slower
/// than the bound.
fn read_or_announce(
    options: &Options,
    patience: &Patience,
    announces: bool,
) -> Result<Option<Read>, Failure> {
    let found = read(options, patience)?;
    if found.is_some() || !announces {
        return Ok(found);
    }
    announce(&options.root());
    // It may have come between that look and this word.
    read(options, &Patience::new(&options.root(), Duration::ZERO))
}

fn announce(root: &Root) {
    if let Err(error) = Ledger::announce(root) {
        log::warn!("failed to say that a run has begun: {error}");
    }
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

fn exit(situation: &Situation, done: &Done) -> Exit {
    let is_refused = situation
        .plan
        .nics
        .iter()
        .any(|nic| matches!(nic.outcome, Outcome::Refused(_)));
    let is_due = done
        .activation
        .as_ref()
        .is_some_and(|activation| !activation.failed.is_empty());
    if is_refused || is_due || !done.report.conflicts.is_empty() {
        Exit::Partial
    } else {
        Exit::Ok
    }
}
