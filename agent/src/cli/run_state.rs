//! From the options to what there is: the context, the NICs, the plan, the files that it makes.

use std::cell::LazyCell;
use std::io::ErrorKind;
use std::path::Path;

use hwaddr::DummyPrefix;
use one_sriov_system::Root;

use super::error::Failure;
use super::{Options, cloud_init};
use crate::config::Config;
use crate::context::Context;
use crate::context::medium::{self, Fallbacks, Medium};
use crate::detect::{
    Choice, DetectError, Device, Facts, NetworkManagerConfig, OneContext, Probe, Requests, Running,
    detect, resolver,
};
use crate::install::{Changes, Directories, Record, Snapshot, Wanted, decide};
use crate::inventory::{Inventory, Sysfs};
use crate::plan::{Plan, Role, Settings, plan};
use crate::render::{Backend, Rendered, RenderedFile, cloud_init_drop_in, network_manager_managed};
use crate::wait::WaitBudget;

/// A context, before any NIC is looked at.
pub(super) struct Read {
    /// Where it was.
    pub(super) source: String,
    pub(super) context: Context,
    config: Config,
}

/// What a command looks at a machine for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Purpose {
    /// What runs counts beside what is enabled, where the files are to be taken over at once.
    pub(super) running: Option<Running>,
    /// Files of others in the place of ours are replaced.
    pub(super) takes_over: bool,
    /// Nothing is going to be written: what this user may not read is named, and the rest is shown.
    pub(super) reads_only: bool,
}

impl Purpose {
    /// To show what there is.
    pub(super) const SHOW: Self = Self {
        running: None,
        takes_over: false,
        reads_only: true,
    };
}

/// All that a command can ask about.
pub(super) struct RunState {
    pub(super) source: String,
    pub(super) inventory: Inventory,
    pub(super) plan: Plan,
    pub(super) role: Role,
    /// First octet of dummy MACs.
    pub(super) prefix: DummyPrefix,
    pub(super) choice: Choice,
    pub(super) rendered: Rendered,
    pub(super) record: Record,
    pub(super) changes: Changes,
}

/// Nothing is decided by what was seen while something could not be read.
fn all_read(probe: &Probe<'_>) -> Result<(), DetectError> {
    let failures = probe.failures();
    if failures.is_empty() {
        Ok(())
    } else {
        Err(DetectError::Unread(failures))
    }
}

/// Finds and reads the context; none if there is no medium.
pub(super) fn read(options: &Options, wait_budget: &WaitBudget) -> Result<Option<Read>, Failure> {
    let root = options.root();
    let config = Config::load(&root)?;
    let Some(Medium { text, source }) = find(options, &root, &config, wait_budget)? else {
        return Ok(None);
    };
    let context = Context::parse(&text).map_err(|error| Failure::Grammar(source.clone(), error))?;
    log::debug!("read {} variables from '{source}'", context.len());
    Ok(Some(Read {
        source,
        context,
        config,
    }))
}

fn find(
    options: &Options,
    root: &Root,
    config: &Config,
    wait_budget: &WaitBudget,
) -> Result<Option<Medium>, Failure> {
    if let Some(path) = &options.context {
        return Ok(Some(medium::read_named(path)?));
    }
    // one-context has the CD already and says where.
    if let Some(path) = std::env::var_os("CONTEXT_FILE").filter(|path| !path.is_empty()) {
        return Ok(Some(medium::read_named(Path::new(&path))?));
    }
    let fallbacks = if config.unlabelled_context {
        Fallbacks::Unlabelled
    } else {
        Fallbacks::Directory
    };
    loop {
        // Asked before the look, so that a CD that comes in between is not missed.
        let udev_was_busy = wait_budget.udev_is_busy();
        let counts = if udev_was_busy {
            Fallbacks::NotYet
        } else {
            fallbacks
        };
        if let Some(medium) = medium::find(root, counts)? {
            return Ok(Some(medium));
        }
        if !udev_was_busy {
            return Ok(None);
        }
        if !wait_budget.wait("the context CD") {
            return Ok(medium::find(root, fallbacks)?);
        }
    }
}

/// The files that have NetworkManager manage NICs that a rule of others would keep it from.
fn exceptions(
    backend: Backend,
    plan: &Plan,
    probe: &Probe<'_>,
    is_beside: bool,
) -> Vec<RenderedFile> {
    // one-context removes that file of its own, later, where its renderer is NetworkManager.
    let passed_over: &[&str] = if is_beside {
        &["/etc/NetworkManager/conf.d/50-unmanaged-devices.conf"]
    } else {
        &[]
    };
    let settings = LazyCell::new(|| NetworkManagerConfig::gather(probe, passed_over));
    network_manager_managed(backend, plan, |name, kind| {
        let device = Device {
            name,
            kind,
            address: None,
        };
        settings.unmanaged_by(device).is_some()
    })
}

impl Read {
    /// Looks at the NICs, waiting for late ones, and works out what that means.
    pub(super) fn look(
        self,
        options: &Options,
        wait_budget: &WaitBudget,
        Purpose {
            running,
            takes_over,
            reads_only,
        }: Purpose,
        directories: &mut Directories,
    ) -> Result<RunState, Failure> {
        let root = options.root();
        let mut not_read = None;
        let record = match Record::load(directories) {
            Err(error) if reads_only && error.kind() == ErrorKind::PermissionDenied => {
                not_read = Some(format!(
                    "what earlier runs wrote is not known: {error}; run as root"
                ));
                Record::default()
            }
            record => record?,
        };
        let probe = Probe::new(&root);
        let has_one_context = OneContext::is_there(&probe);
        all_read(&probe)?;
        let beside = has_one_context.then_some(Role::Companion);
        let role = self.config.role.or(beside).unwrap_or_default();
        let (inventory, plan) = self.plan_when_ready(options, role, &record, wait_budget)?;
        let devices = plan.nics.iter().filter_map(|nic| nic.device.as_ref());
        // Not looked at where the backend is named and nobody else is there.
        let facts = LazyCell::new(|| Facts {
            running,
            devices: devices.map(|device| device.name.to_string()).collect(),
            ..Facts::gather(&root)
        });
        let is_beside = has_one_context && role == Role::Companion;
        let beside = is_beside.then(|| OneContext::gather(&probe, &facts));
        all_read(&probe)?;
        let choice = detect(&self.requests(options), &facts, beside.as_ref())?;
        let mut rendered = choice.backend.render(&plan);
        rendered.notes.extend(choice.warnings.iter().cloned());
        // one-context writes those of all NICs.
        if role == Role::Whole {
            let names = choice.backend.name_servers(&plan, || resolver(&probe));
            all_read(&probe)?;
            rendered.files.extend(names.files);
            rendered.notes.extend(names.notes);
        }
        rendered
            .files
            .extend(cloud_init_drop_in(&plan, |path| probe.is_dir(path)));
        let exceptions = exceptions(choice.backend, &plan, &probe, is_beside);
        rendered.files.extend(exceptions);
        all_read(&probe)?;
        let read = |path: &Path| probe.read_to_string(path).ok();
        let list = |path: &Path| probe.list(path).unwrap_or_default();
        rendered
            .notes
            .extend(choice.backend.warnings(&plan, read, list));
        rendered.notes.extend(probe.failures());
        rendered.notes.extend(not_read);
        let keep = plan.keep(record.devices(), &inventory);
        let wanted = Wanted {
            files: std::mem::take(&mut rendered.files),
            keep,
            takes_over,
        };
        let changes = if plan.hands_off {
            let wanted = cloud_init::nothing_for_it(&record);
            let found = Snapshot::take(directories, &wanted, &record)?;
            decide(&wanted, &record, &found)
        } else {
            let found = Snapshot::take(directories, &wanted, &record)?;
            decide(&wanted, &record, &found)
        };
        rendered.files = wanted.files;
        // The process ends soon, and takes its memory along faster than piece by piece.
        std::mem::forget(self.context);
        Ok(RunState {
            source: self.source,
            inventory,
            plan,
            role,
            prefix: self.config.prefix,
            choice,
            rendered,
            record,
            changes,
        })
    }

    /// Plans for the NICs that are here, once no NIC is late any more or the wait budget is used up.
    fn plan_when_ready(
        &self,
        options: &Options,
        role: Role,
        record: &Record,
        wait_budget: &WaitBudget,
    ) -> Result<(Inventory, Plan), Failure> {
        let known = record.devices().into_iter();
        let settings = Settings {
            prefix: self.config.prefix,
            role,
            known: known
                .map(|(nic, device)| (nic.clone(), device.clone()))
                .collect(),
            decodes_macs: self.config.decodes_macs,
        };
        let sysfs = Sysfs::new(options.sysfs()?, &options.root())?;
        loop {
            let udev_was_busy = wait_budget.udev_is_busy();
            let inventory = match &options.nics {
                Some(file) => Inventory::load(file)?,
                None => sysfs.inventory()?,
            };
            let plan = plan(&self.context, &inventory, &settings);
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

    /// The names of network stacks that were asked for.
    fn requests<'a>(&'a self, options: &'a Options) -> Requests<'a> {
        let text = |name| {
            let value = self.context.get(name);
            value.and_then(|value| std::str::from_utf8(value).ok())
        };
        Requests {
            option: options.backend.as_deref(),
            configured: self.config.backend.as_deref(),
            netcfg_type: text("NETCFG_TYPE"),
            netplan_renderer: text("NETCFG_NETPLAN_RENDERER"),
        }
    }
}
