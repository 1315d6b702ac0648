//! PCI NICs. OpenNebula has chosen their VFs: `vm.xml` names them, and the domain contains them.
//!
//! OpenNebula does not set GUIDs. Since 6.6, some of its network drivers set up the VF of each PCI NIC once the VM runs, with
//! `ip link set <pf> vf <n> vlan 0 mac <mac>` (`activate_vf` in `vnm/vf.rb`). An InfiniBand PF refuses that, and OpenNebula
//! cancels the VM.

use one_sriov_system::Spool;

use super::read_vm_document;
use crate::actions::{ActionCall, ActionError, input};
use crate::domain::Domain;
use crate::host::Host;
use crate::lease::{VfRequest, Wanted};
use crate::opennebula::{PciNic, Report, VmDocument, VmId};
use crate::pool::{LinkLayer, PciDevice, Vf};
use crate::prepare;

/// Every domain with host devices contains this.
const HOSTDEV: &[u8] = b"<hostdev";
/// The network drivers that call `activate_vf`.
const SETTING_DRIVERS: [&str; 4] = ["bridge", "fw", "802.1Q", "ovswitch"];
/// The file that defines `activate_vf`, relative to the directory of the actions.
pub(in crate::actions) const ACTIVATE_VF: &str = "../../vnm/vf.rb";

/// Returns the VM document if it lists PCI NICs.
///
/// A document that cannot be read is reported, but is not an error: all host devices of the VM may be of another kind, such as
/// graphics cards.
pub(super) fn document(
    call: &ActionCall<'_>,
    stdin: &Spool,
    report: &mut Report,
) -> Result<Option<VmDocument>, ActionError> {
    if !input::mentions(stdin, HOSTDEV)? {
        return Ok(None);
    }
    let left = "the PCI devices of the VM are not managed";
    match read_vm_document(call, &Host::root_dir()) {
        Ok(Some(document)) => Ok(Some(document).filter(|found| !found.pci_nics().is_empty())),
        Ok(None) => {
            report.note(&format!(
                "there is no 'vm.xml' beside the deployment file: {left}"
            ));
            Ok(None)
        }
        Err(error) => {
            log::warn!("{}: {error}", call.action);
            report.note(&format!("{error}: {left}"));
            Ok(None)
        }
    }
}

/// Finds the PCI NICs that are in the domain, and their VFs, in the order of the NICs' IDs.
pub(super) fn find(
    host: &Host,
    domain: &Domain<'_>,
    document: &VmDocument,
    report: &mut Report,
) -> Result<Vec<(PciNic, Vf)>, ActionError> {
    let mut devices = Vec::new();
    for nic in document.pci_nics() {
        if domain.hostdevs().contains(&nic.address)
            && let Some(vf) = vf(host, nic, report)?
        {
            devices.push((nic.clone(), vf));
        }
    }
    Ok(devices)
}

/// Returns the VF of a PCI NIC if the driver can manage it. Other devices are reported, except for whole Ethernet cards.
pub(in crate::actions) fn vf(
    host: &Host,
    nic: &PciNic,
    report: &mut Report,
) -> Result<Option<Vf>, ActionError> {
    let device = PciDevice::find(&host.root, &host.maps()?, nic.address);
    match device.map_err(ActionError::Sysfs)? {
        PciDevice::Vf(vf) => {
            check_network_driver(host, nic, &vf)?;
            check_attributes(host, nic, &vf, report)?;
            return Ok(Some(vf));
        }
        PciDevice::WithoutPf => report.note(&format!(
            "PCI NIC '{}' is not managed: the PF of VF '{}' has no network device",
            nic.mac, nic.address
        )),
        PciDevice::Card if nic.is_infiniband => report.note(&format!(
            "PCI NIC '{}' is a whole InfiniBand card ('{}'): it keeps its own GUIDs",
            nic.mac, nic.address
        )),
        PciDevice::Card => {}
    }
    Ok(None)
}

/// Refuses an InfiniBand VF whose VM OpenNebula would cancel as soon as it runs, because the network driver sets up VFs.
pub(in crate::actions) fn check_network_driver(
    host: &Host,
    nic: &PciNic,
    vf: &Vf,
) -> Result<(), ActionError> {
    if vf.pf.link_layer == LinkLayer::Infiniband && is_set_up(host, nic) {
        return Err(ActionError::NetworkDriver {
            vf: vf.address,
            driver: nic.network_driver.clone().unwrap_or_default(),
        });
    }
    Ok(())
}

/// Whether OpenNebula's network driver sets up the VF of a NIC once the VM runs.
pub(in crate::actions) fn is_set_up(host: &Host, nic: &PciNic) -> bool {
    let driver = nic.network_driver.as_deref().unwrap_or_default();
    SETTING_DRIVERS.contains(&driver) && host.home.join(ACTIVATE_VF).exists()
}

/// Refuses VLAN attributes that OpenNebula's network driver would overwrite, and reports attributes that nothing sets.
fn check_attributes(
    host: &Host,
    nic: &PciNic,
    vf: &Vf,
    report: &mut Report,
) -> Result<(), ActionError> {
    let attributes = nic.attributes.clone()?;
    if vf.pf.link_layer != LinkLayer::Ethernet {
        return Ok(());
    }
    if attributes.has_vlan_tag() {
        return Err(ActionError::NativeVlan { mac: nic.mac });
    }
    let of_driver = [
        ("VLAN_ID", nic.vlan.is_some_and(|vlan| vlan != 0)),
        ("SPOOFCHK", attributes.spoof_check.is_some()),
        ("TRUST", attributes.trust.is_some()),
    ];
    if !is_set_up(host, nic) {
        for (name, _) in of_driver.into_iter().filter(|(_, is_given)| *is_given) {
            report.note(&format!(
                "PCI NIC '{}': {name} is not set: OpenNebula's network driver has to set it, but this one does not set up VFs",
                nic.mac
            ));
        }
    }
    Ok(())
}

/// Returns the requests of PCI NICs. Their positions start at `first`, after those of the other NICs.
pub(super) fn requests(
    host: &Host,
    vm: VmId,
    first: usize,
    devices: Vec<(PciNic, Vf)>,
) -> Result<Vec<VfRequest>, ActionError> {
    let devices = (first..).zip(devices);
    let request = |(position, (nic, vf))| request(host, vm, position, nic, vf);
    devices.map(request).collect()
}

/// Returns the request of a PCI NIC.
pub(in crate::actions) fn request(
    host: &Host,
    vm: VmId,
    position: usize,
    nic: PciNic,
    vf: Vf,
) -> Result<VfRequest, ActionError> {
    Ok(VfRequest {
        wanted: Wanted::Exactly(vf),
        mac: nic.mac,
        dummy: super::dummy(host, vm, position, nic.mac)?,
        guid_prefix: prepare::guid_prefix(host.config.guid_prefix, nic.network),
        vlan: nic.vlan,
        attributes: nic.attributes?,
    })
}

/// Whether a VF chosen by OpenNebula must be leased. An Ethernet VF need not be: OpenNebula sets it up.
pub(in crate::actions) fn needs_leases(vf: &Vf) -> bool {
    vf.pf.link_layer == LinkLayer::Infiniband
}

/// Whether any request of a VM must be leased.
pub(super) fn need_leases(requests: &[VfRequest]) -> bool {
    requests.iter().any(|request| match &request.wanted {
        Wanted::Exactly(vf) => needs_leases(vf),
        Wanted::AnyOf(_) => true,
    })
}
