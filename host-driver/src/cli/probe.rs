//! `probe`: prints the number of VFs in each pool for OpenNebula's monitoring, which adds them to the host's template.
//!
//! ```text
//! SRIOV_IB0_TOTAL=8
//! SRIOV_IB0_USED=5
//! SRIOV_IB0_FREE=3
//! ```
//!
//! A probe that fails takes the whole host out of service, so this one never fails. The front-end keeps the old value of a name
//! that is not printed. So if the free VFs are unknown, `FREE=0` is printed; an unknown `TOTAL` is not printed. Stale leases are
//! released, too: otherwise a full pool whose guests power themselves off would stay full until the next deployment.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::error::Failure;
use super::{owner, view};
use crate::host::Host;
use crate::pool::Pool;
use crate::pool_name::PoolName;
use crate::release::release;

/// Short, because a monitoring cycle must not wait long.
const LOCK_WAIT: Duration = Duration::from_secs(10);

pub(super) fn run(home: &Path, out: &mut impl Write) {
    if let Err(error) = try_run(home, out) {
        complain(&error.to_string());
    }
}

/// Prints an error. OpenNebula ignores it, but users who run the probe by hand see it.
fn complain(why: &str) {
    log::error!("probe: {why}");
    let _ = writeln!(std::io::stderr(), "one-sriov-driver: {why}");
}

fn try_run(home: &Path, out: &mut impl Write) -> Result<(), Failure> {
    let root = Host::root_dir();
    if let Err(error) = owner::leave_root(&root, home) {
        // Root must not read oneadmin's maps and leases, but it can list the PFs in sysfs.
        let mut names = Pool::names_of_possible_pfs(&root)?;
        names.sort();
        names.dedup();
        let lines: String = names.iter().map(|name| full(None, name)).collect();
        out.write_all(lines.as_bytes())?;
        return Err(error.into());
    }
    let (host, ready) = match Host::new(home) {
        Ok(host) => (host, Ok(())),
        // Without settings, no pool has a free VF.
        Err(error) => (Host::unconfigured(home), Err(error.into())),
    };
    let (names, listed) = names(&host);
    let ready = ready.and(listed);
    if names.is_empty() {
        return ready;
    }
    let known = ready.and_then(|()| views(&host, &names));
    let lines = match &known {
        Ok(pools) => {
            let unknown = pools.iter().filter(|pool| !pool.has_gone);
            let errors = unknown.filter_map(|pool| pool.error.as_deref());
            errors.for_each(complain);
            pools.iter().map(lines).collect()
        }
        // No VF can be allocated now.
        Err(_) => all_full(&host, &names),
    };
    out.write_all(lines.as_bytes())?;
    known.map(|_| ())
}

/// Returns all pools that exist, could exist, or have existed since the boot: the front-end still has the numbers of those. If
/// one source cannot be read, the pools of the others are still returned.
fn names(host: &Host) -> (Vec<PoolName>, Result<(), Failure>) {
    let of_maps = || Ok(Pool::names_of_maps(&host.maps()?)?);
    let of_leases = || match host.leases_if_any()? {
        Some(store) => store.pools(),
        None => Ok(Vec::new()),
    };
    let sources: [Result<Vec<PoolName>, Failure>; 3] = [
        of_maps(),
        Pool::names_of_possible_pfs(&host.root).map_err(Failure::from),
        of_leases().map_err(Failure::from),
    ];
    let mut names = Vec::new();
    let mut listed = Ok(());
    for source in sources {
        listed = listed.and(source.map(|found| names.extend(found)));
    }
    names.sort();
    names.dedup();
    (names, listed)
}

fn all_full(host: &Host, names: &[PoolName]) -> String {
    let lines = names.iter().map(|name| full(host_total(host, name), name));
    lines.collect()
}

fn views(host: &Host, names: &[PoolName]) -> Result<Vec<view::PoolView>, Failure> {
    let store = host.leases()?;
    let guard = store.lock(LOCK_WAIT.min(host.config.lock_wait), "probe")?;
    let running = host.libvirt().running()?;
    let sweep = view::sweep(&guard, host, &running)?;
    guard.remember(names)?;
    drop(guard);
    let pools = view::pools(host, names.to_vec(), &store, &running, &sweep);
    release(
        &host.root,
        &host.config,
        &store,
        sweep.reclaims,
        Duration::ZERO,
    )?;
    Ok(pools)
}

fn lines(pool: &view::PoolView) -> String {
    match pool.error {
        None => attributes(&pool.name, pool.vfs.len(), pool.free()),
        Some(_) => full(pool.has_gone.then_some(0), &pool.name),
    }
}

/// Returns the lines of a pool without a free VF, with its total if that is known.
fn full(total: Option<usize>, name: &PoolName) -> String {
    match total {
        Some(total) => attributes(name, total, 0),
        None => format!("SRIOV_{}_FREE=0\n", name.attribute()),
    }
}

fn host_total(host: &Host, name: &PoolName) -> Option<usize> {
    let maps = host.maps().ok()?;
    match Pool::open(&host.root, &maps, name) {
        Ok(pool) => Some(pool.indexes().len()),
        Err(error) => error.is_no_pool().then_some(0),
    }
}

fn attributes(name: &PoolName, total: usize, free: usize) -> String {
    let name = name.attribute();
    let used = total - free;
    format!("SRIOV_{name}_TOTAL={total}\nSRIOV_{name}_USED={used}\nSRIOV_{name}_FREE={free}\n")
}
