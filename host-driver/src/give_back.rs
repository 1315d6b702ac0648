//! Bringing VFs back whose VMs have gone.

use std::io;
use std::time::{Duration, Instant};

use hwaddr::InterfaceName;
use one_sriov_system::Root;

use crate::config::Config;
use crate::lease::{Chooser, Custody, Ended, Former, Lease, State, Store, StoreError, now};
use crate::libvirt::Look;
use crate::pool::Sysfs;
use crate::prepare::{IpLink, Target, put_back};

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
    let ended = custodies.iter().flat_map(|custody| &custody.ended);
    for lease in ended
        .filter(|ended| ended.restore)
        .filter_map(|ended| ended.lease.as_ref())
    {
        if lease.state == State::Deploying {
            // Who wants the VF waits for it from now on. A full disk does not keep it from coming back.
            let _ = mark(store, lease);
        }
    }
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
    if lease.former == Former::Untouched {
        return Ok(());
    }
    let put = match pf_netdev(chooser.root(), lease) {
        // Nothing is left of what was set.
        Ok(Port::Anew) => return Ok(()),
        Ok(Port::Netdev(pf)) => {
            let target = Target {
                pf: &pf,
                vf: lease.vf,
            };
            put_back(&IpLink, &target, &lease.former).map_err(|error| error.to_string())
        }
        Ok(Port::Without) => Err(format!("its PF '{}' has no network device now", lease.pf)),
        Err(error) => Err(error.to_string()),
    };
    if put.is_err() {
        mark(store, lease)?;
    }
    put
}

/// By what the PF of a lease's VF can be told something.
enum Port {
    /// The PF has made its VFs anew since, or has none any more.
    Anew,
    /// It has the VF still, and no netdev: that of IPoIB goes with its module.
    Without,
    /// Its netdev, whatever that is called by now.
    Netdev(InterfaceName),
}

fn pf_netdev(root: &Root, lease: &Lease) -> io::Result<Port> {
    let sysfs = Sysfs::new(root);
    let Some(pf) = sysfs.pf_of(lease.address)? else {
        return Ok(Port::Anew);
    };
    if sysfs.vf(pf, lease.vf)? != Some(lease.address) {
        return Ok(Port::Anew);
    }
    let mut netdevs = sysfs.netdevs_of(pf)?;
    netdevs.sort_by_key(|netdev| *netdev != lease.pf);
    let first = netdevs.into_iter().next();
    Ok(first.map_or(Port::Without, Port::Netdev))
}

/// Marks a lease as on its way back, from the first time on; anew if the clock was set back since.
fn mark(store: &Store, lease: &Lease) -> Result<(), String> {
    if lease.state == State::Releasing && lease.since <= now() {
        return Ok(());
    }
    let marked = Lease {
        state: State::Releasing,
        since: now(),
        ..lease.clone()
    };
    store.update(&marked).map_err(|error| error.to_string())
}
