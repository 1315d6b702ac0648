//! Provides VFs for a VM that arrives from another host (`receive`). The driver of that host calls this over ssh.
//!
//! ```text
//! receive <deploy id> <host> <vm> <host>
//! ```
//!
//! Standard input stays open, and the VFs stay leased, until both the other driver and its stock action have ended. Without a
//! last step, the driver asks libvirt whether the VM has arrived. If so, the VM gets its VFs. If not, they are released, but the
//! VM's NICs stay recorded: if only the connection broke, the VM may still arrive.

use std::io::{self, Write as _};
use std::time::Duration;

use one_sriov_system::{Lines, Received};

use super::protocol::{Answer, Offer, Step};
use super::{lock, record_nics};
use crate::actions::deploy::Work;
use crate::actions::restore::{plug_in_all, prepare};
use crate::actions::stock::HEARTBEAT;
use crate::actions::{ActionCall, ActionError, ensure_dummy_bridge, saved_nic};
use crate::domain::Domain;
use crate::host::Host;
use crate::lease::Deployment;
use crate::opennebula::{Report, VmDocument, VmId};

pub(in crate::actions) fn run(
    call: &ActionCall<'_>,
    report: &mut Report,
) -> Result<(), ActionError> {
    let vm = call.arguments.vm().ok_or(ActionError::NoVm)?;
    let lines = Lines::of_stdin().map_err(ActionError::Input)?;
    let received = offered(call, vm, lines, report);
    received.or_else(|error| {
        log::error!("{}: {error}", call.action);
        report.flush();
        answer(&Answer::Failed {
            why: error.to_string(),
        });
        Ok(())
    })
}

/// Waits for the offer of the other driver, and accepts it.
fn offered(
    call: &ActionCall<'_>,
    vm: VmId,
    lines: Lines,
    report: &mut Report,
) -> Result<(), ActionError> {
    let host = call.host()?;
    let mut source = Source {
        lines,
        silence: host.config.peer_wait,
    };
    let line = source.line(&mut || {}, &|| false);
    let line = line.ok_or_else(|| ActionError::NoOffer {
        why: "the connection has ended".to_owned(),
    })?;
    receive(call, &host, vm, &Offer::read(&line)?, &mut source, report)
}

fn receive(
    call: &ActionCall<'_>,
    host: &Host,
    vm: VmId,
    offer: &Offer,
    source: &mut Source,
    report: &mut Report,
) -> Result<(), ActionError> {
    if host.libvirt().running()?.runs(vm) {
        return Err(ActionError::RunsHere { vm });
    }
    let mut document = match offer.document.trim() {
        "" => VmDocument::default(),
        text => VmDocument::parse(text).map_err(|cause| ActionError::VmDocument {
            path: "/dev/stdin".into(),
            cause,
        })?,
    };
    if offer.nics.iter().any(|nic| nic.has_dummy) {
        ensure_dummy_bridge(host, document.has_open_vswitch())?;
    }
    let requests = offer
        .nics
        .iter()
        .map(|nic| saved_nic::request(host, nic, &mut document));
    let requests = requests.collect::<Result<Vec<_>, _>>()?;
    let store = host.leases()?;
    let _lock = lock(call, host, &store, vm)?;
    // Only this part of the domain is known here.
    let text = offer.memory_nodes.as_ref().map_or_else(
        || "<domain/>".to_owned(),
        |nodes| format!("<domain><numatune><memory nodeset='{nodes}'/></numatune></domain>"),
    );
    let domain = Domain::read(text.as_bytes())?;
    let mut work = Work::new(call, host, &store, &requests);
    let mut deployment = work.grant(vm, &domain)?;
    let saved = match record_nics(host, &store, vm, &offer.nics, &offer.document) {
        Ok(saved) => saved,
        Err(error) => {
            work.undo(deployment);
            return Err(error);
        }
    };
    report.flush();
    answer(&Answer::Leased);
    let Some(Step::SetUp) = source.next(&mut || deployment.show_life(), &|| false) else {
        release(&work, vm, deployment, report);
        return Ok(());
    };
    if let Err(error) = prepare(&work, &mut deployment, report) {
        release(&work, vm, deployment, report);
        return Err(error);
    }
    report.flush();
    answer(&Answer::SetUp);
    let deploy_id = &offer.deploy_id;
    let arrival = || arrival(host, vm, deploy_id);
    let is_incoming = || matches!(arrival(), Ok(Arrival::Incoming));
    let last = source.next(&mut || deployment.show_life(), &is_incoming);
    let has_come = match last {
        Some(Step::PlugIn) => true,
        _ => arrival()? == Arrival::Complete,
    };
    if has_come {
        plug_in_all(&work, deploy_id, deployment, &offer.nics, &saved, report);
        report.flush();
        answer(&Answer::PluggedIn);
    } else if matches!(last, Some(Step::End)) {
        release(&work, vm, deployment, report);
    } else {
        // A later repair checks again.
        work.undo(deployment);
    }
    Ok(())
}

/// How much of the VM has arrived.
#[derive(Debug, PartialEq, Eq)]
enum Arrival {
    Absent,
    /// libvirt is receiving its memory.
    Incoming,
    Complete,
}

fn arrival(host: &Host, vm: VmId, deploy_id: &str) -> Result<Arrival, ActionError> {
    let libvirt = host.libvirt();
    let running = libvirt.running()?;
    Ok(match running.domain_of(vm, Some(deploy_id)) {
        None => Arrival::Absent,
        Some(domain) if libvirt.is_incoming(&domain.uuid)? => Arrival::Incoming,
        Some(_) => Arrival::Complete,
    })
}

/// Releases the VFs, because the VM will not arrive.
fn release(work: &Work<'_>, vm: VmId, deployment: Deployment, report: &mut Report) {
    work.undo(deployment);
    if let Err(error) = work.store.forget_unplugged(vm) {
        report.note(&error.to_string());
    }
}

/// The connection to the other driver.
struct Source {
    lines: Lines,
    /// After this time without a line, the connection counts as broken, unless libvirt is still receiving the VM: the other
    /// driver sends a line every few seconds, but if it is killed, its stock action continues. Until then, the VFs here keep the
    /// VM's MACs and GUIDs, although VFs of the other host may already have them again.
    silence: Duration,
}

impl Source {
    /// Returns the next step, or `None` if it is invalid or the connection has ended. Calls `meanwhile` every few seconds, and
    /// `is_alive` after each silence.
    fn next(&mut self, meanwhile: &mut dyn FnMut(), is_alive: &dyn Fn() -> bool) -> Option<Step> {
        let step = serde_json::from_str(&self.line(meanwhile, is_alive)?);
        step.inspect_err(|error| log::error!("failed to read a step of the other host: {error}"))
            .ok()
    }

    /// The next line that is not empty.
    fn line(&mut self, meanwhile: &mut dyn FnMut(), is_alive: &dyn Fn() -> bool) -> Option<String> {
        let mut silent = Duration::ZERO;
        loop {
            meanwhile();
            let wait = HEARTBEAT.min(self.silence);
            match self.lines.next(wait) {
                Ok(Received::Line(line)) if line.trim().is_empty() => silent = Duration::ZERO,
                Ok(Received::Line(line)) => return Some(line),
                Ok(Received::Timeout) => silent += wait,
                Ok(Received::End) => return None,
                Err(error) => {
                    log::error!("failed to read from the other host: {error}");
                    return None;
                }
            }
            if silent < self.silence {
                continue;
            }
            let secs = silent.as_secs();
            if !is_alive() {
                log::error!(
                    "the other host has sent nothing for {secs} s: the connection counts as broken"
                );
                return None;
            }
            log::warn!(
                "the other host's driver has sent nothing for {secs} s, but libvirt is still receiving the VM"
            );
            silent = Duration::ZERO;
        }
    }
}

/// Sends an answer, if the connection still exists. It starts with a line break, because output of the login shell may not end
/// with one.
fn answer(answer: &Answer) {
    let said = serde_json::to_string(answer).map_err(io::Error::from);
    let said = said.and_then(|line| {
        let mut out = io::stdout();
        out.write_all(format!("\n{line}\n").as_bytes())?;
        out.flush()
    });
    if let Err(error) = said {
        log::warn!("failed to answer the other host: {error}");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::cell::{Cell, RefCell};
    use std::fs::File;
    use std::os::fd::OwnedFd;

    use super::*;

    #[test]
    fn empty_lines_extend_the_wait_and_silence_ends_it() {
        let (ours, mut theirs) = io::pipe().unwrap();
        let mut source = Source {
            lines: Lines::of(File::from(OwnedFd::from(ours))),
            silence: Duration::from_millis(20),
        };
        theirs.write_all(b"\n\n{\"step\":\"set-up\"}\n").unwrap();
        let mut seen = 0;
        let step = source.next(&mut || seen += 1, &|| false);
        assert!(matches!(step, Some(Step::SetUp)));
        assert_eq!(seen, 3);
        // The pipe is open, but empty.
        assert!(source.next(&mut || {}, &|| false).is_none());
        theirs.write_all(b"nonsense\n").unwrap();
        assert!(source.next(&mut || {}, &|| false).is_none());
        drop(theirs);
        assert!(source.next(&mut || {}, &|| true).is_none());
    }

    #[test]
    fn silence_does_not_end_the_wait_while_the_vm_is_arriving() {
        let (ours, theirs) = io::pipe().unwrap();
        let mut source = Source {
            lines: Lines::of(File::from(OwnedFd::from(ours))),
            silence: Duration::from_millis(20),
        };
        let theirs = RefCell::new(theirs);
        let asked = Cell::new(0);
        let is_alive = || {
            asked.set(asked.get() + 1);
            if asked.get() == 3 {
                let said = theirs.borrow_mut().write_all(b"{\"step\":\"plug-in\"}\n");
                said.unwrap();
            }
            true
        };
        let step = source.next(&mut || {}, &is_alive);
        assert!(matches!(step, Some(Step::PlugIn)), "{step:?}");
        assert_eq!(asked.get(), 3);
    }
}
