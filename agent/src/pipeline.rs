//! The core of a run: from a context and the NICs of a guest to the changes on its disk.
//!
//! ```text
//! plan_when_ready   wait for late NICs, then plan           -> Inventory, Plan     (the only loop)
//! target            detect the network stack, render files  -> Choice, Rendered
//! changes           compare with the record and the disk    -> Changes             (pure)
//! ```
//! The caller (`cli/`) reads the context, takes the lock, reads the disk ([`Snapshot::take`]) and makes the changes
//! ([`install::apply`](crate::install::apply)).

use std::cell::LazyCell;
use std::collections::BTreeSet;

use crate::config::Config;
use crate::context::Context;
use crate::detect::{Choice, DetectError, Guest, NmDevice, Requests, Rule, RulePlace};
use crate::install::{Changes, Record, Snapshot, WantedFiles, decide};
use crate::inventory::{Inventory, InventoryError, NicSource};
use crate::plan::{NicId, Plan, PlanSettings, Role, plan};
use crate::render::{Rendered, Unmanaged, cloud_init_drop_in, network_manager_managed};
use crate::wait::WaitBudget;

/// The inputs of a run: everything that is known before the NICs are read.
pub struct Inputs<'a> {
    /// The context.
    pub context: &'a Context,
    /// The agent's own configuration.
    pub config: &'a Config,
    /// What earlier runs wrote.
    pub record: &'a Record,
    /// The files of the guest, and what runs in it.
    pub guest: &'a Guest<'a>,
    /// The network stack given by `--backend`.
    pub backend: Option<&'a str>,
    /// Whether foreign files at the paths of the agent's files are replaced.
    pub takes_over: bool,
}

impl Inputs<'_> {
    /// Which NICs the agent configures.
    #[must_use]
    pub fn role(&self) -> Role {
        let beside = self.guest.has_one_context().then_some(Role::Companion);
        self.config.role.or(beside).unwrap_or_default()
    }

    fn settings(&self) -> PlanSettings {
        let known = self.record.devices().into_iter();
        PlanSettings {
            prefix: self.config.prefix,
            role: self.role(),
            known: known.map(|(nic, device)| (*nic, device.clone())).collect(),
            decodes_macs: self.config.decodes_macs,
        }
    }

    /// The network stacks that the user, the configuration or the context asks for.
    fn requests(&self) -> Requests<'_> {
        let text = |name| {
            let value = self.context.get(name);
            value.and_then(|value| std::str::from_utf8(value).ok())
        };
        Requests {
            option: self.backend,
            configured: self.config.backend.as_deref(),
            netcfg_type: text("NETCFG_TYPE"),
            netplan_renderer: text("NETCFG_NETPLAN_RENDERER"),
        }
    }
}

/// Plans for the NICs of this machine as soon as no NIC is late, or when the wait budget is used up.
///
/// # Errors
/// [`InventoryError`] if the NICs cannot be listed.
pub fn plan_when_ready(
    inputs: &Inputs<'_>,
    nics: &NicSource,
    wait_budget: &WaitBudget,
) -> Result<(Inventory, Plan), InventoryError> {
    let settings = inputs.settings();
    loop {
        // Checked before the NICs are read, so that a NIC that appears in between is not missed.
        let udev_was_busy = wait_budget.udev_is_busy();
        let inventory = nics.inventory()?;
        let plan = plan(inputs.context, &inventory, &settings);
        let may_come = if udev_was_busy {
            &plan.missing[..]
        } else {
            &[]
        };
        let awaited = [&plan.late[..], may_come].concat();
        if awaited.is_empty() || !wait_budget.wait(&awaited.join(", ")) {
            return Ok((inventory, plan));
        }
    }
}

/// Detects the network stack of the guest, and renders the files for it. The result depends only on the arguments and on the
/// guest's files; only those that matter are read.
///
/// # Errors
/// [`DetectError`] if the network stack cannot be determined, or if a file that decides it cannot be read.
pub fn target(
    (inventory, plan): (&Inventory, &Plan),
    inputs: &Inputs<'_>,
) -> Result<(Choice, Rendered), DetectError> {
    let (guest, role) = (inputs.guest, inputs.role());
    let is_beside = guest.has_one_context() && role == Role::Companion;
    let devices = plan.nics.iter().filter_map(|nic| nic.device.as_ref());
    let devices = devices.map(|device| device.name.to_string());
    let choice = guest.detect(&inputs.requests(), devices, is_beside)?;
    let backend = choice.backend;
    let mut rendered = backend.render(plan);
    rendered.notes.extend(choice.warnings.iter().cloned());
    // one-context writes the name servers of all NICs.
    if role == Role::Whole {
        let names = backend.name_servers(plan, || guest.resolver());
        rendered.files.extend(names.files);
        rendered.notes.extend(names.notes);
    }
    let cloud_init = cloud_init_drop_in(plan, guest.probe());
    rendered.files.extend(cloud_init);
    let settings = LazyCell::new(|| guest.network_manager(is_beside));
    let managed = network_manager_managed(backend, plan, |name, kind| {
        let nic = inventory.by_name(name);
        let address = nic.and_then(|nic| nic.link.address());
        let device = NmDevice {
            name,
            kind,
            address: address.as_deref(),
            driver: nic
                .filter(|nic| !nic.is_infiniband())
                .and_then(|nic| nic.driver.as_deref()),
        };
        unmanaged(&settings.unmanaged_by(device))
    });
    rendered.files.extend(managed.files);
    rendered.notes.extend(managed.notes);
    guest.all_read()?;
    rendered.notes.extend(backend.warnings(plan, guest.probe()));
    rendered.notes.extend(guest.probe().failures());
    Ok((choice, rendered))
}

/// Summarizes the rules in NetworkManager's configuration.
fn unmanaged(rules: &[Rule<'_>]) -> Unmanaged {
    let is_general = |place: RulePlace| {
        let mut rules = rules.iter();
        rules.any(|rule| rule.place == place && !rule.names_device)
    };
    let named = rules.iter().filter(|rule| rule.names_device);
    Unmanaged {
        by_list: is_general(RulePlace::List),
        by_section: is_general(RulePlace::Section),
        by_name: named
            .map(|rule| format!("'{}' in '{}'", rule.text, rule.file.display()))
            .collect(),
    }
}

/// Returns the changes to make on disk. `disk` holds the files at all rendered and recorded paths.
#[must_use]
pub fn changes(
    rendered: &Rendered,
    (inventory, plan): (&Inventory, &Plan),
    inputs: &Inputs<'_>,
    disk: &Snapshot,
) -> Changes {
    let record = inputs.record;
    let wanted = if plan.network_off {
        without_nics(record)
    } else {
        WantedFiles {
            files: rendered.files.as_slice().into(),
            keep: plan.keep(record.devices(), inventory),
            takes_over: inputs.takes_over,
        }
    };
    decide(&wanted, record, disk)
}

/// The wanted files if the agent only removes its file for cloud-init: all files of NICs stay.
#[must_use]
pub fn without_nics(record: &Record) -> WantedFiles<'static> {
    let mut keep: BTreeSet<NicId> = record.devices().into_keys().copied().collect();
    keep.remove(&NicId::CloudInit);
    WantedFiles {
        keep,
        ..WantedFiles::default()
    }
}
