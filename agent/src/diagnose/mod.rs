//! Explains why NICs have no address: each cause with evidence and a remedy.
//!
//! ```text
//! no-context, other-cloud, no-permission   there is no CD, it is another cloud's, or this user may not read it
//! dummy-prefix           dummy NICs have another first octet than the agent expects
//! other-vm               the CD describes NICs that this machine does not have
//! driver-missing         a PCI network card has no driver
//! ipoib-missing          an InfiniBand card has no network device
//! port-guid, port-state  the subnet manager has not activated an InfiniBand port
//! stack-*                the network stack is disabled, masked, missing or not running, or does not manage the NIC
//! two-stacks             more than one network stack is active
//! foreign-file           a file that the agent did not write configures the device
//! unread                 read errors
//! ```
//! Each cause has its own file, which contains the code that reads the machine and the rule, a pure function.

mod daemon;
mod driver;
mod finding;
mod foreign;
mod medium;
mod port;
mod stack;
mod unmatched;

use std::borrow::Cow;
use std::path::Path;

use hwaddr::{DummyPrefix, InterfaceName, MacAddress};
use one_sriov_system::Root;

use crate::detect::{self, Probe};
use crate::install::Record;
use crate::inventory::Inventory;
use crate::kernel::Comparison;
use crate::plan::{Outcome, Plan, PlannedNic};
use crate::render::{Backend, Reader, Readers, RenderedFile};
pub use finding::{Finding, Severity};
pub use medium::without_context;

/// The inputs of a diagnosis.
pub struct Scene<'a> {
    /// The machine.
    pub root: &'a Root,
    /// The files of the machine.
    pub probe: &'a Probe<'a>,
    /// The files of the machine that this process runs on, which contain `sys`.
    pub host: &'a Probe<'a>,
    /// The sysfs tree of the machine, as a path on the machine that this process runs on.
    pub sys: &'a Path,
    /// Where the context was found.
    pub source: &'a str,
    /// First octet of dummy MACs.
    pub prefix: DummyPrefix,
    /// The NICs of the machine.
    pub inventory: &'a Inventory,
    /// The plan for the NICs.
    pub plan: &'a Plan,
    /// The network stack.
    pub backend: Backend,
    /// The rendered files.
    pub files: &'a [RenderedFile],
    /// What earlier runs wrote.
    pub record: &'a Record,
    /// The state of the kernel; `None` if it was not read.
    pub kernel: Option<&'a [Comparison]>,
}

impl Scene<'_> {
    /// Returns all causes found, problems first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = self.of_devices();
        findings.extend(self.of_ports());
        let mut unread = Vec::new();
        let running = self.root.is_live().then(|| detect::running(self.root));
        let running = running.and_then(|running| {
            let failures = running.map_err(|failures| unread.extend(failures));
            failures.ok()
        });
        let stacks = stack::look(self.probe, self.backend, running);
        if self.configured().next().is_some() {
            findings.extend(self.of_stacks(stacks.as_ref()));
        }
        findings.extend(self.of_daemon(running));
        let started = stacks.map(|stacks| stacks.started());
        findings.extend(self.of_files(&started.unwrap_or_default()));
        unread.extend(self.probe.failures());
        unread.extend(self.host.failures());
        findings.extend(finding::unread(&unread));
        findings.sort_by_key(|finding| finding.severity);
        findings
    }

    /// Explains why NICs have no device.
    fn of_devices(&self) -> Vec<Finding> {
        let is_missing = |nic: &&PlannedNic| match (&nic.outcome, &nic.device) {
            (Outcome::Absent(_), device) => device.is_none(),
            (Outcome::Configure(_), Some(device)) => !device.matched_by.is_present(),
            _ => false,
        };
        let missing: Vec<&PlannedNic> = self.plan.nics.iter().filter(is_missing).collect();
        if missing.is_empty() {
            return Vec::new();
        }
        let with_mac = missing
            .iter()
            .filter_map(|nic| Some((nic.label(), nic.id.mac()?)));
        let with_mac: Vec<(Cow<'_, str>, MacAddress)> = with_mac.collect();
        let mut findings = unmatched::other_prefix(&with_mac, self.inventory, self.prefix);
        let module = |modalias: &str| driver::module_for(self.probe, modalias);
        let cards = driver::cards(self.host, self.sys);
        findings.extend(cards.iter().filter_map(|card| card.finding(module)));
        let all_are_missing = with_mac.len() == self.plan.nics.len();
        if findings.is_empty() && all_are_missing {
            findings.push(unmatched::other_vm(self.source, &with_mac, self.inventory));
        }
        findings
    }

    /// Checks the InfiniBand ports of configured NICs.
    fn of_ports(&self) -> Vec<Finding> {
        let nics = self.configured().map(|(_, device)| device);
        let ports = nics.filter_map(|device| {
            let nic = self.inventory.by_name(device)?;
            let has_guid = nic.guid().is_some();
            port::InfinibandPort::read(self.host, self.sys, device.as_str(), has_guid)
                .filter(|_| nic.is_infiniband())
        });
        ports.filter_map(|port| port.finding()).collect()
    }

    fn of_stacks(&self, stacks: Option<&stack::Stacks>) -> Vec<Finding> {
        let Some(stacks) = stacks else {
            return Vec::new();
        };
        let of_reader = stack::of_reader(self.backend, &stacks.reader, self.is_right());
        let two = stack::two(self.backend, stacks);
        of_reader.into_iter().chain(two).collect()
    }

    /// Returns what the running daemon reports about devices that differ from the context.
    fn of_daemon(&self, running: Option<Readers>) -> Vec<Finding> {
        let drifted = self.kernel.unwrap_or_default().iter();
        let drifted = drifted.filter(|comparison| !comparison.differences.is_empty());
        let finding = |comparison: &Comparison| {
            let interface = comparison.found.as_ref()?;
            let files = self.files.iter();
            let files: Vec<&RenderedFile> = files
                .filter(|file| {
                    self.plan
                        .nics
                        .iter()
                        .any(|nic| nic.id == file.nic && nic.label() == comparison.nic)
                })
                .collect();
            let (device, index) = (comparison.interface.as_str(), interface.index);
            match self.backend.reader() {
                Reader::Networkd => daemon::of_networkd(self.probe, device, index, &files),
                Reader::NetworkManager
                    if running.is_some_and(|runs| runs.has(Reader::NetworkManager)) =>
                {
                    daemon::of_network_manager(self.probe, device, index, &files)
                }
                _ => None,
            }
        };
        drifted.filter_map(finding).collect()
    }

    /// Finds foreign files for the configured devices.
    fn of_files(&self, started: &[Reader]) -> Vec<Finding> {
        let devices: Vec<foreign::OwnDevice> = self
            .configured()
            .map(|(_, name)| {
                let nic = self.inventory.by_name(name);
                (name.as_str(), nic.and_then(crate::inventory::Nic::mac))
            })
            .collect();
        let is_ours = |path: &Path| {
            self.record.get(path).is_some() || self.files.iter().any(|file| file.path == path)
        };
        let places = foreign::PLACES.iter();
        places
            .filter(|place| place.is_read_by(self.backend.reader(), started))
            .flat_map(|place| foreign::findings(self.probe, place, &devices, is_ours))
            .collect()
    }

    /// Whether the kernel has everything that the context asks for.
    fn is_right(&self) -> bool {
        let nic_is_right = |nic: &Comparison| nic.differences.is_empty();
        self.kernel
            .is_some_and(|nics| nics.iter().all(nic_is_right))
    }

    /// Returns the configured NICs with their devices.
    fn configured(&self) -> impl Iterator<Item = (&PlannedNic, &InterfaceName)> {
        self.plan
            .nics
            .iter()
            .filter_map(|nic| match (&nic.outcome, &nic.device) {
                (Outcome::Configure(_), Some(device)) => Some((nic, &device.name)),
                _ => None,
            })
    }
}
