//! The NICs of a saved VM: what is saved, and what they request when they get VFs again.

use hwaddr::{DummyMac, Key, MacAddress};

use super::ActionError;
use crate::host::Host;
use crate::lease::{Lease, Store, VfRequest, Wanted};
use crate::libvirt::guest_address;
use crate::opennebula::{Report, VmDocument, VmId};
use crate::pool_name::PoolName;
use crate::prepare;
use crate::saved::{SavedNic, SavedNics};
use crate::unplug::unplug_dummy;

/// The NICs with these leases, and what each requests when it gets a VF again.
pub(super) fn describe(
    host: &Host,
    leases: &[Lease],
    dump: &[u8],
    document: &mut VmDocument,
) -> Result<(Vec<SavedNic>, Vec<VfRequest>), ActionError> {
    let (mut nics, mut requests) = (Vec::new(), Vec::new());
    for lease in leases {
        let mut nic = SavedNic {
            pool: lease.pool.clone(),
            position: lease.position,
            mac: lease.mac,
            vlan: None,
            has_dummy: lease.dummy_mac.is_some(),
            guid: lease.guid,
            guest: guest_address(dump, lease.address).map_err(ActionError::Dump)?,
        };
        let request = request(host, &nic, document)?;
        nic.vlan = request.vlan;
        requests.push(request);
        nics.push(nic);
    }
    Ok((nics, requests))
}

/// Position, MAC and GUID as before; VLAN and attributes as its network has them now.
pub(super) fn request(
    host: &Host,
    nic: &SavedNic,
    document: &mut VmDocument,
) -> Result<VfRequest, ActionError> {
    let is_known = document.has_nic(nic.mac);
    let bridge = format!("{}{}", PoolName::BRIDGE_PREFIX, nic.pool);
    let network = document.take_network(nic.mac, &bridge);
    let guid_prefix = match nic.guid.map(|guid| guid.octets()) {
        Some([first, second, ..]) => [first, second],
        None => prepare::guid_prefix(host.config.guid_prefix, network.id),
    };
    Ok(VfRequest {
        wanted: Wanted::AnyOf(nic.pool.clone()),
        mac: nic.mac,
        dummy: DummyMac::new(host.config.dummy_prefix, nic.position, Key::from(nic.mac)),
        guid_prefix,
        vlan: if is_known { network.vlan } else { nic.vlan },
        attributes: network.attributes()?,
    })
}

/// Records the NICs that lack a VF for a later repair. If there are none, the file is removed.
pub(super) fn note_missing(
    store: &Store,
    vm: VmId,
    saved: &SavedNics,
    missing: Vec<SavedNic>,
    report: &mut Report,
) {
    let is_whole = missing.is_empty();
    let noted = if is_whole {
        saved.remove()
    } else {
        saved.write(missing)
    };
    if let Err(error) = noted {
        report.note(&error.to_string());
    }
    if is_whole && let Err(error) = store.forget_unplugged(vm) {
        report.note(&error.to_string());
    }
}

/// Forgets a NIC that lacks a VF and has been detached.
pub(super) fn forget(
    host: &Host,
    store: &Store,
    vm: VmId,
    mac: MacAddress,
) -> Result<(), ActionError> {
    let Some(checkpoint) = store.unplugged(vm)? else {
        return Ok(());
    };
    let saved = SavedNics::beside(&host.root, &checkpoint)?;
    let nics = saved.read()?.unwrap_or_default();
    let (gone, nics): (Vec<_>, Vec<_>) = nics.into_iter().partition(|nic| nic.mac == mac);
    for nic in gone.iter().filter(|nic| nic.has_dummy) {
        let dummy = DummyMac::new(host.config.dummy_prefix, nic.position, Key::from(mac));
        unplug_dummy(&host.config, &vm.domain(), dummy)?;
    }
    Ok(saved.write(nics)?)
}

/// The line in the VM's log for a NIC that stays without a VF.
pub(super) fn lost(lease: &Lease, error: &ActionError) -> String {
    let (mac, vm) = (lease.mac, lease.vm);
    format!("NIC '{mac}' of VM {vm} has no VF: {error}; 'one-sriov repair {vm}' tries again")
}
