//! `attach_nic` of an SR-IOV NIC: a running VM gets a VF and its dummy NIC, both or neither.
//!
//! ```text
//! attach_nic <deploy id> <mac> <bridge> <model> <vm> <host>                      4.0, 4.2
//! attach_nic <deploy id> <mac> <bridge> <model> <queues> <vm> <host>             4.4 to 4.14
//! attach_nic <deploy id> <mac> <bridge> <model> <network driver> <tap> <vm> <host>   from 5.0 on, with a document on stdin
//! ```
//!
//! 1. request: the position is the lowest that no NIC of the VM has
//! 2. lease, prepare: as for a deployment
//! 3. bind: the VF goes to `vfio-pci`, and its node to QEMU's user, before libvirt looks at it
//! 4. attach: the VF, which the domain must then show, and the dummy NIC
//!
//! What fails from 2 on is undone.

use std::collections::HashSet;

use hwaddr::{DummyMac, Key, MacAddress};
use one_sriov_system::Spool;

use super::deploy::{self, Work};
use super::{ActionError, Context, input};
use crate::domain::{Domain, DummyNic};
use crate::dummy_bridge;
use crate::host::Host;
use crate::lease::{Deployment, Store, VfRequest, Wanted};
use crate::libvirt::Libvirt;
use crate::opennebula::{Report, VmDocument, VmId};
use crate::pool_name::PoolName;
use crate::prepare;
use crate::unplug::{holds, take_out_abandoned, unplug};

/// From this many arguments on the document is on stdin. Before, stdin is the stream of commands, which never ends.
const ARGUMENTS_WITH_DOCUMENT: usize = 8;

/// The NIC as the front-end describes it.
pub(super) struct Nic<'a> {
    /// The domain, by its name or UUID.
    pub(super) domain: &'a str,
    mac: MacAddress,
    bridge: &'a str,
    model: Option<&'a str>,
}

impl<'a> Nic<'a> {
    pub(super) fn read(context: &Context<'a>, bridge: &'a str) -> Result<Self, ActionError> {
        const DOMAIN: usize = 0;
        const MAC: usize = 1;
        const MODEL: usize = 3;
        let arguments = context.arguments;
        let mac = arguments.text(MAC).unwrap_or_default();
        Ok(Self {
            domain: arguments.text(DOMAIN).ok_or(ActionError::NoVm)?,
            mac: mac.parse().map_err(|error| ActionError::Mac {
                bridge: bridge.to_owned(),
                what: format!("{error}"),
            })?,
            bridge,
            model: arguments.text(MODEL).filter(|model| *model != "-"),
        })
    }
}

/// Attaches a NIC that asks for a VF of `pool`.
pub(super) fn attach(
    context: &Context<'_>,
    host: &Host,
    bridge: &str,
    pool: PoolName,
    stdin: Option<&Spool>,
    report: &mut Report,
) -> Result<(), ActionError> {
    let nic = Nic::read(context, bridge)?;
    let vm = context.arguments.vm().ok_or(ActionError::NoVm)?;
    let mut document = document(context, stdin)?;
    let (network, is_open_vswitch) = document.take_attached(nic.mac, bridge);
    let store = host.leases()?;
    for problem in take_out_abandoned::<ActionError>(host, &store, Some(vm))? {
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
    let granted = deploy::grant(context, host, &store, vm, &domain, requests)?;
    let mut deployment = granted.deployment;
    let work = Work {
        context,
        host,
        store: &store,
        requests,
        known: &granted.known,
        monitoring: granted.monitoring.as_ref(),
    };
    let plug = Plug {
        work: &work,
        libvirt: host.libvirt(),
        nic: &nic,
        is_open_vswitch,
    };
    if let Err(error) = plug.plug_in(&mut deployment, &request, report) {
        plug.take_out(&deployment, report);
        work.undo(deployment);
        return Err(error);
    }
    let id = domain.uuid().unwrap_or(nic.domain);
    attached(&store, deployment, id, report);
    Ok(())
}

/// The VM has its NIC: the lease becomes active.
pub(super) fn attached(store: &Store, mut deployment: Deployment, id: &str, report: &mut Report) {
    for lease in &deployment.leases {
        report.note(&deploy::got(lease));
    }
    if let Err(error) = store.activate(&mut deployment, id) {
        // libvirt says to whoever looks at the lease that the VM has the VF.
        report.note(&error.to_string());
    }
}

/// What is on stdin, or was read of it.
fn document(context: &Context<'_>, stdin: Option<&Spool>) -> Result<VmDocument, ActionError> {
    let read;
    let stdin = match stdin {
        Some(stdin) => stdin,
        None if context.arguments.0.len() < ARGUMENTS_WITH_DOCUMENT => {
            return Ok(VmDocument::default());
        }
        None => {
            read = input::read()?;
            &read
        }
    };
    let text = String::from_utf8_lossy(input::document(stdin)?);
    if text.trim().is_empty() {
        return Ok(VmDocument::default());
    }
    VmDocument::parse(&text).map_err(|cause| ActionError::VmDocument {
        path: "/dev/stdin".into(),
        cause,
    })
}

/// The lowest position that neither a lease of the VM nor a dummy NIC in its domain has.
pub(super) fn free_position(
    host: &Host,
    store: &Store,
    vm: VmId,
    domain: &Domain<'_>,
) -> Result<u8, ActionError> {
    let mut taken: HashSet<u8> = HashSet::new();
    taken.extend(store.leases_of(vm)?.iter().map(|lease| lease.position));
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

/// The way of one NIC into a running domain.
pub(super) struct Plug<'a> {
    pub(super) work: &'a Work<'a>,
    pub(super) libvirt: Libvirt,
    pub(super) nic: &'a Nic<'a>,
    pub(super) is_open_vswitch: bool,
}

impl Plug<'_> {
    pub(super) fn plug_in(
        &self,
        deployment: &mut Deployment,
        request: &VfRequest,
        report: &mut Report,
    ) -> Result<(), ActionError> {
        let Work { host, store, .. } = self.work;
        self.work.check_known(deployment)?;
        for lease in &mut deployment.leases {
            self.work
                .set_up(lease, request, report)
                .inspect_err(|error| self.work.note_refusal(lease.address, error))?;
            if lease.identity.has_dummy() {
                self.ensure_bridge(host)?;
            }
            lease.is_bound = true;
            store.update(lease)?;
            self.libvirt.bind(lease.address)?;
            let device = deploy::host_device(lease, request)?;
            let attached = self.attach(&device.element());
            attached.inspect_err(|error| {
                self.work.note_failure(lease.address, &error.to_string());
            })?;
            self.work.forget_failure(lease.address);
            if !holds(host, lease)? {
                return Err(ActionError::NotAttached {
                    mac: lease.mac,
                    vf: lease.place().to_string(),
                });
            }
            if lease.identity.has_dummy() {
                self.attach_dummy(request)?;
            }
        }
        Ok(())
    }

    /// Takes out what was attached before a failure. What stays is found by the next look.
    pub(super) fn take_out(&self, deployment: &Deployment, report: &mut Report) {
        let (host, domain) = (self.work.host, self.nic.domain);
        for lease in deployment.leases.iter().filter(|lease| lease.is_bound) {
            if let Err(error) = unplug(host, domain, lease) {
                report.note(&error.to_string());
            }
        }
    }

    fn ensure_bridge(&self, host: &Host) -> Result<(), ActionError> {
        let bridge = &host.config.dummy_bridge;
        let made = dummy_bridge::ensure(&host.root, bridge, self.is_open_vswitch);
        made.map_err(|what| ActionError::DummyBridge {
            bridge: bridge.clone(),
            what,
        })
    }

    fn attach_dummy(&self, request: &VfRequest) -> Result<(), ActionError> {
        let nic = DummyNic {
            bridge: self.work.host.config.dummy_bridge.clone(),
            mac: request.dummy,
        };
        self.attach(&nic.element(self.is_open_vswitch, self.nic.model))
    }

    fn attach(&self, element: &str) -> Result<(), ActionError> {
        let attached = self.libvirt.attach(self.nic.domain, element);
        attached.map_err(|cause| ActionError::Attach {
            mac: self.nic.mac,
            bridge: self.nic.bridge.to_owned(),
            cause,
        })
    }
}
