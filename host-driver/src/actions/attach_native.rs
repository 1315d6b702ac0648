//! Attaches a PCI NIC (`attach_nic`, since OpenNebula 6.6), which the VM document marks with `ATTACH=YES`.
//!
//! An Ethernet VF is leased, and the stock action attaches it. An InfiniBand VF also gets its GUIDs, and the driver attaches it:
//! the stock action would make libvirt set a MAC (`<interface type='hostdev'>`), which an InfiniBand PF refuses.

use one_sriov_system::Spool;

use super::attach::{AttachArguments, attached, free_position, plug_in};
use super::deploy::{Work, native};
use super::plug::Plug;
use super::stock::{become_stock, delegate_deployment};
use super::{ActionCall, ActionError, input};
use crate::domain::Domain;
use crate::lease::Deployment;
use crate::opennebula::{PciNic, Report, VmDocument};
use crate::pool::LinkLayer;
use crate::unplug::unplug_abandoned;

/// Every document with a PCI device contains this.
const PCI: &[u8] = b"<PCI>";
/// The index of the bridge argument.
const BRIDGE: usize = 2;

/// Returns the NIC to attach if it is a PCI NIC.
///
/// A document that cannot be parsed counts as one without a PCI NIC: the stock action parses it again.
pub(super) fn pci_nic(stdin: &Spool) -> Result<Option<PciNic>, ActionError> {
    if !input::mentions(stdin, PCI)? {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(input::document(stdin)?);
    match VmDocument::parse(&text) {
        Ok(document) => {
            let mut nics = document.pci_nics().iter();
            Ok(nics.find(|nic| nic.is_attached).cloned())
        }
        Err(error) => {
            log::warn!("attach_nic: failed to read the document of the VM: {error}");
            Ok(None)
        }
    }
}

/// Attaches a PCI NIC.
pub(super) fn attach(
    call: &ActionCall<'_>,
    pci_nic: PciNic,
    stdin: &Spool,
    report: &mut Report,
) -> Result<(), ActionError> {
    let host = call.host()?;
    let become_stock = |report: &mut Report| {
        report.flush();
        Err(become_stock(call, Some(stdin)))
    };
    let Some(vf) = native::vf(&host, &pci_nic, report)? else {
        return become_stock(report);
    };
    let vm = call.arguments.vm().ok_or(ActionError::NoVm)?;
    let bridge = call.arguments.text(BRIDGE).unwrap_or_default();
    let nic = AttachArguments::read(call, bridge)?;
    let store = match host.leases_if_any()? {
        Some(store) => store,
        None if !native::needs_leases(&vf) => {
            report.note("there is no lease directory: the PCI NICs of the VM are not managed");
            return become_stock(report);
        }
        None => host.leases()?,
    };
    for problem in unplug_abandoned::<ActionError>(&host, &store, Some(vm))? {
        report.note(&problem);
    }
    let text = host.libvirt().document(nic.domain)?;
    let domain = Domain::read(&text)?;
    let position = free_position(&host, &store, vm, &domain)?;
    let is_infiniband = vf.pf.link_layer == LinkLayer::Infiniband;
    let requests = [native::request(&host, vm, position.into(), pci_nic, vf)?];
    let mut work = Work::new(call, &host, &store, &requests);
    let mut deployment = work.grant(vm, &domain)?;
    let done = if is_infiniband {
        by_us(&work, &nic, &mut deployment, report)
    } else {
        by_stock_action(&work, &mut deployment, stdin, report)
    };
    if let Err(error) = done {
        work.undo(deployment);
        return Err(error);
    }
    let id = domain.uuid().unwrap_or(nic.domain);
    attached(&store, deployment, id, report);
    Ok(())
}

fn by_us(
    work: &Work<'_>,
    nic: &AttachArguments<'_>,
    deployment: &mut Deployment,
    report: &mut Report,
) -> Result<(), ActionError> {
    let plug = Plug {
        work,
        libvirt: work.host.libvirt(),
        domain: nic.domain,
    };
    let plugged = plug_in(&plug, nic, false, deployment, report);
    plugged.inspect_err(|_| plug.unplug_all(&deployment.leases, report))
}

fn by_stock_action(
    work: &Work<'_>,
    deployment: &mut Deployment,
    stdin: &Spool,
    report: &mut Report,
) -> Result<(), ActionError> {
    work.check_known(deployment)?;
    for (lease, request) in deployment.leases.iter_mut().zip(work.requests) {
        work.set_up(lease, request, report)?;
    }
    delegate_deployment(work.call, Some(stdin), deployment, report)
}
