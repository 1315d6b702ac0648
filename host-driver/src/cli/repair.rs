//! `repair`: plugs VFs into a running VM that lacks them.

use std::io::Write;

use serde_json::{Value, json};

use super::Exit;
use super::error::Failure;
use crate::actions::{Found, Repaired, repair_vm};
use crate::host::Host;
use crate::lease::Lease;
use crate::opennebula::VmId;

/// The code of the problem that a NIC of a running VM has no VF.
pub(super) const UNPLUGGED: &str = "unplugged";

pub(super) fn run(
    host: &Host,
    vm: VmId,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, Failure> {
    let store = host.leases()?;
    let mut repaired = Repaired::default();
    match repair_vm(host, &store, vm, &mut repaired)? {
        Found::Lacking | Found::Whole => {}
        Found::Stopped => return Err(Failure::Stopped(vm)),
        Found::Busy => return Err(Failure::Busy(vm)),
    }
    let Repaired { plugged, problems } = repaired;
    let is_whole = problems.is_empty();
    if json {
        let problems = problems
            .into_iter()
            .map(|text| problem_json(&(UNPLUGGED, text)));
        let value = json!({
            "plugged": plugged.iter().map(plugged_json).collect::<Vec<_>>(),
            "problems": problems.collect::<Vec<_>>(),
        });
        serde_json::to_writer_pretty(&mut *out, &value)?;
        writeln!(out)?;
    } else {
        for lease in &plugged {
            writeln!(out, "{}", plugged_text(lease))?;
        }
        for problem in &problems {
            writeln!(out, "{problem}")?;
        }
        if plugged.is_empty() && is_whole {
            writeln!(out, "VM {vm} has all of its VFs")?;
        }
    }
    Ok(if is_whole { Exit::Ok } else { Exit::Partial })
}

pub(super) fn plugged_text(lease: &Lease) -> String {
    let (vm, address) = (lease.vm, lease.address);
    format!("VM {vm} has VF '{address}' ({}) again", lease.place())
}

pub(super) fn plugged_json(lease: &Lease) -> Value {
    json!({ "address": lease.address.to_string(), "lease": lease.place().to_string(), "vm": lease.vm })
}

pub(super) fn problem_json((code, text): &(&str, String)) -> Value {
    json!({ "code": code, "text": text })
}
