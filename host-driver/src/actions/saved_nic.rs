//! The NICs of a saved or migrated VM: what is saved, and which VFs they request later.

use hwaddr::{DummyMac, Key, MacAddress};

use super::ActionError;
use super::deploy::{self, native};
use crate::domain::HostDevice;
use crate::host::Host;
use crate::lease::{Lease, Store, VfIdentity, VfRequest, Wanted};
use crate::libvirt::held_device;
use crate::opennebula::{NicAttributes, PciNic, Report, VmDocument, VmId};
use crate::pool::PciDevice;
use crate::pool_name::PoolName;
use crate::prepare;
use crate::saved::{NativeVf, SavedNic, SavedNics};
use crate::unplug::unplug_dummy;

/// Returns the NICs of these leases, and the request of each for a new VF.
pub(super) fn describe(
    host: &Host,
    leases: &[Lease],
    dump: &[u8],
    document: &mut VmDocument,
) -> Result<(Vec<SavedNic>, Vec<VfRequest>), ActionError> {
    let (mut nics, mut requests) = (Vec::new(), Vec::new());
    for lease in leases {
        let held = held_device(dump, lease.address).map_err(ActionError::Dump)?;
        let held = held.unwrap_or_default();
        let is_native = lease.identity == VfIdentity::Native;
        let mut nic = SavedNic {
            pool: lease.pool.clone(),
            position: lease.position,
            mac: lease.mac,
            vlan: None,
            has_dummy: lease.dummy_mac.is_some(),
            guid: lease.guid,
            guest: held.guest,
            native: is_native.then(|| NativeVf {
                address: lease.address,
                is_interface: held.is_interface || is_set_up(host, lease, document),
            }),
        };
        let request = request(host, &nic, document)?;
        nic.vlan = request.vlan;
        requests.push(request);
        nics.push(nic);
    }
    Ok((nics, requests))
}

/// Whether OpenNebula's network driver has set the MAC and VLAN of a VF.
fn is_set_up(host: &Host, lease: &Lease, document: &VmDocument) -> bool {
    let mut nics = document.pci_nics().iter();
    let nic = nics.find(|nic| nic.mac == lease.mac && nic.address == lease.address);
    nic.is_some_and(|nic| native::is_set_up(host, nic))
}

/// Returns the NICs that are still in the document. PCI NICs get the VFs that the front-end has chosen now.
pub(super) fn still_named(mut nics: Vec<SavedNic>, document: &VmDocument) -> Vec<SavedNic> {
    let mut pci_nics: Vec<&PciNic> = document.pci_nics().iter().collect();
    nics.retain_mut(|nic| {
        let Some(native) = &mut nic.native else {
            return document.has_nic(nic.mac);
        };
        let nth = pci_nics.iter().position(|pci| pci.mac == nic.mac);
        let chosen = nth.map(|nth| pci_nics.remove(nth).address);
        native.address = chosen.unwrap_or(native.address);
        chosen.is_some()
    });
    nics
}

/// Returns the request of a NIC: position, MAC and GUID as before, VLAN and attributes from its network as it is now.
pub(super) fn request(
    host: &Host,
    nic: &SavedNic,
    document: &mut VmDocument,
) -> Result<VfRequest, ActionError> {
    if let Some(native) = &nic.native {
        return request_native(host, nic, native, document);
    }
    let is_known = document.has_nic(nic.mac);
    let bridge = format!("{}{}", PoolName::BRIDGE_PREFIX, nic.pool);
    let network = document.take_network(nic.mac, &bridge);
    Ok(VfRequest {
        wanted: Wanted::AnyOf(nic.pool.clone()),
        mac: nic.mac,
        dummy: DummyMac::new(host.config.dummy_prefix, nic.position, Key::from(nic.mac)),
        guid_prefix: guid_prefix(host, nic, network.id),
        vlan: if is_known { network.vlan } else { nic.vlan },
        attributes: network.attributes()?,
    })
}

/// Returns the request of a PCI NIC. A document older than the choice of its VF only supplies the attributes of its network.
fn request_native(
    host: &Host,
    nic: &SavedNic,
    native: &NativeVf,
    document: &mut VmDocument,
) -> Result<VfRequest, ActionError> {
    let pci = document.take_pci_nic(nic.mac, native.address);
    let address = native.address;
    let device = PciDevice::find(&host.root, &host.maps()?, address);
    let PciDevice::Vf(vf) = device.map_err(ActionError::Sysfs)? else {
        let mac = nic.mac;
        return Err(ActionError::NotAVf { mac, address });
    };
    if let Some(pci) = &pci {
        native::check_network_driver(host, pci, &vf)?;
    }
    let network = pci.as_ref().and_then(|pci| pci.network);
    Ok(VfRequest {
        wanted: Wanted::Exactly(vf),
        mac: nic.mac,
        dummy: DummyMac::new(host.config.dummy_prefix, nic.position, Key::from(nic.mac)),
        guid_prefix: guid_prefix(host, nic, network),
        vlan: match &pci {
            Some(pci) if native::is_set_up(host, pci) => pci.vlan,
            // Nothing sets the VLAN.
            Some(_) => None,
            None => nic.vlan,
        },
        attributes: pci.map_or_else(|| Ok(NicAttributes::default()), |pci| pci.attributes)?,
    })
}

fn guid_prefix(host: &Host, nic: &SavedNic, network: Option<u32>) -> [u8; 2] {
    match nic.guid.map(|guid| guid.octets()) {
        Some([first, second, ..]) => [first, second],
        None => prepare::guid_prefix(host.config.guid_prefix, network),
    }
}

/// Returns the device that plugs a VF in again.
///
/// OpenNebula's network driver sets MAC and VLAN of a PCI NIC's VF only after a deployment or restore, so here libvirt sets them.
pub(super) fn device(
    nic: &SavedNic,
    lease: &Lease,
    request: &VfRequest,
) -> Result<HostDevice, ActionError> {
    match &nic.native {
        Some(native) if native.is_interface => Ok(HostDevice::Network {
            address: lease.address,
            mac: lease.mac,
            vlan: prepare::ethernet_vlan(request)?,
        }),
        _ => deploy::host_device(lease, request),
    }
}

/// Records the NICs that lack a VF for a later repair, or removes the record if there are none.
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

/// The NICs of a running VM that may lack a VF.
pub(super) fn awaited(host: &Host, store: &Store, vm: VmId) -> Result<Vec<SavedNic>, ActionError> {
    let Some(checkpoint) = store.unplugged(vm)? else {
        return Ok(Vec::new());
    };
    let nics = SavedNics::beside(&host.root, &checkpoint)?.read()?;
    Ok(nics.unwrap_or_default())
}

/// Removes a NIC from the record of those that lack a VF, because it was detached.
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
