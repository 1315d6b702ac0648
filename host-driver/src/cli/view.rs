//! A snapshot of all pools of the host with all their VFs.

use crate::host::Host;
use crate::lease::{
    AllocateError, Allocator, Availability, Guard, Lease, Store, StoreError, Sweep, SweepScope,
    VfIdentity,
};
use crate::libvirt::RunningDomains;
use crate::pool::{HostSysfs, Pool};
use crate::pool_name::PoolName;

use super::error::Failure;

/// A pool and its VFs.
#[derive(Debug)]
pub(super) struct PoolView {
    pub(super) name: PoolName,
    /// Why its VFs cannot be read.
    pub(super) error: Option<String>,
    /// Whether that is because it does not exist or has no VFs.
    pub(super) has_gone: bool,
    pub(super) vfs: Vec<VfView>,
}

/// A VF of a pool.
#[derive(Debug)]
pub(super) struct VfView {
    pub(super) index: u32,
    pub(super) address: Option<hwaddr::PciAddress>,
    pub(super) numa_node: Option<u32>,
    pub(super) availability: Availability,
    pub(super) lease: Option<Lease>,
}

impl PoolView {
    pub(super) fn free(&self) -> usize {
        self.vfs.iter().filter(|vf| vf.is_free()).count()
    }
}

impl VfView {
    pub(super) fn is_free(&self) -> bool {
        matches!(
            self.availability,
            Availability::Free | Availability::Stale(_)
        )
    }

    /// Returns the state (`free`, `active`, `busy`, ...) and the holder.
    pub(super) fn state(&self) -> (&'static str, String) {
        match &self.availability {
            Availability::Free | Availability::Stale(_) => ("free", String::new()),
            Availability::BeingReleased(vm) => ("releasing", format!("VM {vm}")),
            Availability::Leased(vm) => {
                let state = match self.lease.as_ref().map(|lease| lease.state) {
                    Some(crate::lease::State::Deploying) | None => "deploying",
                    Some(crate::lease::State::Active) => "active",
                    Some(crate::lease::State::Releasing) => "releasing",
                };
                let is_native = |lease: &Lease| lease.identity == VfIdentity::Native;
                let kind = if self.lease.as_ref().is_some_and(is_native) {
                    " (PCI NIC)"
                } else {
                    ""
                };
                (state, format!("VM {vm}{kind}"))
            }
            Availability::Corrupt => ("corrupt", String::new()),
            Availability::Domain(name) => ("busy", format!("domain '{name}'")),
            Availability::Host(host) => ("busy", format!("this host: {host}")),
            Availability::NoNetdev(pf) => ("unusable", format!("PF '{pf}' has no network device")),
            Availability::Failed(why) => ("failed", why.clone()),
            Availability::Absent => ("absent", String::new()),
            Availability::PciProbe(filter) => {
                ("pci", format!("OpenNebula's PCI probe, by '{filter}'"))
            }
        }
    }
}

/// Returns the pools to print.
pub(super) fn names(host: &Host, only: Option<&str>) -> Result<Vec<PoolName>, Failure> {
    match only {
        Some(name) => Ok(vec![name.parse()?]),
        None => Ok(Pool::names(&host.root, &host.maps()?)?),
    }
}

/// Finds stale leases, without releasing any.
pub(super) fn sweep(
    guard: &Guard<'_>,
    host: &Host,
    running: &RunningDomains,
) -> Result<Sweep, Failure> {
    let mut sweep = guard.sweep(running, SweepScope::All, host.config.lease_grace)?;
    sweep.confirm(|| host.libvirt().running())?;
    Ok(sweep)
}

/// Reads these pools.
pub(super) fn pools(
    host: &Host,
    names: Vec<PoolName>,
    store: &Store,
    running: &RunningDomains,
    sweep: &Sweep,
) -> Vec<PoolView> {
    let mut allocator = Allocator::without_lock(&host.root, &host.config, store, running);
    let view = |name: PoolName| match vfs(host, &name, store, &mut allocator, sweep) {
        Ok(vfs) => PoolView {
            name,
            error: None,
            has_gone: false,
            vfs,
        },
        Err(error) => PoolView {
            name,
            has_gone: error.is_no_pool(),
            error: Some(error.to_string()),
            vfs: Vec::new(),
        },
    };
    names.into_iter().map(view).collect()
}

fn vfs(
    host: &Host,
    name: &PoolName,
    store: &Store,
    allocator: &mut Allocator<'_>,
    sweep: &Sweep,
) -> Result<Vec<VfView>, Failure> {
    let pool = allocator.open(name)?;
    let found: Vec<_> = pool
        .indexes()
        .into_iter()
        .map(|index| (index, pool.address(index)))
        .collect();
    let view = |(index, address)| -> Result<VfView, Failure> {
        let availability = match address {
            Some(_) => allocator.availability_in(name, index, sweep)?,
            None => Availability::Absent,
        };
        // The lease may be in another pool with the same VF.
        let claim = address.map(|address| unless_corrupt(store.claim(address)));
        let lease = match claim.transpose()?.flatten() {
            Some((place, _)) => unless_corrupt(store.read(&place))?,
            None => None,
        };
        let node = address.map(|address| {
            let node = HostSysfs::new(&host.root).numa_node(address);
            node.map_err(|cause| AllocateError::Sysfs(address, cause))
        });
        Ok(VfView {
            index,
            address,
            numa_node: node.transpose()?.flatten(),
            availability,
            lease,
        })
    };
    found.into_iter().map(view).collect()
}

/// Treats a corrupt lease as missing. The state of its VF shows that it is corrupt.
fn unless_corrupt<T>(read: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Err(StoreError::Corrupt { .. }) => Ok(None),
        read => read,
    }
}
