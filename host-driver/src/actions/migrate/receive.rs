//! `receive`: VFs for a VM that comes from another host, whose driver calls this over ssh.
//!
//! ```text
//! receive <deploy id> <host> <vm> <host>
//! ```
//!
//! As long as the other driver, or the stock action that it runs, is there, standard input stays open, and the VFs are
//! leased. If it ends without a last step, libvirt knows whether the VM has come. If it has, it gets its VFs; if not, they are
//! released, and the VM's NICs stay on record: only the connection may have broken, and then the VM still comes.

use std::io::{self, Write as _};
use std::time::Duration;

use one_sriov_system::{Heard, Lines};

use super::protocol::{Answer, Offer, Step};
use super::{keep_in_mind, lock};
use crate::actions::deploy::{HEARTBEAT, Work};
use crate::actions::restore::{plug_in_all, prepare};
use crate::actions::{ActionCall, ActionError, ensure_dummy_bridge, saved_nic};
use crate::domain::Domain;
use crate::lease::Deployment;
use crate::opennebula::{Report, VmDocument, VmId};

/// How long the other driver may be silent: it says something every few seconds. Until then the VFs here keep the VM's identity,
/// which it may have on the other host again.
const SILENCE: Duration = Duration::from_secs(180);

pub(in crate::actions) fn run(
    call: &ActionCall<'_>,
    report: &mut Report,
) -> Result<(), ActionError> {
    let vm = call.arguments.vm().ok_or(ActionError::NoVm)?;
    let mut source = Source {
        lines: Lines::of_stdin().map_err(ActionError::Input)?,
        silence: SILENCE,
    };
    let offered = match source.line(&mut || {}) {
        Some(line) => Offer::read(&line),
        None => Err(ActionError::NoOffer {
            why: "it has gone".to_owned(),
        }),
    };
    let received = offered.and_then(|offer| receive(call, vm, &offer, &mut source, report));
    received.or_else(|error| {
        log::error!("{}: {error}", call.action);
        report.flush();
        answer(&Answer::Failed {
            why: error.to_string(),
        });
        Ok(())
    })
}

fn receive(
    call: &ActionCall<'_>,
    vm: VmId,
    offer: &Offer,
    source: &mut Source,
    report: &mut Report,
) -> Result<(), ActionError> {
    let host = call.host()?;
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
        ensure_dummy_bridge(&host, document.has_open_vswitch())?;
    }
    let requests = offer
        .nics
        .iter()
        .map(|nic| saved_nic::request(&host, nic, &mut document));
    let requests = requests.collect::<Result<Vec<_>, _>>()?;
    let store = host.leases()?;
    let _lock = lock(call, &host, &store, vm)?;
    // Of the domain only this is known.
    let text = offer.memory_nodes.as_ref().map_or_else(
        || "<domain/>".to_owned(),
        |nodes| format!("<domain><numatune><memory nodeset='{nodes}'/></numatune></domain>"),
    );
    let domain = Domain::read(text.as_bytes())?;
    let mut work = Work::new(call, &host, &store, &requests);
    let mut deployment = work.grant(vm, &domain)?;
    let saved = match keep_in_mind(&host, &store, vm, &offer.nics, &offer.document) {
        Ok(saved) => saved,
        Err(error) => {
            work.undo(deployment);
            return Err(error);
        }
    };
    report.flush();
    answer(&Answer::Leased);
    let Some(Step::SetUp) = source.next(&mut || deployment.show_life()) else {
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
    let last = source.next(&mut || deployment.show_life());
    let has_come = matches!(last, Some(Step::PlugIn)) || {
        let running = host.libvirt().running()?;
        running.domain_of(vm, Some(deploy_id)).is_some()
    };
    if has_come {
        plug_in_all(&work, deploy_id, deployment, &offer.nics, &saved, report);
        report.flush();
        answer(&Answer::PluggedIn);
    } else if matches!(last, Some(Step::End)) {
        release(&work, vm, deployment, report);
    } else {
        // A repair looks again.
        work.undo(deployment);
    }
    Ok(())
}

/// The VM does not come.
fn release(work: &Work<'_>, vm: VmId, deployment: Deployment, report: &mut Report) {
    work.undo(deployment);
    if let Err(error) = work.store.forget_unplugged(vm) {
        report.note(&error.to_string());
    }
}

/// The other driver.
struct Source {
    lines: Lines,
    silence: Duration,
}

impl Source {
    /// Its next step; none if it has gone. `meanwhile` is called every few seconds.
    fn next(&mut self, meanwhile: &mut dyn FnMut()) -> Option<Step> {
        let step = serde_json::from_str(&self.line(meanwhile)?);
        step.inspect_err(|error| log::error!("failed to read a step of the other host: {error}"))
            .ok()
    }

    /// Its next line that is not empty.
    fn line(&mut self, meanwhile: &mut dyn FnMut()) -> Option<String> {
        let mut silent = Duration::ZERO;
        loop {
            meanwhile();
            let wait = HEARTBEAT.min(self.silence);
            match self.lines.next(wait) {
                Ok(Heard::Line(line)) if line.trim().is_empty() => silent = Duration::ZERO,
                Ok(Heard::Line(line)) => return Some(line),
                Ok(Heard::Nothing) => {
                    silent += wait;
                    if silent >= self.silence {
                        log::error!("the other host is silent: the connection is taken for dead");
                        return None;
                    }
                }
                Ok(Heard::End) => return None,
                Err(error) => {
                    log::error!("failed to read from the other host: {error}");
                    return None;
                }
            }
        }
    }
}

/// Answers the other driver, if it is still there, on a line of its own: what the login shell has said may end in none.
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

    use std::fs::File;
    use std::os::fd::OwnedFd;

    use super::*;

    #[test]
    fn signs_of_life_are_waited_through_and_silence_is_the_end() {
        let (ours, mut theirs) = io::pipe().unwrap();
        let mut source = Source {
            lines: Lines::of(File::from(OwnedFd::from(ours))),
            silence: Duration::from_millis(20),
        };
        theirs.write_all(b"\n\n{\"step\":\"set-up\"}\n").unwrap();
        let mut seen = 0;
        assert!(matches!(source.next(&mut || seen += 1), Some(Step::SetUp)));
        assert_eq!(seen, 3);
        // Nothing comes, and the pipe is open still.
        assert!(source.next(&mut || {}).is_none());
        theirs.write_all(b"nonsense\n").unwrap();
        assert!(source.next(&mut || {}).is_none());
        drop(theirs);
        assert!(source.next(&mut || {}).is_none());
    }
}
