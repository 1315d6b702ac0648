//! `pool`: prints the VFs of each pool and their holders.

use std::io::Write;

use serde_json::{Value, json};

use super::error::Failure;
use super::view::{self, PoolView, VfView};
use super::{Exit, table};
use crate::host::Host;

pub(super) fn run(
    host: &Host,
    only: Option<&str>,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, Failure> {
    let names = view::names(host, only)?;
    let store = host.leases()?;
    let pools = {
        let guard = store.lock(host.config.lock_wait, "pool")?;
        let running = host.libvirt().running()?;
        let sweep = view::sweep(&guard, host, &running)?;
        view::pools(host, names, &store, &running, &sweep)
    };
    if json {
        let pools: Vec<Value> = pools.iter().map(pool_json).collect();
        serde_json::to_writer_pretty(&mut *out, &json!({ "pools": pools }))?;
        writeln!(out)?;
    } else {
        for (nth, pool) in pools.iter().enumerate() {
            if nth > 0 {
                writeln!(out)?;
            }
            print(pool, out)?;
        }
    }
    let has_error = pools.iter().any(|pool| pool.error.is_some());
    Ok(if has_error { Exit::Failure } else { Exit::Ok })
}

fn print(pool: &PoolView, out: &mut impl Write) -> Result<(), Failure> {
    if let Some(error) = &pool.error {
        writeln!(out, "{}: {error}", pool.name)?;
        return Ok(());
    }
    let total = pool.vfs.len();
    writeln!(out, "{}: {} of {total} free", pool.name, pool.free())?;
    let heading = [
        "VF",
        "PCI ADDRESS",
        "STATE",
        "HOLDER",
        "POSITION",
        "DUMMY MAC",
        "SINCE",
        "NUMA",
    ];
    let rows: Vec<_> = pool.vfs.iter().map(row).collect();
    table::print(heading, &rows, out)?;
    Ok(())
}

fn row(vf: &VfView) -> [String; 8] {
    let (state, holder) = vf.state();
    let lease = vf.lease.as_ref().filter(|_| !vf.is_free());
    let of_lease = |text: fn(&crate::lease::Lease) -> String| lease.map(text).unwrap_or_default();
    [
        vf.index.to_string(),
        vf.address
            .map(|address| address.to_string())
            .unwrap_or_default(),
        state.to_owned(),
        holder,
        of_lease(|lease| lease.position.to_string()),
        of_lease(|lease| {
            lease
                .dummy_mac
                .map(|mac| mac.to_string())
                .unwrap_or_default()
        }),
        of_lease(|lease| table::moment(lease.since)),
        vf.numa_node
            .map(|node| node.to_string())
            .unwrap_or_default(),
    ]
}

fn pool_json(pool: &PoolView) -> Value {
    json!({
        "name": pool.name.as_str(),
        "error": pool.error,
        "total": pool.vfs.len(),
        "free": pool.free(),
        "vfs": pool.vfs.iter().map(vf_json).collect::<Vec<_>>(),
    })
}

fn vf_json(vf: &VfView) -> Value {
    let (state, holder) = vf.state();
    let lease = vf.lease.as_ref().filter(|_| !vf.is_free());
    json!({
        "index": vf.index,
        "address": vf.address.map(|address| address.to_string()),
        "numa_node": vf.numa_node,
        "state": state,
        "holder": (!holder.is_empty()).then_some(holder),
        "vm": lease.map(|lease| lease.vm),
        "position": lease.map(|lease| lease.position),
        "identity": lease.map(|lease| lease.identity),
        "dummy_mac": lease.and_then(|lease| lease.dummy_mac).map(|mac| mac.to_string()),
        "since": lease.map(|lease| table::moment(lease.since)),
    })
}
