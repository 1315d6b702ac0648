//! Moves a running VM to another host (`migrate`), where it gets other VFs.
//!
//! ```text
//! migrate <deploy id> <destination> <source> <vm> <source>
//! ```
//!
//! QEMU cannot migrate a VF. Both hosts record the VM's NICs until all of them have VFs again, on either host:
//!
//! | source | destination ([`receive`]) |
//! |---|---|
//! | | VFs are leased |
//! | VFs are unplugged, and their MACs and GUIDs reset | |
//! | | VFs get these MACs and GUIDs |
//! | the stock action runs | |
//! | | VFs are plugged in |
//! | VFs are released | |
//!
//! If a step fails, each host checks whether it has the VM. If so, it plugs in VFs of its own, at the same addresses in the
//! guest.

mod peer;
mod protocol;
mod receive;

use std::io::Write as _;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Duration;

use one_sriov_system::Spool;

use self::peer::Peer;
use self::protocol::{Answer, Offer, PROTOCOL, Step};
pub(super) use self::receive::run as receive;
use super::deploy::Work;
use super::finish::{release_unused, tell};
use super::plug::Plug;
use super::refuse::{self, Refused};
use super::save::{hold, lacking, plug_in_again};
use super::stock::{delegate_or_fail, run_stock};
use super::{ActionCall, ActionError, saved_nic};
use crate::domain::Domain;
use crate::host::Host;
use crate::lease::{HeldDeployment, Lease, MigrationLock, Store, VfIdentity};
use crate::numa::NodeSet;
use crate::opennebula::{Report, VmId};
use crate::release::restore;
use crate::saved::{SavedNic, SavedNics};
use crate::unplug::unplug_meanwhile;

pub(super) fn run(call: &ActionCall<'_>, report: &mut Report) -> Result<(), ActionError> {
    let arguments = call.arguments;
    let (Some(vm), Some(domain), Some(destination)) =
        (arguments.vm(), arguments.text(0), arguments.text(1))
    else {
        return run_stock(call, None, report);
    };
    // Source and destination are the same host: since 7.2, this may be a move of disks only.
    if arguments.text(2) == Some(destination) {
        return run_stock(call, None, report);
    }
    let Some((host, store)) = call.leases_if_readable() else {
        return run_stock(call, None, report);
    };
    let former = store.unplugged(vm)?;
    if former.is_none() && store.deployments(Some(vm))?.is_empty() {
        return run_stock(call, None, report);
    }
    let lock = lock(call, &host, &store, vm)?;
    let held = hold(call, &host, &store, vm)?;
    let leases: Vec<Lease> = held.iter().flat_map(|held| held.leases.clone()).collect();
    // OpenNebula does not migrate VMs with PCI NICs.
    if leases
        .iter()
        .any(|lease| lease.identity == VfIdentity::Native)
    {
        drop(held);
        return refuse::run(call, Refused::Migrate, report);
    }
    let lacking = lacking(&host, &store, vm, &leases)?;
    if let Some(nic) = lacking.iter().find(|nic| nic.native.is_some()) {
        return Err(ActionError::HoldsVfs {
            refused: Refused::Migrate,
            vm,
            vfs: format!("PCI NIC '{}'", nic.mac),
        });
    }
    if leases.is_empty() && lacking.is_empty() {
        drop(lock);
        return run_stock(call, None, report);
    }
    let stdin = call.stdin_document()?;
    let text = match &stdin {
        Some(stdin) => String::from_utf8_lossy(super::input::document(stdin)?).into_owned(),
        None => String::new(),
    };
    let mut document = ActionCall::vm_document(stdin.as_ref())?.unwrap_or_default();
    let dump = host.libvirt().document(domain)?;
    let (nics, requests) = saved_nic::describe(&host, &leases, &dump, &mut document)?;
    let all = [nics.as_slice(), &lacking].concat();
    let mut peer = Peer::call(call, vm, destination)?;
    let offer = Step::Lease(Offer {
        protocol: PROTOCOL,
        deploy_id: domain.to_owned(),
        nics: all.clone(),
        document: text.clone(),
        memory_nodes: memory_nodes(&dump),
    });
    peer.ask(&offer, &Answer::Leased, report)?;
    let saved = record_nics(&host, &store, vm, &all, &text)?;
    if let Some(former) = former {
        let former = SavedNics::beside(&host.root, &former)?;
        if former != saved {
            former.remove()?;
        }
    }
    let migration = Migration {
        work: Work::new(call, &host, &store, &requests),
        vm,
        domain,
        nics: &nics,
        saved: &saved,
        lock: &lock,
    };
    match migration.start(&mut peer, &held, &leases, stdin.as_ref(), report) {
        Ok(()) => migration.arrived(peer, held, report),
        Err(failure) => {
            // A migration whose client was killed may continue in libvirtd.
            let is_over = !matches!(
                failure,
                ActionError::Stock { .. } | ActionError::StockFailed(128..)
            );
            if is_over {
                peer.end(report);
            } else {
                peer.close(report);
            }
            migration.stays(held, leases, lacking, report);
            return Err(failure);
        }
    }
    Ok(())
}

/// Records the NICs that the VM needs VFs for, and its document.
fn record_nics(
    host: &Host,
    store: &Store,
    vm: VmId,
    nics: &[SavedNic],
    document: &str,
) -> Result<SavedNics, ActionError> {
    let path = store.make_migration(vm, &host.config.lease_dir, document)?;
    let saved = SavedNics::beside(&host.root, &path)?;
    saved.write(nics.to_vec())?;
    store.note_unplugged(vm, &path)?;
    Ok(saved)
}

/// A running migration.
struct Migration<'a> {
    work: Work<'a>,
    vm: VmId,
    domain: &'a str,
    /// The NICs that have leases.
    nics: &'a [SavedNic],
    saved: &'a SavedNics,
    lock: &'a MigrationLock,
}

/// Returns the NUMA nodes of the VM's memory, or `None` if it is not pinned or the domain cannot be read.
fn memory_nodes(dump: &[u8]) -> Option<NodeSet> {
    let nodes = Domain::read(dump).ok()?.memory_nodes().clone();
    (!nodes.is_empty()).then_some(nodes)
}

/// Locks the migration of the VM on this host.
fn lock(
    call: &ActionCall<'_>,
    host: &Host,
    store: &Store,
    vm: VmId,
) -> Result<MigrationLock, ActionError> {
    let guard = store.lock(host.config.lock_wait, &call.purpose(vm))?;
    let lock = guard.lock_migration(vm)?;
    lock.ok_or_else(|| ActionError::Migrating {
        action: call.action.to_owned(),
        vm,
    })
}

impl Migration<'_> {
    /// Takes all steps until the VM runs on the other host.
    fn start(
        &self,
        peer: &mut Peer,
        held: &[HeldDeployment],
        leases: &[Lease],
        stdin: Option<&Spool>,
        report: &mut Report,
    ) -> Result<(), ActionError> {
        let Work { call, host, .. } = &self.work;
        let vm = self.vm;
        for lease in leases {
            let unplugged = unplug_meanwhile(host, self.domain, lease, &mut || peer.show_life());
            unplugged.map_err(|cause| ActionError::Unplug { vm, cause })?;
        }
        for lease in leases {
            restore(&host.root, lease).map_err(|why| ActionError::ClearIdentity {
                vf: lease.place().to_string(),
                why,
            })?;
        }
        peer.ask(&Step::SetUp, &Answer::SetUp, report)?;
        let line = peer.line().map_err(|cause| ActionError::Stock {
            action: call.action.to_owned(),
            cause: one_sriov_system::ProcessError {
                program: "ssh".into(),
                kind: one_sriov_system::ProcessErrorKind::Input(cause),
            },
        })?;
        // A stock action that outlives this process keeps moving the VM: until it ends, neither host plugs anything in.
        let mut tokens: Vec<BorrowedFd<'_>> = held.iter().map(HeldDeployment::token).collect();
        tokens.extend([line.as_fd(), self.lock.token()]);
        let mut tick = || {
            let _ = (&line).write_all(b"\n");
        };
        delegate_or_fail(call, stdin, &tokens, &mut tick, report)
    }

    /// Completes the migration once the VM runs on the other host. Errors no longer fail it.
    fn arrived(&self, mut peer: Peer, held: Vec<HeldDeployment>, report: &mut Report) {
        let Work {
            call,
            host,
            store,
            monitoring,
            ..
        } = &self.work;
        if let Err(error) = peer.ask(&Step::PlugIn, &Answer::PluggedIn, report) {
            let vm = self.vm;
            report.note(&format!(
                "VM {vm} may lack VFs: {error}; see 'one-sriov repair {vm}' there"
            ));
        }
        peer.close(report);
        if let Err(error) = store.forget_unplugged(self.vm) {
            report.note(&error.to_string());
        }
        drop(held);
        let returns = release_unused(call, host, store, self.vm, Duration::ZERO);
        tell(call, returns, monitoring.as_ref(), report);
    }

    /// Handles a failed migration: if the VM is still here, plugs its VFs in again.
    fn stays(
        &self,
        held: Vec<HeldDeployment>,
        leases: Vec<Lease>,
        mut missing: Vec<SavedNic>,
        report: &mut Report,
    ) {
        let Work {
            call,
            host,
            store,
            monitoring,
            requests,
            ..
        } = &self.work;
        let is_here = match host.libvirt().running() {
            Ok(running) => running.domain_of(self.vm, Some(self.domain)).is_some(),
            Err(error) => {
                report.note(&error.to_string());
                return;
            }
        };
        if is_here {
            let plug = Plug {
                work: &self.work,
                libvirt: host.libvirt(),
                domain: self.domain,
            };
            missing.extend(plug_in_again(&plug, leases, self.nics, requests, report));
            saved_nic::note_missing(store, self.vm, self.saved, missing, report);
            drop(held);
        } else {
            // The VM runs on the other host after all, or has stopped.
            if let Err(error) = store.forget_unplugged(self.vm) {
                report.note(&error.to_string());
            }
            drop(held);
            let returns = release_unused(call, host, store, self.vm, Duration::ZERO);
            tell(call, returns, monitoring.as_ref(), report);
        }
    }
}
