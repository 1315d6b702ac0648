//! The lease directory and its content.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{Uid, geteuid};

use super::Finding;
use super::finding::count;
use crate::host::Host;
use crate::lease::{Place, Store, StoreError, user_name};

const CHECK: &str = "leases";

/// Directories that the front-end or the system cleans up.
const NO_PLACES: [&str; 3] = ["/var/tmp", "/tmp", "/var/lib/one/remotes"];

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let dir = &host.config.lease_dir;
    let mut findings = Vec::new();
    if let Some(place) = NO_PLACES.iter().find(|place| dir.starts_with(place)) {
        let message = format!(
            "LEASE_DIR '{}': other programs remove files in '{place}'",
            dir.display()
        );
        findings.push(Finding::warning(CHECK, message).remedy("set it to a directory in /run"));
    }
    match host.leases() {
        Err(error) => findings.push(unusable(host, &error)),
        Ok(store) => {
            findings.extend(mode(dir, &store));
            findings.extend(content(&store));
            findings.extend(lacking(host, &store));
        }
    }
    if findings.is_empty() {
        let message = format!(
            "lease directory '{}' exists, with the right owner and mode",
            dir.display()
        );
        findings.push(Finding::ok(CHECK, message));
    }
    findings
}

fn unusable(host: &Host, error: &StoreError) -> Finding {
    let message = error.to_string();
    // The command in the error is for users who see it in the log of an action.
    let message = message.split("; run as root: ").next().unwrap_or_default();
    let finding = Finding::problem(CHECK, message);
    let dir = host.config.lease_dir.display();
    let user = owner(host);
    match error {
        StoreError::Missing { .. } => {
            finding.remedy(format!("as root: install -d -m 0700 -o {user} '{dir}'"))
        }
        StoreError::Foreign { .. } => finding.remedy(format!(
            "run this as root, or, as root: chown {user} '{dir}'"
        )),
        StoreError::Open { .. } => finding.remedy(format!("chmod 0700 '{dir}'")),
        _ => finding,
    }
}

/// Returns the user who should own the leases: the owner of the driver's directory, because root may run this command.
fn owner(host: &Host) -> String {
    let home = fs::metadata(&host.home).map(|home| Uid::from_raw(home.uid()));
    user_name(home.unwrap_or_else(|_| geteuid()))
}

fn mode(dir: &Path, store: &Store) -> Option<Finding> {
    let metadata = match fs::symlink_metadata(store.dir()) {
        Ok(metadata) => metadata,
        Err(error) => {
            let message = format!("failed to check '{}': {error}", dir.display());
            return Some(Finding::problem(CHECK, message));
        }
    };
    let mode = metadata.mode() & 0o7777;
    let dir = dir.display();
    (mode != 0o700).then(|| {
        let message = format!("lease directory '{dir}' has mode {mode:04o}, expected 0700");
        Finding::warning(CHECK, message).remedy(format!("chmod 0700 '{dir}'"))
    })
}

/// Finds VMs that may lack VFs. Returns nothing if libvirt does not answer, which another check reports.
fn lacking(host: &Host, store: &Store) -> Vec<Finding> {
    let look = || -> Result<Vec<Finding>, StoreError> {
        let mut findings = Vec::new();
        let unplugged = store.all_unplugged()?;
        if unplugged.is_empty() {
            return Ok(findings);
        }
        let Ok(running) = host.libvirt().running() else {
            return Ok(findings);
        };
        for vm in unplugged.into_iter().filter(|vm| running.runs(*vm)) {
            if !store.is_migrating(vm)? {
                let message = format!("VM {vm} may run without VFs that it should have");
                let remedy = format!("unless it is being saved or resumed: one-sriov repair {vm}");
                findings.push(Finding::warning(CHECK, message).remedy(remedy));
            }
        }
        Ok(findings)
    };
    look().unwrap_or_else(|error| vec![Finding::problem(CHECK, error.to_string())])
}

fn content(store: &Store) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut readable = 0;
    let mut inspect = || -> Result<(), StoreError> {
        for pool in store.pools()? {
            for index in store.leased(&pool)? {
                let pool = pool.clone();
                match store.read(&Place { pool, index }) {
                    Ok(lease) => readable += usize::from(lease.is_some()),
                    Err(error @ StoreError::Corrupt { .. }) => findings.push(
                        Finding::warning(CHECK, error.to_string())
                            .remedy("run 'one-sriov reconcile': it removes the lease once its VM has stopped"),
                    ),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    };
    let inspected = inspect();
    if let Err(error) = inspected {
        findings.push(Finding::problem(CHECK, error.to_string()));
    }
    if findings.is_empty() && readable > 0 {
        let leases = count(readable, "lease");
        let dir = store.dir().display();
        findings.push(Finding::ok(CHECK, format!("'{dir}' holds {leases}")));
    }
    findings
}
