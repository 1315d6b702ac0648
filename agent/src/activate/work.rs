//! What to activate, as data: the files of each device, before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hwaddr::InterfaceName;

use crate::install::{Change, ChangeKind, Changes, Foreign};
use crate::render::RenderedFile;

/// A file of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The file.
    pub path: PathBuf,
    /// Its text before the run.
    pub old: Option<String>,
    /// Its text after the run.
    pub new: Option<String>,
    /// Whether the text has changed, or could not be read before.
    pub is_changed: bool,
}

impl Edit {
    fn of(change: &Change, wanted: &BTreeMap<&Path, &RenderedFile>) -> Option<Self> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let unchanged = || wanted.get(&*change.path).map(|file| file.text.clone());
        let (old, new, is_changed) = match &change.kind {
            ChangeKind::Create(new) => (None, Some(new.text.clone()), true),
            ChangeKind::Update { old, new } => {
                (Some(text(&old.content)), Some(new.text.clone()), true)
            }
            ChangeKind::ReplaceForeign { old, new } => {
                let old = match old {
                    Foreign::File(old) => Some(text(&old.content)),
                    Foreign::Symlink(_) => None,
                };
                (old, Some(new.text.clone()), true)
            }
            ChangeKind::FixMode { .. } => (unchanged(), unchanged(), true),
            ChangeKind::Unchanged => (unchanged(), unchanged(), false),
            ChangeKind::Remove(old) => (Some(text(&old.content)), None, true),
            ChangeKind::Conflict(_) | ChangeKind::ForeignLeft => return None,
        };
        Some(Self {
            path: change.path.clone(),
            old,
            new,
            is_changed,
        })
    }

    /// The name of the file, without its directory.
    #[must_use]
    pub fn name(&self) -> &str {
        let name = self.path.file_name().and_then(|name| name.to_str());
        name.unwrap_or_default()
    }

    /// The part of the file name between a prefix and a suffix, if it has both.
    #[must_use]
    pub fn name_between(&self, beginning: &str, end: &str) -> Option<&str> {
        self.name().strip_prefix(beginning)?.strip_suffix(end)
    }
}

/// A device that the network stack has to load, with all its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The device.
    pub device: InterfaceName,
    /// Whether it is a dummy NIC, which must stay unmanaged and is not brought up.
    pub is_dummy: bool,
    /// Whether the device is present now.
    pub is_present: bool,
    /// Its files, sorted by path; if its NIC is gone, all of them are removed.
    pub edits: Vec<Edit>,
}

impl Job {
    /// Whether the device still has any file.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.edits.iter().any(|edit| edit.new.is_some())
    }
}

/// The devices to activate, sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivationWork {
    /// The devices, each with its files.
    pub jobs: Vec<Job>,
}

impl ActivationWork {
    /// Collects the devices whose files change in a run, and the pending ones.
    pub fn of(
        changes: &Changes,
        wanted: &[RenderedFile],
        due: &BTreeSet<InterfaceName>,
        is_present: impl Fn(&InterfaceName) -> bool,
    ) -> Self {
        let wanted: BTreeMap<&Path, &RenderedFile> = wanted
            .iter()
            .map(|file| (file.path.as_path(), file))
            .collect();
        let mut devices: BTreeMap<&InterfaceName, Vec<Edit>> = BTreeMap::new();
        // A device with a file of a dummy NIC is a dummy NIC now, whichever files are removed.
        let (mut nics, mut dummies) = (BTreeSet::new(), BTreeSet::new());
        for change in changes {
            if change.nic.is_of_machine() {
                continue;
            }
            if let Some(edit) = Edit::of(change, &wanted) {
                if change.nic.is_nic() {
                    nics.insert(&change.device);
                } else if edit.new.is_some() {
                    dummies.insert(&change.device);
                }
                devices.entry(&change.device).or_default().push(edit);
            }
        }
        for device in due {
            devices.entry(device).or_default();
        }
        let jobs = devices.into_iter().filter_map(|(device, edits)| {
            let is_changed = edits.iter().any(|edit| edit.is_changed);
            (is_changed || due.contains(device)).then(|| Job {
                device: device.clone(),
                is_dummy: dummies.contains(device) || !edits.is_empty() && !nics.contains(device),
                is_present: is_present(device),
                edits,
            })
        });
        Self {
            jobs: jobs.collect(),
        }
    }

    /// All files of all devices.
    pub fn edits(&self) -> impl Iterator<Item = &Edit> {
        self.jobs.iter().flat_map(|job| &job.edits)
    }
}
