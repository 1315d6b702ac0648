//! What a run does on the running machine besides writing files: makes the network stack load them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use hwaddr::InterfaceName;
use one_sriov_system::{Root, is_absent};

use super::run_state::RunState;
use crate::activate::{Activation, ActivationWork, Ledger, SystemTools};
use crate::detect;
use crate::render::{Reader, Readers};

/// The running machine, before its files change.
pub(super) struct Live<'a> {
    root: &'a Root,
    sysfs: &'a Path,
    stack: Reader,
    /// Whether the stack is asked to load the changes, and runs.
    tells: bool,
    work: ActivationWork,
    /// Why the stack does not load the changes, if a user may expect it to.
    pub(super) note: Option<String>,
    before: Ledger,
    /// The NICs that are present, with their ifindexes.
    present: Vec<(&'a InterfaceName, u32)>,
}

impl<'a> Live<'a> {
    /// Reads the state of the machine. `asked` are the running network stacks, if they are asked to load the changes.
    pub(super) fn look(
        root: &'a Root,
        sysfs: &'a Path,
        run_state: &'a RunState,
        asked: Option<Readers>,
    ) -> Self {
        let stack = run_state.choice.backend.reader();
        let devices = run_state
            .plan
            .nics
            .iter()
            .filter_map(|nic| nic.device.as_ref());
        let present: Vec<_> = devices
            .filter_map(|device| Some((&device.name, index(sysfs, device.name.as_str())?)))
            .collect();
        let before = Ledger::load(root).unwrap_or_else(|error| {
            log::warn!(
                "failed to read which devices are up to date, so all of them are activated again: {error}"
            );
            Ledger::all_due(present.iter().map(|(device, _)| *device))
        });
        let mut due: BTreeSet<InterfaceName> = before.due().cloned().collect();
        if !stack.is_daemon() {
            let new = present
                .iter()
                .filter(|(device, index)| before.is_new(device, *index));
            due.extend(new.map(|(device, _)| (*device).clone()));
        }
        if asked.is_none() {
            due.clear();
        }
        let is_present = |device: &InterfaceName| is_present(sysfs, device.as_str());
        let work = ActivationWork::of(
            &run_state.changes,
            &run_state.rendered.files,
            &due,
            is_present,
        );
        // Without jobs, it does not matter which stacks run.
        let running = match asked {
            _ if work.jobs.is_empty() => Ok(Readers::default()),
            Some(running) => Ok(running),
            None => detect::running(root),
        };
        let runs = running.as_ref().is_ok_and(|all| all.has(stack));
        let unread = running.err().unwrap_or_default();
        let note = match (asked, runs) {
            _ if work.jobs.is_empty() => None,
            _ if !unread.is_empty() => Some(format!(
                "{stack} may be running and has not loaded the changes: {}",
                unread.join("; ")
            )),
            (Some(_), false) => Some(format!(
                "{stack} is not running: it reads the files when it starts"
            )),
            (None, true) => Some(format!(
                "{stack} is running and has not loaded the changes; --activate has it load them"
            )),
            (Some(_), true) | (None, false) => None,
        };
        let mut live = Self {
            root,
            sysfs,
            stack,
            tells: asked.is_some() && runs,
            work,
            before,
            note,
            present,
        };
        if !runs {
            live.work.jobs.clear();
        }
        live
    }

    /// Prints what the network stack would load.
    pub(super) fn would(&self, out: &mut impl Write) -> io::Result<()> {
        for job in self.work.jobs.iter().filter(|_| self.tells) {
            writeln!(out, "would activate '{}' by {}", job.device, self.stack)?;
        }
        Ok(())
    }

    /// Does what must happen before any file changes.
    pub(super) fn before(&self) {
        let mut due: BTreeSet<&InterfaceName> =
            self.work.jobs.iter().map(|job| &job.device).collect();
        if !self.tells {
            due.extend(self.before.due());
        }
        self.note(due);
        if self.tells {
            self.stack.before(&self.work, &mut SystemTools);
        }
    }

    /// Does what must happen once the files have changed. Returns `None` if nothing was asked for, or if the stack does not run.
    pub(super) fn after(&self) -> Option<Activation> {
        if !self.tells {
            return None;
        }
        let is_present = |device: &str| is_present(self.sysfs, device);
        let activation = self.stack.after(&self.work, &is_present, &mut SystemTools);
        for (device, reason) in &activation.failed {
            log::error!("{} did not activate '{device}': {reason}", self.stack);
        }
        self.note(activation.failed.iter().map(|(device, _)| device));
        Some(activation)
    }

    fn note<'d>(&self, due: impl IntoIterator<Item = &'d InterfaceName>) {
        let present = self.present.iter().copied();
        let next = Ledger::next(present, due);
        let before = Ledger::load(self.root).unwrap_or_default();
        if let Err(error) = next.save(self.root, &before) {
            log::warn!("failed to record which devices are up to date: {error}");
        }
    }
}

/// Returns the ifindex of a device, if it is present.
fn index(sysfs: &Path, device: &str) -> Option<u32> {
    match read_index(sysfs, device) {
        Ok(index) => index,
        Err(error) => {
            log::warn!(
                "failed to read the index of '{device}', so the next run treats it as new: {error}"
            );
            None
        }
    }
}

/// Whether a device is present. If that cannot be checked, it counts as present, so that it is brought up.
fn is_present(sysfs: &Path, device: &str) -> bool {
    read_index(sysfs, device).map_or(true, |index| index.is_some())
}

/// Reads the ifindex of a device; returns `None` if the device does not exist.
fn read_index(sysfs: &Path, device: &str) -> io::Result<Option<u32>> {
    let path = sysfs.join("class/net").join(device).join("ifindex");
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.trim_end().parse().ok()),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::symlink;

    use super::*;

    /// Otherwise, an error in reading one attribute would leave the device down.
    #[test]
    fn an_unreadable_device_counts_as_present() {
        let dir = tempfile::tempdir().unwrap();
        let net = dir.path().join("class/net");
        fs::create_dir_all(net.join("eth0")).unwrap();
        fs::write(net.join("eth0/ifindex"), "2\n").unwrap();
        symlink("eth1", net.join("eth1")).unwrap();
        let look = |device| (is_present(dir.path(), device), index(dir.path(), device));
        assert_eq!(look("eth0"), (true, Some(2)));
        assert_eq!(look("eth1"), (true, None));
        assert_eq!(look("eth2"), (false, None));
    }
}
