//! Asks libvirt which domains run, and which PCI devices they hold.
//!
//! ```text
//! virsh -q -c qemu:///system list --uuid
//! virsh -q -c qemu:///system 'dumpxml 24db4e6f-...; dumpxml 318e49a9-...'
//! ```
//!
//! These are two processes, however many domains run. The exit status of the second is that of its last command only, so it is
//! ignored: a listed domain without a document is queried again, and if it is still missing, the whole query fails.

mod dump;
mod hotplug;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use hwaddr::PciAddress;
use one_sriov_system::{Captured, ProcessError, Program, Spool};

pub use dump::{DumpError, HeldDevice, RunningDomain, held_device, read_dumps};

use crate::opennebula::VmId;

/// How many commands fit into one argument, which has at most 128 KiB (`MAX_ARG_STRLEN`).
const DUMPS_AT_ONCE: usize = 2000;

/// The libvirt of this host.
#[derive(Debug, Clone)]
pub struct Libvirt {
    uri: String,
    wait: Duration,
}

/// Why a query of libvirt failed.
#[derive(Debug, thiserror::Error)]
pub enum LibvirtError {
    /// `virsh` could not be run, or did not finish.
    #[error("failed to query libvirt at '{uri}': {cause}")]
    Run {
        /// The URI.
        uri: String,
        /// The cause.
        cause: ProcessError,
    },
    /// `virsh` failed.
    #[error("failed to query libvirt at '{uri}': {said}")]
    Refused {
        /// The URI.
        uri: String,
        /// Its last error line.
        said: String,
    },
    /// Its output is not XML.
    #[error("failed to query libvirt at '{uri}': {cause}")]
    Dump {
        /// The URI.
        uri: String,
        /// What is wrong with it.
        cause: DumpError,
    },
    /// A domain runs, but its devices are unknown.
    #[error("failed to read domain '{uuid}' from libvirt at '{uri}': {said}")]
    Unclear {
        /// The URI.
        uri: String,
        /// The domain.
        uuid: String,
        /// The last error line of `virsh`.
        said: String,
    },
}

impl Libvirt {
    /// Uses the libvirt at `uri`. Each `virsh` may take as long as `wait`.
    #[must_use]
    pub fn new(uri: &str, wait: Duration) -> Self {
        Self {
            uri: uri.to_owned(),
            wait,
        }
    }

    /// Takes a snapshot of the running domains.
    pub fn running(&self) -> Result<RunningDomains, LibvirtError> {
        let mut domains = Vec::new();
        let mut listed = self.list()?;
        for is_last in [false, true] {
            let said = self.dump(&listed, &mut domains)?;
            let known: HashSet<_> = domains.iter().map(|domain| &domain.uuid).collect();
            listed.retain(|uuid| !known.contains(uuid));
            if listed.is_empty() {
                break;
            }
            let runs: HashSet<_> = self.list()?.into_iter().collect();
            listed.retain(|uuid| runs.contains(uuid));
            if let (true, Some(uuid)) = (is_last, listed.first()) {
                return Err(LibvirtError::Unclear {
                    uri: self.uri.clone(),
                    uuid: uuid.clone(),
                    said,
                });
            }
        }
        Ok(RunningDomains::new(domains))
    }

    /// Returns the document of a running domain.
    pub fn document(&self, uuid: &str) -> Result<Vec<u8>, LibvirtError> {
        let dumped = self.virsh(["dumpxml", uuid])?;
        if dumped.status.success() {
            return Ok(dumped.stdout);
        }
        Err(LibvirtError::Unclear {
            uri: self.uri.clone(),
            uuid: uuid.to_owned(),
            said: complaint(&dumped),
        })
    }

    /// Whether a domain is still being copied from another host. Until that is finished, libvirt does not attach devices to it.
    pub fn is_incoming(&self, uuid: &str) -> Result<bool, LibvirtError> {
        let state = self.virsh(["domstate", uuid, "--reason"])?;
        if !state.status.success() {
            return Err(LibvirtError::Unclear {
                uri: self.uri.clone(),
                uuid: uuid.to_owned(),
                said: complaint(&state),
            });
        }
        // The first state is that of a domain whose QEMU does not listen yet (`virshDomainPausedReason`).
        let text = String::from_utf8_lossy(&state.stdout);
        Ok(["paused (starting up)", "paused (migrating)"].contains(&text.trim()))
    }

    /// Returns the document of the domain in a checkpoint.
    pub fn saved_document(&self, checkpoint: &Path) -> Result<Vec<u8>, LibvirtError> {
        let checkpoint = checkpoint.display().to_string();
        let dumped = self.virsh(["save-image-dumpxml", &checkpoint])?;
        if dumped.status.success() {
            return Ok(dumped.stdout);
        }
        Err(LibvirtError::Refused {
            uri: self.uri.clone(),
            said: complaint(&dumped),
        })
    }

    /// Returns the UUIDs of all running domains.
    fn list(&self) -> Result<Vec<String>, LibvirtError> {
        let listed = self.virsh(["list", "--uuid"])?;
        if !listed.status.success() {
            return Err(LibvirtError::Refused {
                uri: self.uri.clone(),
                said: complaint(&listed),
            });
        }
        let text = String::from_utf8_lossy(&listed.stdout).to_ascii_lowercase();
        Ok(text.split_whitespace().map(str::to_owned).collect())
    }

    /// Reads these domains into `domains`, and returns the last error message.
    fn dump(
        &self,
        uuids: &[String],
        domains: &mut Vec<RunningDomain>,
    ) -> Result<String, LibvirtError> {
        let mut said = String::new();
        for some in uuids.chunks(DUMPS_AT_ONCE) {
            let commands: Vec<_> = some.iter().map(|uuid| format!("dumpxml {uuid}")).collect();
            let dumped = self.virsh([&commands.join("; ")])?;
            said = complaint(&dumped);
            let read = read_dumps(&dumped.stdout);
            domains.extend(read.map_err(|cause| LibvirtError::Dump {
                uri: self.uri.clone(),
                cause,
            })?);
        }
        Ok(said)
    }

    fn virsh<const N: usize>(&self, arguments: [&str; N]) -> Result<Captured, LibvirtError> {
        self.run(&arguments, None, self.wait)
    }

    fn run(
        &self,
        arguments: &[&str],
        stdin: Option<&str>,
        wait: Duration,
    ) -> Result<Captured, LibvirtError> {
        let stdin = stdin.map(|text| Spool::Memory(text.into()));
        let virsh = Program::new("virsh")
            .args(["-q", "-c", &self.uri])
            .args(arguments)
            // The driver parses the messages of virsh.
            .env("LC_ALL", "C")
            .stdin(stdin.as_ref());
        virsh.capture(wait).map_err(|cause| LibvirtError::Run {
            uri: self.uri.clone(),
            cause,
        })
    }
}

/// Returns the last error line of `virsh`, without its prefix `error: `.
fn complaint(virsh: &Captured) -> String {
    let line = virsh.stderr_line();
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

/// A snapshot of the running domains.
#[derive(Debug, Default)]
pub struct RunningDomains {
    domains: Vec<RunningDomain>,
    vms: HashSet<VmId>,
    holders: HashMap<PciAddress, usize>,
}

impl RunningDomains {
    /// Creates a snapshot with these domains.
    #[must_use]
    pub fn new(domains: Vec<RunningDomain>) -> Self {
        let vms = domains
            .iter()
            .filter_map(|domain| VmId::of_domain(&domain.name))
            .collect();
        let held = domains
            .iter()
            .enumerate()
            .flat_map(|(nth, domain)| domain.devices.iter().map(move |device| (*device, nth)));
        let holders = held.collect();
        Self {
            domains,
            vms,
            holders,
        }
    }

    /// Whether a domain with this VM's name runs.
    #[must_use]
    pub fn runs(&self, vm: VmId) -> bool {
        self.vms.contains(&vm)
    }

    /// Returns the running domain of a VM, by its name or by the deploy ID that the stock driver printed.
    #[must_use]
    pub fn domain_of(&self, vm: VmId, deploy_id: Option<&str>) -> Option<&RunningDomain> {
        let mut domains = self.domains.iter();
        domains.find(|domain| domain.is(vm, deploy_id))
    }

    /// Returns the running domain that holds a device.
    #[must_use]
    pub fn holder(&self, device: PciAddress) -> Option<&RunningDomain> {
        self.holders.get(&device).map(|nth| &self.domains[*nth])
    }

    /// All running domains.
    #[must_use]
    pub fn domains(&self) -> &[RunningDomain] {
        &self.domains
    }
}

impl RunningDomain {
    /// Whether this is the domain of a VM, by its name or by the deploy ID that the stock driver printed.
    #[must_use]
    pub fn is(&self, vm: VmId, deploy_id: Option<&str>) -> bool {
        VmId::of_domain(&self.name) == Some(vm)
            || deploy_id.is_some_and(|id| id == self.name || id.eq_ignore_ascii_case(&self.uuid))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A snapshot of domains with one device each; their UUIDs are 1, 2, ...
    pub(crate) fn running(domains: &[(&str, &str)]) -> RunningDomains {
        let domains = domains
            .iter()
            .zip(1..)
            .map(|((name, device), nth)| RunningDomain {
                name: (*name).to_owned(),
                uuid: format!("00000000-0000-0000-0000-{nth:012}"),
                devices: vec![device.parse().unwrap()],
            });
        RunningDomains::new(domains.collect())
    }

    #[test]
    fn a_snapshot_contains_running_vms_and_holders() {
        let running = running(&[("one-7", "0000:81:00.4"), ("other", "0000:81:00.5")]);
        assert!(running.runs("7".parse().unwrap()));
        assert!(!running.runs("8".parse().unwrap()));
        let holder = |text: &str| {
            running
                .holder(text.parse().unwrap())
                .map(|d| d.name.clone())
        };
        assert_eq!(holder("0000:81:00.5").as_deref(), Some("other"));
        assert_eq!(holder("0000:81:00.6"), None);
    }
}
