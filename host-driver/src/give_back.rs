//! Bringing VFs back whose VMs have gone.

use std::io;
use std::time::{Duration, Instant};

use hwaddr::InterfaceName;
use one_sriov_system::Root;

use crate::config::Config;
use crate::lease::{Chooser, Custody, Ended, Lease, State, Store, StoreError, now};
use crate::libvirt::Look;
use crate::pool::Sysfs;
use crate::prepare::{IpLink, SetError, SetVf as _, Settings, Target, restoration};

/// How often the kernel is asked whether a VF is back: before 4.14 it does not say so by itself.
const PACE: Duration = Duration::from_millis(50);

/// What became of the VFs of some custodies, in words for a log.
#[derive(Debug, Default)]
pub struct Returns {
    /// VFs that are free again.
    pub freed: Vec<String>,
    /// VFs that are not, and why.
    pub kept: Vec<String>,
}

impl Returns {
    /// Tells the host's log.
    pub fn log(&self) {
        for name in &self.freed {
            log::info!("{name} is free");
        }
        for why in &self.kept {
            log::warn!("{why}");
        }
    }
}

/// Brings VFs back: waits until libvirt has returned each, restores it, forgets its lease.
///
/// The lock on the decision is not needed for that. What does not work now stays as it is, marked
/// as on its way back, and the next look at the leases tries again.
pub fn give_back(
    root: &Root,
    config: &Config,
    store: &Store,
    custodies: Vec<Custody>,
    wait: Duration,
) -> Result<Returns, StoreError> {
    let look = Look::default();
    let chooser = Chooser::without_lock(root, config, store, &look);
    let deadline = Instant::now() + wait;
    let mut returns = Returns::default();
    for mut custody in custodies {
        for ended in custody.ended.clone() {
            let name = format!(
                "VF '{}' ({}) of VM {}",
                ended.address,
                ended.place,
                custody.id.vm()
            );
            match restore(&chooser, store, &ended, deadline) {
                Ok(()) => {
                    store.forget(&mut custody, &ended)?;
                    returns.freed.push(name);
                }
                Err(why) => returns.kept.push(format!("{name}: {why}")),
            }
        }
        store.close(&custody)?;
    }
    Ok(returns)
}

fn restore(
    chooser: &Chooser<'_>,
    store: &Store,
    ended: &Ended,
    deadline: Instant,
) -> Result<(), String> {
    let Some(lease) = ended.lease.as_ref().filter(|_| ended.restore) else {
        return Ok(());
    };
    loop {
        match chooser.is_back(ended) {
            Err(error) => return Err(error.to_string()),
            Ok(true) => break,
            Ok(false) if Instant::now() < deadline => std::thread::sleep(PACE),
            Ok(false) => {
                mark(store, lease)?;
                return Err("libvirt has not given it back yet".into());
            }
        }
    }
    let wanted = restoration(&lease.former);
    let Some(pf) = pf_netdev(chooser.root(), lease).map_err(|error| error.to_string())? else {
        // The PF has made its VFs anew, or has none any more: nothing is left of what was set.
        return Ok(());
    };
    let target = Target {
        pf: &pf,
        vf: lease.vf,
    };
    match IpLink.set(&target, &wanted) {
        // What cannot be set was not set by us either.
        Ok(()) | Err(SetError::Unsupported { .. }) => {}
        // There was nothing, and this PF cannot be told so.
        Err(error) if is_unset(&wanted) => log::warn!("{error}"),
        Err(error) => {
            mark(store, lease)?;
            return Err(error.to_string());
        }
    }
    Ok(())
}

/// The netdev of the PF that the VF belongs to now, whatever it is called by now.
fn pf_netdev(root: &Root, lease: &Lease) -> io::Result<Option<InterfaceName>> {
    let sysfs = Sysfs::new(root);
    let Some(pf) = sysfs.pf_of(lease.address)? else {
        return Ok(None);
    };
    if sysfs.vf(pf, lease.vf)? != Some(lease.address) {
        return Ok(None);
    }
    let mut netdevs = sysfs.netdevs_of(pf)?;
    netdevs.sort_by_key(|netdev| *netdev != lease.pf);
    Ok(netdevs.into_iter().next())
}

/// Whether these settings only take away what we have set.
fn is_unset(settings: &Settings) -> bool {
    let has_value = matches!(settings.mac, Some(Some(_)))
        || matches!(settings.node_guid, Some(Some(_)))
        || matches!(settings.port_guid, Some(Some(_)));
    !has_value
}

/// Marks a lease as on its way back, from the first time on.
fn mark(store: &Store, lease: &Lease) -> Result<(), String> {
    if lease.state == State::Releasing {
        return Ok(());
    }
    let marked = Lease {
        state: State::Releasing,
        since: now(),
        ..lease.clone()
    };
    store.update(&marked).map_err(|error| error.to_string())
}
