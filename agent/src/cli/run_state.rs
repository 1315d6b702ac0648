//! Everything that commands work with: the context, the NICs, the plan, and the files that result.

use std::io::ErrorKind;
use std::path::Path;

use hwaddr::DummyPrefix;
use one_sriov_system::Root;

use super::Options;
use super::error::Failure;
use crate::config::Config;
use crate::context::Context;
use crate::context::medium::{self, Fallbacks, Medium};
use crate::detect::{Choice, Guest};
use crate::install::{Changes, Directories, Record, Snapshot};
use crate::inventory::{Inventory, NicSource, Sysfs};
use crate::pipeline::{self, Inputs};
use crate::plan::{Plan, Role};
use crate::render::{Readers, Rendered};
use crate::wait::WaitBudget;

/// A context, before any NIC is read.
pub(super) struct ReadContext {
    /// The path of the context.
    pub(super) source: String,
    pub(super) context: Context,
    config: Config,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Purpose {
    /// The running network stacks, which count besides the enabled ones because the files are loaded at once.
    pub(super) running: Option<Readers>,
    /// Whether foreign files at the paths of the agent's files are replaced.
    pub(super) takes_over: bool,
    /// Whether nothing will be written: files that this user may not read are reported, and everything else is shown.
    pub(super) reads_only: bool,
}

impl Purpose {
    pub(super) const SHOW: Self = Self {
        running: None,
        takes_over: false,
        reads_only: true,
    };
}

/// Everything that a command can ask for.
pub(super) struct RunState {
    pub(super) source: String,
    pub(super) inventory: Inventory,
    pub(super) plan: Plan,
    pub(super) role: Role,
    pub(super) prefix: DummyPrefix,
    pub(super) choice: Choice,
    pub(super) rendered: Rendered,
    pub(super) record: Record,
    pub(super) changes: Changes,
}

/// Finds and reads the context; returns `None` if there is no medium.
pub(super) fn read(
    options: &Options,
    wait_budget: &WaitBudget,
) -> Result<Option<ReadContext>, Failure> {
    let root = options.root();
    let config = Config::load(&root)?;
    let Some(Medium { text, source }) = find(options, &root, &config, wait_budget)? else {
        return Ok(None);
    };
    let context = Context::parse(&text).map_err(|error| Failure::Grammar(source.clone(), error))?;
    log::debug!("read {} variables from '{source}'", context.len());
    Ok(Some(ReadContext {
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
    // one-context has already mounted the CD, and passes the path.
    if let Some(path) = std::env::var_os("CONTEXT_FILE").filter(|path| !path.is_empty()) {
        return Ok(Some(medium::read_named(Path::new(&path))?));
    }
    let fallbacks = if config.unlabelled_context {
        Fallbacks::Unlabelled
    } else {
        Fallbacks::Directory
    };
    loop {
        // Checked before the devices are read, so that a CD that appears in between is not missed.
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

impl ReadContext {
    /// Reads the NICs, waiting for late ones, and computes everything else.
    pub(super) fn look(
        self,
        options: &Options,
        wait_budget: &WaitBudget,
        purpose: Purpose,
        directories: &mut Directories,
    ) -> Result<RunState, Failure> {
        let root = options.root();
        let (record, not_read) = match Record::load(directories) {
            Err(error) if purpose.reads_only && error.kind() == ErrorKind::PermissionDenied => {
                let note = format!("failed to find what earlier runs wrote: {error}; run as root");
                (Record::default(), Some(note))
            }
            record => (record?, None),
        };
        let inputs = Inputs {
            context: &self.context,
            config: &self.config,
            record: &record,
            guest: &Guest::new(&root, purpose.running)?,
            backend: options.backend.as_deref(),
            takes_over: purpose.takes_over,
        };
        let nics = match &options.nics {
            Some(file) => NicSource::Document(file.clone()),
            None => NicSource::Sysfs(Sysfs::new(options.sysfs()?, &root)?),
        };
        let (inventory, plan) = pipeline::plan_when_ready(&inputs, &nics, wait_budget)?;
        let (choice, mut rendered) = pipeline::target((&inventory, &plan), &inputs)?;
        rendered.notes.extend(not_read);
        let disk = Snapshot::take(directories, &rendered.files, &record)?;
        let changes = pipeline::changes(&rendered, (&inventory, &plan), &inputs, &disk);
        let role = inputs.role();
        // Leaked, because the exiting process frees its memory faster as a whole than piece by piece.
        std::mem::forget((self.context, disk));
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
}
