//! From the options to what there is: the context, the NICs, the plan, the files that it makes.

use std::cell::LazyCell;
use std::path::Path;

use one_sriov_system::Root;

use super::error::Failure;
use super::{Options, cloud_init};
use crate::config::Config;
use crate::context::Context;
use crate::context::medium::{self, Fallbacks, Medium};
use crate::detect::{
    Choice, DetectError, Facts, OneContext, Probe, Requests, Running, detect, resolver,
};
use crate::install::{Changes, Directories, Record, Snapshot, Wanted, decide};
use crate::inventory::{Inventory, Sysfs};
use crate::plan::{Plan, Role, Settings, plan};
use crate::render::{Rendered, cloud_init_drop_in};
use crate::wait::WaitBudget;

/// A context, before any NIC is looked at.
pub(super) struct Read {
    /// Where it was.
    pub(super) source: String,
    pub(super) context: Context,
    config: Config,
}

/// All that a command can ask about.
pub(super) struct RunState {
    pub(super) source: String,
    pub(super) inventory: Inventory,
    pub(super) plan: Plan,
    pub(super) role: Role,
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

impl Read {
    /// Looks at the NICs, waiting for late ones, and works out what that means.
    ///
    /// `running` is what counts beside what is enabled, where the files are to be taken over at once.
    pub(super) fn look(
        self,
        options: &Options,
        wait_budget: &WaitBudget,
        running: Option<Running>,
        directories: &mut Directories,
    ) -> Result<RunState, Failure> {
        let root = options.root();
        let record = Record::load(directories)?;
        let probe = Probe::new(&root);
        let has_one_context = OneContext::is_there(&probe);
        all_read(&probe)?;
        let beside = has_one_context.then_some(Role::Companion);
        let role = self.config.role.or(beside).unwrap_or_default();
        let known = record.devices().into_iter();
        let known = known
            .map(|(nic, device)| (nic.clone(), device.clone()))
            .collect();
        let settings = Settings {
            prefix: self.config.prefix,
            role,
            known,
            decodes_macs: self.config.decodes_macs,
        };
        let sysfs = Sysfs::new(options.sysfs()?, &root)?;
        let (inventory, plan) = loop {
            let udev_was_busy = wait_budget.udev_is_busy();
            let inventory = sysfs.inventory()?;
            let plan = plan(&self.context, &inventory, &settings);
            let may_come = if udev_was_busy {
                &plan.missing[..]
            } else {
                &[]
            };
            let awaited = [&plan.late[..], may_come].concat();
            if awaited.is_empty() || !wait_budget.wait(&awaited.join(", ")) {
                break (inventory, plan);
            }
        };
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
        all_read(&probe)?;
        let read = |path: &Path| probe.read_to_string(path).ok();
        let list = |path: &Path| probe.list(path).unwrap_or_default();
        rendered
            .notes
            .extend(choice.backend.warnings(&plan, read, list));
        rendered.notes.extend(probe.failures());
        let keep = plan.keep(record.devices(), &inventory);
        let wanted = Wanted {
            files: std::mem::take(&mut rendered.files),
            keep,
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
            choice,
            rendered,
            record,
            changes,
        })
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
