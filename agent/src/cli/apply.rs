//! `apply`: writes the network configuration.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use one_sriov_system::Root;
use serde_json::json;

use super::activate::Live;
use super::error::Failure;
use super::run_state::{Purpose, ReadContext, RunState, read};
use super::{Exit, LOCK_WAIT, Options, cloud_init, json as to_json, text};
use crate::activate::{self, Activation, Ledger};
use crate::context::survey;
use crate::detect::{self, DetectError};
use crate::install::{self, Directories, FileReport, Lock};
use crate::plan::Outcome;
use crate::render::Readers;
use crate::wait::WaitBudget;

/// How long with `--activate`, in seconds: longer than [`LOCK_WAIT`], because the other run may wait for network stacks. A run that gives up misses the NIC it was
/// started for.
const ACTIVATION_WAIT: u32 = 600;

// Options of `apply`; a doc comment would replace the description of the command.
#[derive(Debug, Default, Args)]
#[group(skip)]
pub(super) struct Apply {
    /// Print a unified diff of what would change, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Also replace files that were edited or that the agent did not write, and keep a backup of each.
    #[arg(long)]
    pub(super) force: bool,
    /// Have the network stack load what changed, if it is running.
    #[arg(long)]
    pub(super) activate: bool,
}

pub(super) fn run(options: &Options, apply: &Apply, out: &mut impl Write) -> Result<Exit, Failure> {
    let root = options.root();
    if apply.activate && !root.is_live() {
        return Err(Failure::ActivateBelowRoot);
    }
    let wait_budget = WaitBudget::new(&root, options.wait());
    let announces = root.is_live() && !apply.dry_run;
    let Some(mut found) = read_or_announce(options, &wait_budget, announces)? else {
        return without_medium(options, apply, out);
    };
    // A dry run changes nothing, and does not even take the lock.
    let lock_wait = if apply.activate {
        ACTIVATION_WAIT
    } else {
        LOCK_WAIT
    };
    let mut directories = options.directories();
    let lock = if apply.dry_run {
        None
    } else {
        Some(options.lock(lock_wait)?)
    };
    if lock.as_ref().is_some_and(Lock::was_contended) {
        // The CD may have changed while the other run held the lock.
        let Some(again) = read(options, &wait_budget)? else {
            drop(lock);
            return without_medium(options, apply, out);
        };
        found = again;
    }
    if announces {
        // Recorded before the NICs are read: a NIC that appears later starts another run.
        announce(&root);
    }
    let running = apply.activate.then(|| detect::running(&root));
    let running = running.transpose().map_err(DetectError::Unread)?;
    let purpose = Purpose {
        running,
        takes_over: apply.force,
        reads_only: apply.dry_run,
    };
    let run_state = found.look(options, &wait_budget, purpose, &mut directories)?;
    log_plan(&run_state);
    let is_untouched = run_state.plan.network_off && !run_state.changes.touch_files();
    let done = if apply.dry_run || is_untouched {
        // If the context forbids any change, the state record is not changed, either.
        Done {
            report: FileReport::of(&run_state.changes),
            activation: None,
            note: None,
        }
    } else {
        carry_out(options, &run_state, running, &mut directories)?
    };
    if options.json {
        let mut value = to_json::run_state(&run_state);
        value["dry_run"] = json!(apply.dry_run);
        value["files"] = json!(done.report);
        value["activation"] = done.activation.as_ref().map(to_json::activation).into();
        to_json::print(&value, out)?;
    } else if apply.dry_run {
        write!(out, "{}", install::diff(&run_state.changes))?;
        if running.is_some() {
            let sysfs = options.sysfs()?;
            Live::look(&root, &sysfs, &run_state, running).would(out)?;
        }
    } else {
        text::report(&run_state, &done.report, out)?;
        text::activation(done.activation.as_ref(), out)?;
        if let Some(note) = &done.note {
            writeln!(out, "{note}")?;
        }
    }
    let exit = exit(&run_state, &done);
    // Leaked, because the exiting process frees its memory faster as a whole than piece by piece.
    std::mem::forget((run_state, done));
    Ok(exit)
}

struct Done {
    report: FileReport,
    activation: Option<Activation>,
    /// Why the network stack does not load the changes.
    note: Option<String>,
}

fn carry_out(
    options: &Options,
    run_state: &RunState,
    running: Option<Readers>,
    directories: &mut Directories,
) -> Result<Done, Failure> {
    let root = options.root();
    let mut install = || install::apply(directories, &run_state.changes, &run_state.record);
    if !root.is_live() {
        let report = install()?;
        return Ok(Done {
            report,
            activation: None,
            note: None,
        });
    }
    let sysfs = options.sysfs()?;
    let live = Live::look(&root, &sysfs, run_state, running);
    live.before();
    let installed = install();
    install::set_modes(&sysfs, &run_state.rendered.modes);
    install::set_sysctls(&run_state.rendered.sysctls);
    // Even if writing files failed: devices that were taken down must come up again.
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

/// Reads the context. If there is no medium, a medium that appears later starts another run, because a drive may be slower than
/// the wait budget.
fn read_or_announce(
    options: &Options,
    wait_budget: &WaitBudget,
    announces: bool,
) -> Result<Option<ReadContext>, Failure> {
    let found = read(options, wait_budget)?;
    if found.is_some() || !announces {
        return Ok(found);
    }
    announce(&options.root());
    // The medium may have appeared before the run was recorded.
    read(options, &WaitBudget::new(&options.root(), Duration::ZERO))
}

fn announce(root: &Root) {
    if let Err(error) = Ledger::announce(root) {
        log::warn!("failed to record that a run has begun: {error}");
    }
}

/// Without a medium, the only thing to do is to enable cloud-init's network configuration again.
fn without_medium(options: &Options, apply: &Apply, out: &mut impl Write) -> Result<Exit, Failure> {
    let report = cloud_init::without_medium(options, apply.dry_run)?;
    let removed = if apply.dry_run {
        "would remove"
    } else {
        "removed"
    };
    if let Some(report) = report.filter(|_| !options.json) {
        for file in &report.removed {
            writeln!(out, "{removed} '{}'", file.path.display())?;
        }
    }
    no_medium(options, out)
}

/// Reports that there is no medium, which is not an error: images may boot elsewhere.
pub(super) fn no_medium(options: &Options, out: &mut impl Write) -> Result<Exit, Failure> {
    let block_devices = if options.verbose {
        survey::survey(&options.root())?
    } else {
        Vec::new()
    };
    if options.json {
        let mut value = json!({ "medium": null });
        if options.verbose {
            value["block_devices"] = json!(block_devices);
        }
        to_json::print(&value, out)?;
        return Ok(Exit::Ok);
    }
    writeln!(out, "no context medium: nothing to do")?;
    for drive in &block_devices {
        writeln!(out, "checked '{}': {}", drive.path.display(), drive.what)?;
    }
    if options.verbose && block_devices.is_empty() {
        writeln!(out, "found no CD drive and no disk")?;
    }
    Ok(Exit::Ok)
}

/// Logs everything that the user should know, with the names of the NICs.
fn log_plan(run_state: &RunState) {
    for note in run_state.plan.notes.iter().chain(&run_state.rendered.notes) {
        log::warn!("{note}");
    }
    if run_state.choice.is_doubtful && !run_state.plan.network_off {
        log::warn!(
            "no network stack on this machine is known to read the files of {}; name one with --backend",
            run_state.choice.backend
        );
    }
    for nic in &run_state.plan.nics {
        let label = nic.label();
        match (&nic.outcome, &nic.device) {
            (Outcome::Refused(reasons), _) => {
                for reason in reasons {
                    log::error!("{label} is not configured: {reason}");
                }
            }
            (Outcome::Absent(why), _) => log::warn!("{label} is not configured: {why}"),
            (Outcome::LeftAlone(why), _) => log::info!("{label} is not managed: {why}"),
            (Outcome::Configure(_), Some(device)) if !device.matched_by.is_present() => {
                log::warn!(
                    "{label} is written for '{}': {}",
                    device.name,
                    device.matched_by
                );
            }
            (Outcome::Configure(_), Some(device)) => {
                log::info!("{label} is '{}': {}", device.name, device.matched_by);
            }
            (Outcome::Configure(_), None) => {}
        }
        for problem in &nic.bad_values {
            log::error!("{label} is configured, but a value is ignored: {problem}");
        }
    }
    for problem in &run_state.plan.bad_values {
        log::error!("a value is ignored: {problem}");
    }
}

fn exit(run_state: &RunState, done: &Done) -> Exit {
    let is_due = done
        .activation
        .as_ref()
        .is_some_and(|activation| !activation.failed.is_empty());
    let is_unsure = !run_state.inventory.unreadable.is_empty();
    let is_partial = run_state.plan.is_partial() || is_unsure;
    if is_partial || is_due || !done.report.conflicts.is_empty() {
        Exit::Partial
    } else {
        Exit::Ok
    }
}
