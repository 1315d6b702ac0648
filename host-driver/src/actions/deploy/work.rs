//! Turns leases into a running VM: prepares the VFs, edits the domain, delegates, and undoes all of this on failure.

use hwaddr::PciAddress;
use one_sriov_system::Spool;

use super::SriovNic;
use crate::actions::stock::{HEARTBEAT, outcome, pass_on, program};
use crate::actions::{ActionCall, ActionError, ensure_dummy_bridge};
use crate::domain::{DeviceReplacement, Domain, DroppedElement, DummyInterface, HostDevice};
use crate::host::Host;
use crate::lease::{Deployment, Lease, State, Store, StoreError, VfIdentity, VfRequest};
use crate::opennebula::{MonitoringClient, Report};
use crate::prepare::ethernet_vlan;
use crate::release::release;

/// An action on the VFs of one VM, with everything it needs.
pub(in crate::actions) struct Work<'a> {
    pub(in crate::actions) call: &'a ActionCall<'a>,
    pub(in crate::actions) host: &'a Host,
    pub(in crate::actions) store: &'a Store,
    pub(in crate::actions) requests: &'a [VfRequest],
    pub(in crate::actions) monitoring: Option<MonitoringClient>,
    /// Stale leases whose VFs may still have the GUIDs or MACs of their VMs, and why.
    pub(super) known: Vec<(Lease, String)>,
}

impl<'a> Work<'a> {
    pub(in crate::actions) fn new(
        call: &'a ActionCall<'a>,
        host: &'a Host,
        store: &'a Store,
        requests: &'a [VfRequest],
    ) -> Self {
        Self {
            call,
            host,
            store,
            requests,
            monitoring: MonitoringClient::find(&host.root),
            known: Vec::new(),
        }
    }

    pub(super) fn deploy(
        &self,
        domain: &Domain<'_>,
        nics: &[SriovNic<'_>],
        mut deployment: Deployment,
        report: &mut Report,
    ) -> Result<(), ActionError> {
        let replacements = match self.prepare(nics, &mut deployment, report) {
            Ok(replacements) => replacements,
            Err(error) => {
                self.undo(deployment);
                return Err(error);
            }
        };
        let edited = Spool::Memory(domain.edit(&replacements));
        let keep = [deployment.token()];
        let mut tick = || deployment.show_life();
        let stock = program(self.call, Some(&edited));
        let failure = match stock.delegate(&keep, HEARTBEAT, &mut tick) {
            Ok(done) => match outcome(self.call, &done, report) {
                Ok(()) => return self.started(nics, deployment, &done.stdout, report),
                Err(failure) => {
                    self.note_failures(&deployment, &done.stderr);
                    if let Err(error) = pass_on(&done.stdout) {
                        log::warn!("failed to pass on the output of the stock deploy: {error}");
                    }
                    failure
                }
            },
            Err(cause) => ActionError::Stock {
                action: self.call.action.to_owned(),
                cause,
            },
        };
        self.undo(deployment);
        Err(failure)
    }

    /// Activates the leases of the VM, which now runs, and passes its deploy ID on to the front-end.
    fn started(
        &self,
        nics: &[SriovNic<'_>],
        mut deployment: Deployment,
        stdout: &[u8],
        report: &mut Report,
    ) -> Result<(), ActionError> {
        note(nics, self.requests, &deployment, report);
        self.forget_failures(&deployment);
        let vm = deployment.id().vm();
        let id = first_word(stdout).unwrap_or_else(|| vm.domain());
        if let Err(error) = self.store.activate(&mut deployment, &id) {
            // libvirt shows that the VM runs, so the lease stays valid.
            report.note(&error.to_string());
        }
        pass_on(stdout).map_err(|cause| ActionError::DeployId { id, vm, cause })
    }

    /// Sets up the VFs, and returns what replaces the interfaces.
    fn prepare(
        &self,
        nics: &[SriovNic<'_>],
        deployment: &mut Deployment,
        report: &mut Report,
    ) -> Result<Vec<DeviceReplacement>, ActionError> {
        self.check_known(deployment)?;
        let mut replacements = Vec::new();
        for (nth, (lease, request)) in deployment.leases.iter_mut().zip(self.requests).enumerate() {
            self.set_up(lease, request, report)
                .inspect_err(|error| self.note_refusal(lease.address, error))?;
            // PCI NICs come last, and are already in the domain.
            let Some(nic) = nics.get(nth) else {
                continue;
            };
            let dummy = lease.identity.has_dummy();
            if dummy {
                let is_ovs = nic.element.has_virtualport();
                ensure_dummy_bridge(self.host, is_ovs)?;
            }
            replacements.push(DeviceReplacement {
                interface: nic.interface,
                device: host_device(lease, request)?,
                dummy: dummy.then(|| DummyInterface {
                    bridge: self.host.config.dummy_bridge.clone(),
                    mac: request.dummy,
                }),
            });
        }
        Ok(replacements)
    }

    /// Refuses a GUID or MAC that another VF still has: two VFs that share one would break the network.
    pub(in crate::actions) fn check_known(
        &self,
        deployment: &Deployment,
    ) -> Result<(), ActionError> {
        for lease in &deployment.leases {
            let is_same = |(old, _): &&(Lease, String)| {
                old.mac == lease.mac || (old.guid.is_some() && old.guid == lease.guid)
            };
            if let Some((_, why)) = self.known.iter().find(is_same) {
                return Err(ActionError::StillKnown {
                    mac: lease.mac,
                    why: why.clone(),
                });
            }
        }
        Ok(())
    }

    /// Records a failure for each VF that the stock action's output names: libvirt and QEMU name a device that they cannot use.
    fn note_failures(&self, deployment: &Deployment, said: &[u8]) {
        let said = String::from_utf8_lossy(said);
        for lease in &deployment.leases {
            let address = lease.address.to_string();
            if let Some(line) = said.lines().find(|line| line.contains(&address)) {
                self.note_failure(lease.address, line);
            }
        }
    }

    fn forget_failures(&self, deployment: &Deployment) {
        for lease in &deployment.leases {
            self.forget_failure(lease.address);
        }
    }

    pub(in crate::actions) fn note_failure(&self, device: PciAddress, said: &str) {
        warn_if_failed(self.store.note_failure(device, said));
    }

    pub(in crate::actions) fn forget_failure(&self, device: PciAddress) {
        warn_if_failed(self.store.forget_failure(device));
    }

    /// Releases the VFs, unless the VM runs with them after all, or may still start with them.
    pub(in crate::actions) fn undo(&self, deployment: Deployment) {
        let (id, vm) = (deployment.id().clone(), deployment.id().vm());
        let leases = deployment.leases.clone();
        // A child that still has the file open keeps the deployment locked; this process must not.
        let grace = deployment.fail(self.host.config.lease_grace);
        let reclaims = || -> Result<_, ActionError> {
            let config = &self.host.config;
            let purpose = self.call.purpose(vm);
            let guard = self.store.lock(config.lock_wait, &purpose)?;
            let running = self.host.libvirt().running()?;
            let is_there = |lease: &Lease| {
                let holder = running.holder(lease.address);
                holder.is_some_and(|domain| domain.is(vm, lease.deploy_id.as_deref()))
            };
            // A partly attached NIC is unplugged later, by `unplug_abandoned`.
            let is_deployed = |lease: &Lease| !lease.is_bound && is_there(lease);
            for lease in leases.into_iter().filter(is_deployed) {
                let state = State::Active;
                guard.update(&Lease { state, ..lease })?;
            }
            let mut sweep = guard.sweep_deployment(&id, &running, grace)?;
            sweep.confirm(|| self.host.libvirt().running())?;
            Ok(sweep.reclaims)
        };
        let wait = self.host.config.release_wait;
        let config = &self.host.config;
        let undone = reclaims().and_then(|reclaims| {
            Ok(release(
                &self.host.root,
                config,
                self.store,
                reclaims,
                wait,
            )?)
        });
        match undone {
            Ok(report) => {
                report.log();
                MonitoringClient::refresh(self.monitoring.as_ref());
            }
            // The leases stay in state `deploying`, and are released after the grace period.
            Err(error) => log::error!("{error}"),
        }
    }
}

/// Logs an error instead of returning it: failures are recorded only as a hint for later allocations.
pub(super) fn warn_if_failed(noted: Result<(), StoreError>) {
    if let Err(error) = noted {
        log::warn!("{error}");
    }
}

/// Reports in the VM's log which VFs the VM got, and which settings were dropped because a VF does not support them.
fn note(
    nics: &[SriovNic<'_>],
    requests: &[VfRequest],
    deployment: &Deployment,
    report: &mut Report,
) {
    for (nth, (lease, request)) in deployment.leases.iter().zip(requests).enumerate() {
        let place = lease.place();
        report.note(&got(lease));
        let dropped = nics.get(nth).map(|nic| nic.element.dropped());
        let has_bandwidth = request.attributes.has_bandwidth();
        let is_named =
            |dropped: &&DroppedElement| **dropped == DroppedElement::Bandwidth && has_bandwidth;
        let dropped = dropped.unwrap_or_default().iter();
        for dropped in dropped.filter(|dropped| !is_named(dropped)) {
            report.note(&format!(
                "NIC '{}' is a VF, which does not support {dropped}; it is dropped",
                lease.mac
            ));
        }
        log::info!(
            "VM {}: NIC '{}' is VF '{place}' ({})",
            lease.vm,
            lease.mac,
            lease.address
        );
    }
}

/// The line in the VM's log for a NIC that got a VF.
pub(in crate::actions) fn got(lease: &Lease) -> String {
    let kind = match lease.identity {
        VfIdentity::Native => "PCI NIC",
        _ => "NIC",
    };
    format!(
        "{kind} '{}' is VF '{}' ({}), position {}",
        lease.mac,
        lease.place(),
        lease.address,
        lease.position
    )
}

/// The VF of a lease as a device of its VM.
pub(in crate::actions) fn host_device(
    lease: &Lease,
    request: &VfRequest,
) -> Result<HostDevice, ActionError> {
    Ok(match lease.identity {
        VfIdentity::Mac => HostDevice::Network {
            address: lease.address,
            mac: lease.mac,
            vlan: ethernet_vlan(request)?,
        },
        VfIdentity::Dummy | VfIdentity::Guid | VfIdentity::Native => HostDevice::Plain {
            address: lease.address,
        },
    })
}

fn first_word(stdout: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stdout);
    text.split_whitespace().next().map(str::to_owned)
}
