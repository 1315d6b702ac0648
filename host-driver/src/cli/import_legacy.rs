//! `import-legacy`: adopts the VFs that the driver of 2013 assigned to running VMs.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::error::Failure;
use super::{Exit, table};
use crate::host::Host;
use crate::lease::OriginalState;
use crate::legacy::{Import, Imported, LegacySources, import};
use crate::opennebula::MonitoringClient;

#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    #[arg(
        long,
        value_name = "DIR",
        help = "Where the old driver tracked the VFs in use [default: /dev/shm/vf_interfaces and \
                /tmp/vf_interfaces]"
    )]
    tracking: Option<PathBuf>,
    /// The directory of the old driver's actions, with its kvmrc and VF maps [default: that of
    /// --home].
    #[arg(long, value_name = "DIR")]
    old_home: Option<PathBuf>,
    /// Only print what would be done.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(
    host: &Host,
    arguments: &ImportArguments,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, Failure> {
    let sources = LegacySources {
        tracking: arguments.tracking.clone(),
        old_home: arguments.old_home.clone(),
    };
    let monitoring = MonitoringClient::find(&host.root);
    let import = import(host, &sources, arguments.dry_run)?;
    if !arguments.dry_run && !import.imported.is_empty() {
        MonitoringClient::refresh(monitoring.as_ref());
    }
    if json {
        let value = to_json(&import, arguments.dry_run);
        serde_json::to_writer_pretty(&mut *out, &value)?;
        writeln!(out)?;
    } else {
        print(&import, arguments.dry_run, out)?;
    }
    Ok(
        if import.failed.is_empty() && import.shared_guids.is_empty() {
            Exit::Ok
        } else {
            Exit::Partial
        },
    )
}

fn print(import: &Import, dry_run: bool, out: &mut impl Write) -> Result<(), Failure> {
    if import.imported.is_empty() {
        writeln!(out, "nothing to import")?;
    } else {
        let verb = if dry_run { "would import" } else { "imported" };
        writeln!(out, "{verb}:")?;
        let heading = [
            "LEASE",
            "PCI ADDRESS",
            "VM",
            "POSITION",
            "MAC",
            "DUMMY MAC",
            "ORIGINAL",
        ];
        let rows: Vec<_> = import.imported.iter().map(row).collect();
        table::print(heading, &rows, out)?;
    }
    for (heading, lines) in [
        ("already leased", &import.leased),
        ("could not be imported", &import.failed),
        ("GUIDs of several running VMs", &import.shared_guids),
        ("stale entries, not changed", &import.stale),
        ("not imported", &import.not_imported),
    ] {
        if !lines.is_empty() {
            writeln!(out, "\n{heading}:")?;
            for line in lines {
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(())
}

/// Returns how an original state is printed.
fn original(original: &OriginalState) -> &'static str {
    match original {
        OriginalState::Untouched => "untouched",
        OriginalState::Ethernet { .. } | OriginalState::Infiniband { .. } => "unknown",
    }
}

fn row(imported: &Imported) -> [String; 7] {
    let adopted = &imported.adopted;
    [
        imported.place().to_string(),
        adopted.vf.address.to_string(),
        imported.vm.to_string(),
        adopted.position.to_string(),
        adopted.mac.to_string(),
        adopted.dummy_mac.to_string(),
        original(&adopted.original).to_owned(),
    ]
}

fn to_json(import: &Import, dry_run: bool) -> Value {
    let imported = import.imported.iter().map(|imported| {
        let adopted = &imported.adopted;
        json!({
            "lease": imported.place().to_string(),
            "address": adopted.vf.address.to_string(),
            "vm": imported.vm,
            "position": adopted.position,
            "mac": adopted.mac.to_string(),
            "dummy_mac": adopted.dummy_mac.to_string(),
            "original": original(&adopted.original),
        })
    });
    json!({
        "dry_run": dry_run,
        "imported": imported.collect::<Vec<_>>(),
        "leased": import.leased,
        "failed": import.failed,
        "shared_guids": import.shared_guids,
        "stale": import.stale,
        "not_imported": import.not_imported,
    })
}
