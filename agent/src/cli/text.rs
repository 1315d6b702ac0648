//! What commands print for people.

use std::io::{self, Write};

use super::run_state::RunState;
use crate::activate::Activation;
use crate::install::FileReport;
use crate::plan::{Outcome, PlannedNic, Role};

/// Prints the plan, one line per NIC.
pub(super) fn plan(run_state: &RunState, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "context: {}", run_state.source)?;
    writeln!(
        out,
        "backend: {} ({})",
        run_state.choice.backend, run_state.choice.reason
    )?;
    if run_state.role == Role::Companion {
        writeln!(out, "role: companion, beside one-context")?;
    }
    if run_state.plan.network_off {
        return writeln!(out, "NETWORK=NO: nothing is changed");
    }
    for nic in &run_state.plan.nics {
        writeln!(out, "{}", line(nic))?;
        for problem in &nic.bad_values {
            writeln!(out, "  ignored: {problem}")?;
        }
    }
    for dummy in &run_state.plan.dummies {
        let position = dummy.mac.position();
        writeln!(
            out,
            "'{}' is the dummy NIC of position {position}, left unmanaged",
            dummy.name
        )?;
    }
    for problem in &run_state.plan.bad_values {
        writeln!(out, "ignored: {problem}")?;
    }
    for note in run_state.plan.notes.iter().chain(&run_state.rendered.notes) {
        writeln!(out, "note: {note}")?;
    }
    Ok(())
}

/// Describes a NIC in one line.
pub(super) fn line(nic: &PlannedNic) -> String {
    let position = nic
        .position
        .map_or_else(String::new, |number| format!(" (position {number})"));
    let label = nic.label();
    match (&nic.outcome, &nic.device) {
        (Outcome::Configure(_), Some(device)) => {
            format!(
                "{label}{position} -> {}: {}",
                device.name, device.matched_by
            )
        }
        (Outcome::Configure(_), None) => format!("{label}{position}"),
        (Outcome::LeftAlone(why), _) => format!("{label}{position} is not managed: {why}"),
        (Outcome::Absent(why), _) => format!("{label}{position} is not configured: {why}"),
        (Outcome::Refused(reasons), _) => {
            format!("{label}{position} is refused: {}", reasons.join("; "))
        }
    }
}

/// Prints what `apply` did; the log has the reasons.
pub(super) fn report(
    run_state: &RunState,
    report: &FileReport,
    out: &mut impl Write,
) -> io::Result<()> {
    if run_state.plan.network_off {
        return writeln!(out, "NETWORK=NO: nothing is changed");
    }
    for file in &report.backed_up {
        writeln!(
            out,
            "moved '{}' to '{}'",
            file.path.display(),
            file.backup.display()
        )?;
    }
    for file in &report.written {
        writeln!(out, "wrote '{}'", file.path.display())?;
    }
    for file in &report.updated {
        writeln!(out, "updated '{}'", file.path.display())?;
    }
    for file in &report.removed {
        writeln!(out, "removed '{}'", file.path.display())?;
    }
    for conflict in &report.conflicts {
        writeln!(
            out,
            "did not write '{}': {}",
            conflict.file.path.display(),
            conflict.reason
        )?;
    }
    if !report.changed() {
        let files = match report.unchanged.len() {
            1 => "1 file".to_owned(),
            number => format!("{number} files"),
        };
        writeln!(out, "{files} already up to date")?;
    }
    Ok(())
}

/// Prints what the network stack has loaded; the log has its errors.
pub(super) fn activation(activation: Option<&Activation>, out: &mut impl Write) -> io::Result<()> {
    let Some(activation) = activation else {
        return Ok(());
    };
    for device in &activation.done {
        writeln!(out, "activated '{device}'")?;
    }
    for (device, _) in &activation.failed {
        writeln!(out, "did not activate '{device}'")?;
    }
    Ok(())
}

/// Prints what `clean` removed, and what it left.
pub(super) fn cleaned(report: &FileReport, dry_run: bool, out: &mut impl Write) -> io::Result<()> {
    let (removed, restored) = if dry_run {
        ("would remove", "would restore")
    } else {
        ("removed", "restored")
    };
    for file in &report.removed {
        writeln!(out, "{removed} '{}'", file.path.display())?;
    }
    for file in &report.restored {
        let (path, backup) = (file.path.display(), file.backup.display());
        writeln!(out, "{restored} '{path}' from '{backup}'")?;
    }
    for file in &report.left {
        let path = file.path.display();
        writeln!(out, "left '{path}': it was edited since the agent wrote it")?;
    }
    for file in &report.not_restored {
        writeln!(
            out,
            "did not restore '{}': {}",
            file.path.display(),
            file.reason
        )?;
    }
    for backup in &report.backups {
        writeln!(out, "kept the backup '{}'", backup.display())?;
    }
    if report.removed.is_empty() && report.restored.is_empty() && report.left.is_empty() {
        writeln!(out, "nothing to remove")?;
    }
    Ok(())
}
