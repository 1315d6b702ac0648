//! `reconcile`: releases the VFs of stopped VMs, and repairs VMs that lack VFs.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::error::Failure;
use super::{Exit, repair, view};
use crate::actions::{self, Repaired};
use crate::host::Host;
use crate::opennebula::{MonitoringClient, VmId};
use crate::release::{KeptVf, LeasedVf, ReleaseReport, release};
use crate::shared_guids::shared_guids;
use crate::unplug::unplug_abandoned;

pub(super) fn run(
    host: &Host,
    dry_run: bool,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, Failure> {
    let config = &host.config;
    let store = host.leases()?;
    let monitoring = MonitoringClient::find(&host.root);
    let half_attached = if dry_run {
        Vec::new()
    } else {
        unplug_abandoned::<Failure>(host, &store, None)?
    };
    let repaired = if dry_run {
        Repaired::default()
    } else {
        actions::repair(host, &store)?
    };
    let (sweep, shared) = {
        let guard = store.lock(config.lock_wait, "reconcile")?;
        let running = host.libvirt().running()?;
        let sweep = view::sweep(&guard, host, &running)?;
        (sweep, shared_guids(host, &running))
    };
    let mut pending: Vec<(VmId, u64)> = sweep
        .pending
        .iter()
        .map(|(id, left)| (id.vm(), whole_seconds(*left)))
        .collect();
    pending.sort_unstable();
    let coded = |code, texts: Vec<String>| texts.into_iter().map(move |text| (code, text));
    let problems: Vec<(&str, String)> = coded("unreadable", sweep.problems)
        .chain(coded("shared-guid", shared))
        .chain(coded("half-attached", half_attached))
        .chain(coded(repair::UNPLUGGED, repaired.problems))
        .collect();
    let report = if dry_run {
        let stale = sweep.reclaims.iter().flat_map(|reclaim| {
            let vm = reclaim.id.vm();
            let stale = reclaim.stale.iter();
            stale.map(move |stale| LeasedVf::new(vm, stale))
        });
        ReleaseReport {
            released: stale.collect(),
            ..ReleaseReport::default()
        }
    } else {
        release(
            &host.root,
            config,
            &store,
            sweep.reclaims,
            config.release_wait,
        )?
    };
    if !dry_run && !report.released.is_empty() {
        MonitoringClient::refresh(monitoring.as_ref());
    }
    if json {
        let value = json!({
            "dry_run": dry_run,
            "released": report.released.iter().map(vf_json).collect::<Vec<_>>(),
            "plugged": repaired.plugged.iter().map(repair::plugged_json).collect::<Vec<_>>(),
            "kept": report.kept.iter().map(kept_json).collect::<Vec<_>>(),
            "pending": pending.iter().map(pending_json).collect::<Vec<_>>(),
            "problems": problems.iter().map(repair::problem_json).collect::<Vec<_>>(),
        });
        serde_json::to_writer_pretty(&mut *out, &value)?;
        writeln!(out)?;
    } else {
        let verb = if dry_run { "would release" } else { "released" };
        for vf in &report.released {
            writeln!(out, "{verb} {vf}")?;
        }
        for lease in &repaired.plugged {
            writeln!(out, "{}", repair::plugged_text(lease))?;
        }
        for kept in &report.kept {
            writeln!(out, "{kept}")?;
        }
        for pending in &pending {
            writeln!(out, "{}", pending_text(pending))?;
        }
        for (_, problem) in &problems {
            writeln!(out, "{problem}")?;
        }
        if report.released.is_empty() && report.kept.is_empty() && repaired.plugged.is_empty() {
            writeln!(out, "no stale lease")?;
        }
    }
    let is_whole = report.kept.is_empty() && problems.is_empty();
    Ok(if is_whole { Exit::Ok } else { Exit::Partial })
}

/// Rounds up, so that no deployment expires later than printed.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn vf_json(vf: &LeasedVf) -> Value {
    json!({ "address": vf.address.to_string(), "lease": vf.place.to_string(), "vm": vf.vm })
}

fn kept_json(kept: &KeptVf) -> Value {
    let mut value = vf_json(&kept.vf);
    value["reason"] = json!(kept.reason);
    value
}

fn pending_text((vm, left): &(VmId, u64)) -> String {
    format!("the unfinished deployment of VM {vm} expires in {left} s")
}

fn pending_json(pending: &(VmId, u64)) -> Value {
    let (vm, left) = pending;
    json!({ "vm": vm, "seconds_left": left, "text": pending_text(pending) })
}
