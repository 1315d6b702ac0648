//! Unplugs a VF and its dummy NIC from a running VM.
//!
//! The guest has to release the VF. QEMU keeps the request, so this may happen as late as the guest's next reboot. The lease
//! stays until the domain no longer lists the VF.

use std::thread;
use std::time::{Duration, Instant};

use hwaddr::DummyMac;

use crate::config::Config;
use crate::domain::{DummyInterface, HostDevice};
use crate::host::Host;
use crate::lease::{Lease, Store, StoreError, VfIdentity};
use crate::libvirt::{Libvirt, LibvirtError};
use crate::opennebula::VmId;

/// The pause before the next request.
const PACE: Duration = Duration::from_millis(250);

/// Why unplugging a VF failed.
#[derive(Debug, thiserror::Error)]
pub enum UnplugError {
    /// libvirt does not answer.
    #[error(transparent)]
    Libvirt(#[from] LibvirtError),
    /// The guest has not released the VF yet.
    #[error(
        "the guest has not released VF '{vf}' within {secs} s{said}; it keeps the VF until it does"
    )]
    Kept {
        /// The place of the lease.
        vf: String,
        /// `UNPLUG_WAIT`.
        secs: u64,
        /// The last message of libvirt, in parentheses.
        said: String,
    },
}

/// Whether the VM's domain holds the VF of a lease.
///
/// # Errors
/// libvirt does not answer.
pub fn holds(host: &Host, lease: &Lease) -> Result<bool, LibvirtError> {
    let running = host.libvirt().running()?;
    let holder = running.holder(lease.address);
    Ok(holder.is_some_and(|domain| domain.is(lease.vm, lease.deploy_id.as_deref())))
}

/// Unplugs the VF of a lease from a running domain, within `UNPLUG_WAIT`.
///
/// # Errors
/// The guest has not released it in time, and may still do so later.
pub fn unplug(host: &Host, domain: &str, lease: &Lease) -> Result<(), UnplugError> {
    unplug_meanwhile(host, domain, lease, &mut || {})
}

/// Like [`unplug`], and calls `meanwhile` every few seconds.
///
/// # Errors
/// See [`unplug`].
pub fn unplug_meanwhile(
    host: &Host,
    domain: &str,
    lease: &Lease,
    meanwhile: &mut dyn FnMut(),
) -> Result<(), UnplugError> {
    let device = match lease.identity {
        VfIdentity::Mac => HostDevice::Network {
            address: lease.address,
            mac: lease.mac,
            vlan: None,
        },
        VfIdentity::Dummy | VfIdentity::Guid | VfIdentity::Native => HostDevice::Plain {
            address: lease.address,
        },
    };
    let libvirt = host.libvirt();
    let wait = host.config.unplug_wait;
    let deadline = Instant::now() + wait;
    let mut refusal = None;
    while holds(host, lease)? {
        if Instant::now() >= deadline {
            return Err(UnplugError::Kept {
                vf: lease.place().to_string(),
                secs: wait.as_secs(),
                said: refusal.map_or_else(String::new, |said| format!(" ({said})")),
            });
        }
        meanwhile();
        // libvirt itself waits for the guest. A guest that is still booting misses the first request.
        let asked = libvirt.ask_to_detach(domain, &device.element(None));
        refusal = asked.err().map(|error| error.to_string());
        if refusal.is_some() {
            thread::sleep(PACE);
        }
    }
    Ok(())
}

/// Waits until a running domain has released the VF of a lease, within `UNPLUG_WAIT`.
///
/// # Errors
/// The guest has not released it in time, and may still do so later.
pub fn await_release(host: &Host, lease: &Lease) -> Result<(), UnplugError> {
    let wait = host.config.unplug_wait;
    let deadline = Instant::now() + wait;
    while holds(host, lease)? {
        if Instant::now() >= deadline {
            return Err(UnplugError::Kept {
                vf: lease.place().to_string(),
                secs: wait.as_secs(),
                said: String::new(),
            });
        }
        thread::sleep(PACE);
    }
    Ok(())
}

/// Unplugs a dummy NIC from a running domain, if the domain has it.
///
/// # Errors
/// libvirt refuses.
pub fn unplug_dummy(config: &Config, domain: &str, mac: DummyMac) -> Result<(), LibvirtError> {
    let nic = DummyInterface {
        bridge: config.dummy_bridge.clone(),
        mac,
    };
    let libvirt = Libvirt::new(&config.libvirt_uri, config.libvirt_wait);
    match libvirt.ask_to_detach(domain, &nic.element(false, None)) {
        // The message of virDomainDetachDeviceFlags if there is no such device (VIR_ERR_DEVICE_MISSING).
        Err(LibvirtError::Refused { said, .. }) if said.contains("device not found") => Ok(()),
        asked => asked,
    }
}

/// Unplugs the VFs that a killed driver was attaching to this VM, or to any VM: the front-end has reported a failure. Returns a
/// message for each that could not be unplugged. The next sweep releases the VFs.
///
/// # Errors
/// The leases cannot be read, or libvirt does not answer.
pub fn unplug_abandoned<E>(host: &Host, store: &Store, vm: Option<VmId>) -> Result<Vec<String>, E>
where
    E: From<StoreError> + From<LibvirtError>,
{
    let config = &host.config;
    let abandoned = {
        let guard = store.lock(config.lock_wait, "a check for partly attached NICs")?;
        guard.abandoned(vm, config.lease_grace)?
    };
    if abandoned.is_empty() {
        return Ok(Vec::new());
    }
    let running = host.libvirt().running()?;
    // VFs that a killed restore has plugged in belong to the VM; a repair handles them.
    let awaiting = store.all_unplugged()?;
    let mut problems = Vec::new();
    let leases = abandoned.iter().flat_map(|held| &held.leases);
    for lease in leases.filter(|lease| !awaiting.contains(&lease.vm)) {
        let Some(domain) = running.domain_of(lease.vm, lease.deploy_id.as_deref()) else {
            continue;
        };
        let taken = unplug(host, &domain.uuid, lease);
        if let Err(error) = taken {
            let (vm, mac) = (lease.vm, lease.mac);
            problems.push(format!(
                "NIC '{mac}' of VM {vm} was attached only in part: {error}"
            ));
        }
    }
    Ok(problems)
}
