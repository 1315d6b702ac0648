//! Bringing VFs back whose VMs have gone.

use std::io;
use std::time::{Duration, Instant};

use hwaddr::InterfaceName;
use one_sriov_system::Root;

use crate::config::Config;
use crate::lease::{
    Lease, OriginalState, ReclaimGuard, StaleLease, State, Store, StoreError, is_back, now,
};
use crate::pool::Sysfs;
use crate::prepare::{IpLink, Target, put_back};

/// How often the kernel is asked whether a VF is back: before 4.14 it does not say so by itself.
const PACE: Duration = Duration::from_millis(50);

/// What became of the VFs under some guards, in words for a log.
#[derive(Debug, Default)]
pub struct ReleaseReport {
    /// VFs that are free again.
    pub freed: Vec<String>,
    /// VFs that are not, and why.
    pub kept: Vec<String>,
}

impl ReleaseReport {
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
pub fn release(
    root: &Root,
    config: &Config,
    store: &Store,
    reclaims: Vec<ReclaimGuard>,
    wait: Duration,
) -> Result<ReleaseReport, StoreError> {
    let sysfs = Sysfs::new(root);
    let deadline = Instant::now() + wait;
    let mut returns = ReleaseReport::default();
    let stale = reclaims.iter().flat_map(|reclaim| &reclaim.stale);
    for lease in stale
        .filter(|stale| stale.restore)
        .filter_map(|stale| stale.lease.as_ref())
    {
        if lease.state == State::Deploying {
            // Who wants the VF waits for it from now on. A full disk does not keep it from coming back.
            let _ = mark(store, lease);
        }
    }
    for mut reclaim in reclaims {
        for stale in reclaim.stale.clone() {
            let name = format!(
                "VF '{}' ({}) of VM {}",
                stale.address,
                stale.place,
                reclaim.id.vm()
            );
            match restore(sysfs, config, store, &stale, deadline) {
                Ok(()) => {
                    store.forget(&mut reclaim, &stale)?;
                    returns.freed.push(name);
                }
                Err(why) => returns.kept.push(format!("{name}: {why}")),
            }
        }
        store.close(&reclaim)?;
    }
    Ok(returns)
}

fn restore(
    sysfs: Sysfs<'_>,
    config: &Config,
    store: &Store,
    stale: &StaleLease,
    deadline: Instant,
) -> Result<(), String> {
    let Some(lease) = stale.lease.as_ref().filter(|_| stale.restore) else {
        return Ok(());
    };
    loop {
        match is_back(sysfs, config, stale) {
            Err(error) => return Err(format!("failed to look at it: {error}")),
            Ok(true) => break,
            Ok(false) if Instant::now() < deadline => std::thread::sleep(PACE),
            Ok(false) => {
                mark(store, lease)?;
                return Err("libvirt has not given it back yet".into());
            }
        }
    }
    if lease.original == OriginalState::Untouched {
        return Ok(());
    }
    let put = match pf_netdev(sysfs, lease) {
        // Nothing is left of what was set.
        Ok(Port::Anew) => return Ok(()),
        Ok(Port::Netdev(pf)) => {
            let target = Target {
                pf: &pf,
                vf: lease.vf,
            };
            put_back(&IpLink, &target, &lease.original).map_err(|error| error.to_string())
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

fn pf_netdev(sysfs: Sysfs<'_>, lease: &Lease) -> io::Result<Port> {
    let Some(pf) = sysfs.pf_of(lease.address)? else {
        return Ok(Port::Anew);
    };
    if sysfs.vf(pf, lease.vf)? != Some(lease.address) {
        return Ok(Port::Anew);
    }
    let mut netdevs = sysfs.netdevs_of(pf)?;
    netdevs.sort_by_key(|netdev| *netdev != lease.pf);
    for netdev in netdevs {
        if !sysfs.is_representor(&netdev)? {
            return Ok(Port::Netdev(netdev));
        }
    }
    Ok(Port::Without)
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
