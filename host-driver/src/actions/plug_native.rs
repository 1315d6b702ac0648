//! `attach_nic` of a NIC that OpenNebula passes through by itself, from 6.6 on: the document names it by `ATTACH=YES`.
//!
//! An Ethernet VF is leased, and attached by the stock action. An InfiniBand VF gets its GUIDs first, and is attached by us: the
//! stock action has libvirt set a MAC on it (`<interface type='hostdev'>`), which an InfiniBand PF refuses.

use std::time::Duration;

use one_sriov_system::{Delegation, Spool};

use super::deploy::{self, Work, native};
use super::plug::{Nic, Plug, free_position};
use super::stock::{become_stock, outcome, pass_on, program};
use super::{ActionError, Context, input};
use crate::domain::Domain;
use crate::lease::Deployment;
use crate::opennebula::{MonitoringClient, PciNic, Report, VmDocument};
use crate::pool::LinkLayer;
use crate::unplug::take_out_abandoned;

/// How often a NIC that is being attached shows that it is still worked on.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// What a document with PCI devices has in it.
const PCI: &[u8] = b"<PCI>";
/// Where the arguments name the bridge.
const BRIDGE: usize = 2;

/// The NIC that is to be attached, if it is one that OpenNebula passes through by itself.
///
/// A document that cannot be read says nothing: the stock action reads it, too.
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

/// Attaches it.
pub(super) fn attach(
    context: &Context<'_>,
    pci_nic: PciNic,
    stdin: &Spool,
    report: &mut Report,
) -> Result<(), ActionError> {
    let host = context.host()?;
    let Some(vf) = native::vf(&host, &pci_nic, report)? else {
        report.flush();
        return Err(become_stock(context, Some(stdin)));
    };
    let vm = context.arguments.vm().ok_or(ActionError::NoVm)?;
    let bridge = context.arguments.text(BRIDGE).unwrap_or_default();
    let nic = Nic::read(context, bridge)?;
    let store = match host.leases_if_any()? {
        Some(store) => store,
        None if !native::needs_leases(&vf) => {
            report.note("there is no lease directory: the PCI NICs of the VM are not managed");
            report.flush();
            return Err(become_stock(context, Some(stdin)));
        }
        None => host.leases()?,
    };
    for problem in take_out_abandoned::<ActionError>(&host, &store, Some(vm))? {
        report.note(&problem);
    }
    let text = host.libvirt().document(nic.domain)?;
    let domain = Domain::read(&text)?;
    let position = free_position(&host, &store, vm, &domain)?;
    let is_infiniband = vf.pf.link_layer == LinkLayer::Infiniband;
    let requests = [native::request(&host, vm, position.into(), pci_nic, vf)?];
    let monitoring = MonitoringClient::find(&host.root);
    let (mut deployment, reclaims) = deploy::lease(context, &host, &store, vm, &domain, &requests)?;
    let released = deploy::release_vfs(&host, &store, reclaims);
    MonitoringClient::refresh(monitoring.as_ref());
    let work = Work {
        context,
        host: &host,
        store: &store,
        requests: &requests,
        known: &released.known,
        monitoring: monitoring.as_ref(),
    };
    if is_infiniband {
        let plug = Plug {
            work: &work,
            libvirt: host.libvirt(),
            nic: &nic,
            is_open_vswitch: false,
        };
        if let Err(error) = plug.plug_in(&mut deployment, &requests[0], report) {
            plug.take_out(&deployment, report);
            work.undo(deployment);
            return Err(error);
        }
    } else if let Err(error) = by_stock_action(&work, &mut deployment, stdin, report) {
        work.undo(deployment);
        return Err(error);
    }
    for lease in &deployment.leases {
        report.note(&deploy::got(lease));
    }
    let id = domain.uuid().unwrap_or(nic.domain).to_owned();
    if let Err(error) = store.activate(&mut deployment, &id) {
        // libvirt says to whoever looks at the lease that the VM has the VF.
        report.note(&error.to_string());
    }
    Ok(())
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
    let done = program(work.context).delegate(Delegation {
        stdin: Some(input::document(stdin)?),
        keep: &[deployment.token()],
        every: HEARTBEAT,
        tick: &mut || deployment.show_life(),
    });
    let done = done.map_err(|cause| ActionError::Stock {
        action: work.context.action.to_owned(),
        cause,
    })?;
    if let Err(error) = pass_on(&done.stdout) {
        log::warn!("failed to print what the stock action has printed: {error}");
    }
    outcome(work.context, &done, report)
}
