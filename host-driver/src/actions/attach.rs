//! Attaches an SR-IOV NIC (`attach_nic`): a running VM gets both a VF and its dummy NIC, or neither.
//!
//! ```text
//! attach_nic <deploy id> <mac> <bridge> <model> <vm> <host>                      4.0, 4.2
//! attach_nic <deploy id> <mac> <bridge> <model> <queues> <vm> <host>             4.4 to 4.14
//! attach_nic <deploy id> <mac> <bridge> <model> <network driver> <tap> <vm> <host>   since 5.0, with a document on stdin
//! ```
//!
//! 1. request: take the lowest position that no NIC of the VM uses
//! 2. lease, prepare: as for a deployment
//! 3. bind: bind the VF to `vfio-pci`, so that QEMU's user gets access to its device node before libvirt opens it
//! 4. attach: attach the VF, check that the domain lists it, and attach the dummy NIC
//!
//! If any of steps 2 to 4 fails, everything is undone.

use std::collections::HashSet;

use hwaddr::{DummyMac, Key, MacAddress};
use one_sriov_system::Spool;

use super::deploy::{self, Work};
use super::plug::Plug;
use super::{ActionCall, ActionError, ensure_dummy_bridge, input, saved_nic};
use crate::domain::{Domain, DummyInterface};
use crate::host::Host;
use crate::lease::{Deployment, Store, VfRequest, Wanted};
use crate::opennebula::{Report, VmId};
use crate::pool_name::PoolName;
use crate::prepare;
use crate::unplug::unplug_abandoned;

/// With at least this many arguments, stdin is the VM document; with fewer, it is a stream of commands, which never ends.
const ARGUMENTS_WITH_DOCUMENT: usize = 8;

/// The NIC described by the arguments.
pub(super) struct AttachArguments<'a> {
    /// The name or UUID of the domain.
    pub(super) domain: &'a str,
    mac: MacAddress,
    model: Option<&'a str>,
}

impl<'a> AttachArguments<'a> {
    pub(super) fn read(call: &ActionCall<'a>, bridge: &'a str) -> Result<Self, ActionError> {
        const DOMAIN: usize = 0;
        const MAC: usize = 1;
        const MODEL: usize = 3;
        let arguments = call.arguments;
        let mac = arguments.text(MAC).unwrap_or_default();
        Ok(Self {
            domain: arguments.text(DOMAIN).ok_or(ActionError::NoVm)?,
            mac: mac.parse().map_err(|error| ActionError::Mac {
                bridge: bridge.to_owned(),
                what: format!("{error}"),
            })?,
            model: arguments.text(MODEL).filter(|model| *model != "-"),
        })
    }
}

/// Attaches a NIC that requests a VF of `pool`.
pub(super) fn attach(
    call: &ActionCall<'_>,
    host: &Host,
    bridge: &str,
    pool: PoolName,
    stdin: Option<&Spool>,
    report: &mut Report,
) -> Result<(), ActionError> {
    let nic = AttachArguments::read(call, bridge)?;
    let vm = call.arguments.vm().ok_or(ActionError::NoVm)?;
    let read;
    let stdin = match stdin {
        None if call.arguments.0.len() >= ARGUMENTS_WITH_DOCUMENT => {
            read = input::read()?;
            Some(&read)
        }
        stdin => stdin,
    };
    let mut document = ActionCall::vm_document(stdin)?.unwrap_or_default();
    let (network, is_open_vswitch) = document.take_attached(nic.mac, bridge);
    let store = host.leases()?;
    for problem in unplug_abandoned::<ActionError>(host, &store, Some(vm))? {
        report.note(&problem);
    }
    let text = host.libvirt().document(nic.domain)?;
    let domain = Domain::read(&text)?;
    let position = free_position(host, &store, vm, &domain)?;
    let request = VfRequest {
        wanted: Wanted::AnyOf(pool),
        mac: nic.mac,
        dummy: DummyMac::new(host.config.dummy_prefix, position, Key::from(nic.mac)),
        guid_prefix: prepare::guid_prefix(host.config.guid_prefix, network.id),
        vlan: network.vlan,
        attributes: network.attributes()?,
    };
    let requests = std::slice::from_ref(&request);
    let mut work = Work::new(call, host, &store, requests);
    let mut deployment = work.grant(vm, &domain)?;
    let plug = Plug {
        work: &work,
        libvirt: host.libvirt(),
        domain: nic.domain,
    };
    if let Err(error) = plug_in(&plug, &nic, is_open_vswitch, &mut deployment, report) {
        plug.unplug_all(&deployment.leases, report);
        work.undo(deployment);
        return Err(error);
    }
    let id = domain.uuid().unwrap_or(nic.domain);
    attached(&store, deployment, id, report);
    Ok(())
}

/// Activates the leases of a VM that now has its NIC.
pub(super) fn attached(store: &Store, mut deployment: Deployment, id: &str, report: &mut Report) {
    for lease in &deployment.leases {
        report.note(&deploy::got(lease));
    }
    if let Err(error) = store.activate(&mut deployment, id) {
        // libvirt shows that the VM has the VF, so the lease stays valid.
        report.note(&error.to_string());
    }
}

/// Returns the lowest position not used by a lease of the VM, a NIC waiting for a VF, or a dummy NIC of the domain.
pub(super) fn free_position(
    host: &Host,
    store: &Store,
    vm: VmId,
    domain: &Domain<'_>,
) -> Result<u8, ActionError> {
    let mut taken: HashSet<u8> = HashSet::new();
    taken.extend(store.leases_of(vm)?.iter().map(|lease| lease.position));
    let awaited = saved_nic::awaited(host, store, vm)?;
    taken.extend(awaited.iter().map(|nic| nic.position));
    let dummy = |mac: MacAddress| DummyMac::from_mac(mac, host.config.dummy_prefix);
    for interface in domain.interfaces() {
        if interface.bridge() == Some(&host.config.dummy_bridge)
            && let Some(dummy) = interface.mac().ok().and_then(dummy)
        {
            taken.insert(dummy.position());
        }
    }
    (0..=u8::MAX)
        .find(|position| !taken.contains(position))
        .ok_or(ActionError::TooManyNics { vm })
}

/// Prepares the VF, and attaches it and its dummy NIC.
pub(super) fn plug_in(
    plug: &Plug<'_>,
    nic: &AttachArguments<'_>,
    is_open_vswitch: bool,
    deployment: &mut Deployment,
    report: &mut Report,
) -> Result<(), ActionError> {
    let Work { host, requests, .. } = plug.work;
    plug.work.check_known(deployment)?;
    for (lease, request) in deployment.leases.iter_mut().zip(*requests) {
        plug.work
            .set_up(lease, request, report)
            .inspect_err(|error| plug.work.note_refusal(lease.address, error))?;
        if !lease.identity.has_dummy() {
            plug.plug_in(lease, request)?;
            continue;
        }
        ensure_dummy_bridge(host, is_open_vswitch)?;
        plug.plug_in(lease, request)?;
        let dummy = DummyInterface {
            bridge: host.config.dummy_bridge.clone(),
            mac: request.dummy,
        };
        plug.attach(lease, &dummy.element(is_open_vswitch, nic.model))?;
    }
    Ok(())
}
