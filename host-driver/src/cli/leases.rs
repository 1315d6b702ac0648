//! `leases`: prints the lease directory, without asking libvirt.

use std::io::Write;

use serde_json::json;

use super::error::Failure;
use super::{Exit, table};
use crate::host::Host;
use crate::lease::{Lease, Place, StoreError};

pub(super) fn run(host: &Host, json: bool, out: &mut impl Write) -> Result<Exit, Failure> {
    let store = host.leases()?;
    let mut leases: Vec<Lease> = Vec::new();
    let mut problems: Vec<String> = Vec::new();
    for pool in store.pools()? {
        let mut indexes = store.leased(&pool)?;
        indexes.sort_unstable();
        for index in indexes {
            let pool = pool.clone();
            match store.read(&Place { pool, index }) {
                Ok(lease) => leases.extend(lease),
                Err(error @ StoreError::Corrupt { .. }) => problems.push(error.to_string()),
                Err(error) => return Err(error.into()),
            }
        }
    }
    if json {
        let value = json!({ "leases": leases, "problems": problems });
        serde_json::to_writer_pretty(&mut *out, &value)?;
        writeln!(out)?;
    } else {
        let heading = [
            "LEASE",
            "PCI ADDRESS",
            "VM",
            "STATE",
            "POSITION",
            "MAC",
            "DUMMY MAC",
            "SINCE",
        ];
        let rows: Vec<_> = leases.iter().map(row).collect();
        table::print(heading, &rows, out)?;
        for problem in &problems {
            writeln!(out, "{problem}")?;
        }
    }
    Ok(if problems.is_empty() {
        Exit::Ok
    } else {
        Exit::Failure
    })
}

fn row(lease: &Lease) -> [String; 8] {
    [
        lease.place().to_string(),
        lease.address.to_string(),
        lease.vm.to_string(),
        lease.state.to_string(),
        lease.position.to_string(),
        lease.mac.to_string(),
        lease
            .dummy_mac
            .map(|mac| mac.to_string())
            .unwrap_or_default(),
        table::moment(lease.since),
    ]
}
