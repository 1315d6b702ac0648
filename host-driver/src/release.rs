//! Releases the VFs of stopped VMs.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use hwaddr::{DummyMac, InterfaceName, PciAddress};
use one_sriov_system::{Netlink, Root, VfInfo};

use crate::config::Config;
use crate::lease::{
    Lease, OriginalState, Place, ReclaimGuard, StaleLease, State, Store, StoreError, VFIO,
    VfIdentity, is_released, now,
};
use crate::libvirt::Libvirt;
use crate::opennebula::VmId;
use crate::pool::HostSysfs;
use crate::prepare::{self, IpLink, Target, outstanding};
use crate::unplug::unplug_dummy;

/// How often to check whether libvirt has released a VF. Kernels before 4.14 do not send an event.
const PACE: Duration = Duration::from_millis(50);

/// A VF that was leased to a VM, displayed as `VF '0000:81:00.3' (ib0/2) of VM 7`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedVf {
    /// The VF.
    pub address: PciAddress,
    /// The place of its lease.
    pub place: Place,
    /// The VM.
    pub vm: VmId,
}

impl LeasedVf {
    /// The VF of a stale lease of a VM.
    #[must_use]
    pub fn new(vm: VmId, stale: &StaleLease) -> Self {
        Self {
            address: stale.address,
            place: stale.place.clone(),
            vm,
        }
    }
}

impl fmt::Display for LeasedVf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, place, vm } = self;
        write!(f, "VF '{address}' ({place}) of VM {vm}")
    }
}

/// A VF that is not free yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVf {
    /// The VF.
    pub vf: LeasedVf,
    /// Why it is not free.
    pub reason: String,
}

impl fmt::Display for KeptVf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.vf, self.reason)
    }
}

/// The result of a release.
#[derive(Debug, Default)]
pub struct ReleaseReport {
    /// VFs that are free now.
    pub released: Vec<LeasedVf>,
    /// VFs that are not free yet, and why.
    pub kept: Vec<KeptVf>,
    /// The leases of those that may still have the GUID, MAC or VLAN of their VM, and why.
    pub known: Vec<(Lease, String)>,
}

impl ReleaseReport {
    /// Writes the result to the host's log.
    pub fn log(&self) {
        for vf in &self.released {
            log::info!("{vf} is free");
        }
        for kept in &self.kept {
            log::warn!("{kept}");
        }
    }
}

/// Releases VFs: waits until libvirt has released each, restores it, and removes its lease.
///
/// This needs no lock on all leases. If it fails for a VF, the lease stays in state `releasing`, and the next sweep tries again.
pub fn release(
    root: &Root,
    config: &Config,
    store: &Store,
    reclaims: Vec<ReclaimGuard>,
    wait: Duration,
) -> Result<ReleaseReport, StoreError> {
    let deadline = Instant::now() + wait;
    let mut report = ReleaseReport::default();
    let stale = reclaims.iter().flat_map(|reclaim| &reclaim.stale);
    for lease in stale
        .filter(|stale| stale.restore)
        .filter_map(|stale| stale.lease.as_ref())
    {
        if lease.state == State::Deploying {
            // From now on other deployments may wait for the VF. A full disk must not stop the release.
            if let Err(error) = mark(store, lease) {
                log::warn!("{error}");
            }
        }
    }
    for mut reclaim in reclaims {
        for stale in reclaim.stale.clone() {
            let vf = LeasedVf::new(reclaim.id.vm(), &stale);
            match release_one(root, config, store, &stale, deadline) {
                Ok(()) => {
                    store.forget(&mut reclaim, &stale)?;
                    report.released.push(vf);
                }
                Err(WhyKept { why, has_identity }) => {
                    let kept = KeptVf { vf, reason: why };
                    if let Some(lease) = stale.lease.filter(|_| has_identity) {
                        report.known.push((lease, kept.to_string()));
                    }
                    report.kept.push(kept);
                }
            }
        }
        store.close(&reclaim)?;
    }
    Ok(report)
}

/// Why a VF is not free yet.
struct WhyKept {
    why: String,
    /// Whether the VF may still have the GUID, MAC or VLAN of its VM.
    has_identity: bool,
}

fn release_one(
    root: &Root,
    config: &Config,
    store: &Store,
    stale: &StaleLease,
    deadline: Instant,
) -> Result<(), WhyKept> {
    let Some(lease) = stale.lease.as_ref().filter(|_| stale.restore) else {
        return Ok(());
    };
    if lease.is_bound
        && let Err(error) = unbind(root, config, lease)
    {
        // Not an error: the next VM needs the VF bound to vfio-pci anyway.
        log::warn!("{error}");
    }
    if let Err(why) = unplug_left_dummy(config, store, stale) {
        // The lease stays, so that its position is not reused as long as the guest has the dummy NIC.
        mark(store, lease).map_err(|why| WhyKept {
            why,
            has_identity: true,
        })?;
        return Err(WhyKept {
            why,
            has_identity: true,
        });
    }
    let put = await_release(root, config, stale, lease, deadline).and_then(|()| {
        restore(root, lease).map_err(|why| WhyKept {
            why,
            has_identity: true,
        })
    });
    if put.is_err() {
        mark(store, lease).map_err(|why| WhyKept {
            why,
            has_identity: true,
        })?;
    }
    put
}

/// Unplugs the dummy NIC of a VM that keeps running without the VF of a stale lease.
pub fn unplug_left_dummy(config: &Config, store: &Store, stale: &StaleLease) -> Result<(), String> {
    let (Some(lease), Some(domain)) = (&stale.lease, &stale.domain) else {
        return Ok(());
    };
    // A VM that is being saved or restored keeps its dummy NICs.
    let unplugged = store.unplugged(lease.vm);
    if unplugged.map_err(|error| error.to_string())?.is_none()
        && let Some(mac) = lease.dummy_mac
        && let Some(dummy) = DummyMac::from_mac(mac, config.dummy_prefix)
    {
        let unplugged = unplug_dummy(config, domain, dummy);
        unplugged.map_err(|error| format!("its dummy NIC is still there: {error}"))?;
    }
    Ok(())
}

/// Rebinds a VF that was attached to a running VM to its original driver, because libvirt did not bind it to `vfio-pci`.
fn unbind(root: &Root, config: &Config, lease: &Lease) -> Result<(), Box<dyn std::error::Error>> {
    if HostSysfs::new(root).driver(lease.address)?.as_deref() == Some(VFIO) {
        Libvirt::new(&config.libvirt_uri, config.libvirt_wait).unbind(lease.address)?;
    }
    Ok(())
}

/// Waits until libvirt has released a VF. If that takes time, GUID, MAC and VLAN are cleared first: the VM may start again and
/// get another VF with the same ones.
fn await_release(
    root: &Root,
    config: &Config,
    stale: &StaleLease,
    lease: &Lease,
    deadline: Instant,
) -> Result<(), WhyKept> {
    let mut off = None;
    loop {
        let is_released =
            is_released(HostSysfs::new(root), config, stale).map_err(|error| WhyKept {
                why: format!("failed to read its state: {error}"),
                has_identity: true,
            })?;
        if is_released {
            return Ok(());
        }
        let off = off.get_or_insert_with(|| restore(root, lease));
        if Instant::now() >= deadline {
            let why = "libvirt has not released it yet";
            return Err(match off {
                Ok(()) => WhyKept {
                    why: why.into(),
                    has_identity: false,
                },
                Err(error) => WhyKept {
                    why: format!("{why}, and {error}"),
                    has_identity: true,
                },
            });
        }
        std::thread::sleep(PACE);
    }
}

/// Restores the original state of a VF.
pub(crate) fn restore(root: &Root, lease: &Lease) -> Result<(), String> {
    if lease.original == OriginalState::Untouched {
        return Ok(());
    }
    match pf_netdev(HostSysfs::new(root), lease) {
        // The new VFs do not have the old settings.
        Ok(PfPort::Recreated) => Ok(()),
        Ok(PfPort::Netdev(pf)) => {
            let target = Target {
                pf: &pf,
                vf: lease.vf,
            };
            let wanted = outstanding(lease, shown(root, &target)?.as_ref());
            if wanted.is_empty() {
                return Ok(());
            }
            prepare::restore(&IpLink, &target, &wanted).map_err(|error| error.to_string())
        }
        // libvirt has set the MAC and VLAN, and restores them.
        Ok(PfPort::NoNetdev) if lease.identity == VfIdentity::Mac => Ok(()),
        Ok(PfPort::NoNetdev) => Err(format!("its PF '{}' has no network device", lease.pf)),
        Err(error) => Err(error.to_string()),
    }
}

/// Returns what the kernel reports about a VF.
fn shown(root: &Root, target: &Target<'_>) -> Result<Option<VfInfo>, String> {
    let link = Netlink::new(root)
        .link(target.pf)
        .map_err(|error| error.to_string())?;
    let mut vfs = link.into_iter().flat_map(|link| link.vfs);
    Ok(vfs.find(|info| info.vf == target.vf))
}

/// The port through which the VF of a lease can be configured.
enum PfPort {
    /// Not needed: the PF has recreated its VFs since, or has none now.
    Recreated,
    /// None: the PF has no netdev, because a module such as `ib_ipoib` was unloaded.
    NoNetdev,
    /// The PF's netdev, which may have been renamed.
    Netdev(InterfaceName),
}

fn pf_netdev(sysfs: HostSysfs<'_>, lease: &Lease) -> io::Result<PfPort> {
    let Some(pf) = sysfs.pf_of(lease.address)? else {
        return Ok(PfPort::Recreated);
    };
    if sysfs.vf(pf, lease.vf)? != Some(lease.address) {
        return Ok(PfPort::Recreated);
    }
    let mut netdevs = sysfs.netdevs_of(pf)?;
    netdevs.sort_by_key(|netdev| *netdev != lease.pf);
    for netdev in netdevs {
        if !sysfs.is_representor(&netdev)? {
            return Ok(PfPort::Netdev(netdev));
        }
    }
    Ok(PfPort::NoNetdev)
}

/// Puts a lease into state `releasing`. Keeps the time of the first call, unless the clock was set back since.
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
