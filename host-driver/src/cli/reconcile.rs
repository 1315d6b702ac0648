//! `reconcile`: takes the VFs back whose VMs have gone.

use std::io::Write;

use serde_json::json;

use super::error::Failure;
use super::{Exit, view};
use crate::host::Host;
use crate::opennebula::MonitoringClient;
use crate::release::{ReleaseReport, release};
use crate::shared_guids::shared_guids;
use crate::unplug::take_out_abandoned;

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
        take_out_abandoned::<Failure>(host, &store, None)?
    };
    let (sweep, shared) = {
        let guard = store.lock(config.lock_wait, "reconcile")?;
        let running = host.libvirt().running()?;
        let sweep = view::sweep(&guard, host, &running)?;
        (sweep, shared_guids(host, &running))
    };
    let mut pending: Vec<String> = sweep
        .pending
        .iter()
        .map(|(id, left)| {
            let left = left.as_secs_f64().ceil();
            format!(
                "the unfinished deployment of VM {} is given up in {left} s",
                id.vm()
            )
        })
        .collect();
    pending.sort();
    let mut problems = sweep.problems;
    problems.extend(shared);
    problems.extend(half_attached);
    let returns = if dry_run {
        let stale = sweep.reclaims.iter().flat_map(|reclaim| {
            let vm = reclaim.id.vm();
            reclaim
                .stale
                .iter()
                .map(move |stale| format!("VF '{}' ({}) of VM {vm}", stale.address, stale.place))
        });
        ReleaseReport {
            freed: stale.collect(),
            ..ReleaseReport::default()
        }
    } else {
        release(
            &host.root,
            config,
            &store,
            sweep.reclaims,
            config.return_wait,
        )?
    };
    if !dry_run && !returns.freed.is_empty() {
        MonitoringClient::refresh(monitoring.as_ref());
    }
    if json {
        let value = json!({
            "dry_run": dry_run,
            "freed": returns.freed,
            "kept": returns.kept,
            "pending": pending,
            "problems": problems,
        });
        serde_json::to_writer_pretty(&mut *out, &value)?;
        writeln!(out)?;
    } else {
        let verb = if dry_run { "would free" } else { "freed" };
        for name in &returns.freed {
            writeln!(out, "{verb} {name}")?;
        }
        for line in returns.kept.iter().chain(&pending).chain(&problems) {
            writeln!(out, "{line}")?;
        }
        if returns.freed.is_empty() && returns.kept.is_empty() {
            writeln!(out, "no lease has ended")?;
        }
    }
    let is_whole = returns.kept.is_empty() && problems.is_empty();
    Ok(if is_whole { Exit::Ok } else { Exit::Partial })
}
