//! Decides what to change, without changing anything. All the rules are here.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::Path;

use super::changes::{Change, ChangeKind, Changes, Foreign, NewFile, Obstacle};
use super::digest::Digest;
use super::record::{Entry, Record};
use super::snapshot::{Current, Snapshot};
use super::wanted::WantedFiles;
use crate::plan::NicId;
use crate::render::{HEADER, RESOLV_CONF, RenderedFile};

/// Compares the wanted files with the record and the disk.
///
/// | at the path | wanted | recorded, no longer wanted |
/// |---|---|---|
/// | nothing | create | drop the entry |
/// | the wanted text | unchanged (recorded, if it was not), or fix the mode | |
/// | the agent's file: header, recorded, same hash | update | remove |
/// | the same, but edited: another hash | conflict; with `takes_over`, back up and replace | leave, drop the entry |
/// | a foreign `ifcfg-*` or `resolv.conf`, file or link | back up and replace | leave, drop the entry |
/// | another foreign file or link | conflict; with `takes_over`, back up and replace | leave, drop the entry |
/// | anything else | conflict | leave, drop the entry |
///
/// Recorded files of a NIC in `keep` without a wanted file are left unchanged.
#[must_use]
pub fn decide(wanted: &WantedFiles<'_>, record: &Record, disk: &Snapshot) -> Changes {
    let mut changes = Changes::default();
    let mut taken: HashMap<&OsStr, &RenderedFile> = HashMap::new();
    for file in &*wanted.files {
        debug_assert!(
            file.text.starts_with(HEADER),
            "{} lacks the header",
            file.path.display()
        );
        match taken.get(file.path.as_os_str()) {
            None => {
                taken.insert(file.path.as_os_str(), file);
                changes.want(file, record, disk, wanted.takes_over);
            }
            Some(first) if (&first.text, first.mode) == (&file.text, file.mode) => {}
            Some(_) => changes
                .list
                .push(change_of(file, ChangeKind::Conflict(Obstacle::Twice))),
        }
    }
    changes
        .list
        .sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));

    let rendered: BTreeSet<&NicId> = wanted.files.iter().map(|file| &file.nic).collect();
    for (path, entry) in &record.files {
        if taken.contains_key(path.as_os_str()) {
            continue;
        }
        if wanted.keep.contains(&entry.nic) && !rendered.contains(&entry.nic) {
            changes.next.files.insert(path.clone(), entry.clone());
        } else {
            let path = Path::new(path);
            changes.drop_file(path, entry, disk.get(path));
        }
    }
    changes
}

impl Changes {
    fn want(&mut self, file: &RenderedFile, record: &Record, disk: &Snapshot, takes_over: bool) {
        let entry = record.get(&file.path);
        let kind = kind_of(file, entry, disk.get(&file.path), takes_over);
        let next = match kind {
            // Kept, so that the file is the agent's again once it has the agent's text again.
            ChangeKind::Conflict(_) => entry.cloned(),
            _ => Some(Entry {
                nic: file.nic,
                device: file.device.clone(),
                sha256: BTreeSet::from([Digest::of(file.text.as_bytes())]),
            }),
        };
        if let Some(next) = next {
            self.next
                .files
                .insert(file.path.clone().into_os_string(), next);
        }
        self.list.push(change_of(file, kind));
    }

    fn drop_file(&mut self, path: &Path, entry: &Entry, current: &Current) {
        let kind = match current {
            Current::Absent => return,
            Current::File(old) if entry.owns(&old.content) => ChangeKind::Remove(old.clone()),
            Current::Denied => {
                let path = path.as_os_str().to_owned();
                self.next.files.insert(path, entry.clone());
                ChangeKind::Conflict(Obstacle::Denied)
            }
            _ => ChangeKind::ForeignLeft,
        };
        self.list.push(Change {
            path: path.to_path_buf(),
            nic: entry.nic,
            device: entry.device.clone(),
            kind,
        });
    }
}

fn kind_of(
    file: &RenderedFile,
    entry: Option<&Entry>,
    current: &Current,
    takes_over: bool,
) -> ChangeKind {
    let new = || NewFile {
        text: file.text.clone(),
        mode: file.mode,
    };
    match current {
        Current::Absent => ChangeKind::Create(new()),
        Current::File(old) if old.content == file.text.as_bytes() => {
            if old.mode == file.mode {
                ChangeKind::Unchanged
            } else {
                ChangeKind::FixMode {
                    old: old.mode,
                    new: file.mode,
                }
            }
        }
        Current::File(old) if entry.is_some_and(|entry| entry.owns(&old.content)) => {
            ChangeKind::Update {
                old: old.clone(),
                new: new(),
            }
        }
        Current::File(old) if !takes_over && is_edited(&old.content, entry) => {
            ChangeKind::Conflict(Obstacle::Edited)
        }
        Current::File(old) if takes_over || may_be_replaced(&file.path) => {
            ChangeKind::ReplaceForeign {
                old: Foreign::File(old.clone()),
                new: new(),
            }
        }
        Current::Symlink(target) if takes_over || may_be_replaced(&file.path) => {
            ChangeKind::ReplaceForeign {
                old: Foreign::Symlink(target.clone()),
                new: new(),
            }
        }
        Current::File(_) => ChangeKind::Conflict(Obstacle::File),
        Current::Symlink(_) => ChangeKind::Conflict(Obstacle::Symlink),
        Current::Directory => ChangeKind::Conflict(Obstacle::Directory),
        Current::Special => ChangeKind::Conflict(Obstacle::Special),
        Current::Denied => ChangeKind::Conflict(Obstacle::Denied),
    }
}

/// Whether the file is the agent's, but was edited: the header is still there.
fn is_edited(content: &[u8], entry: Option<&Entry>) -> bool {
    entry.is_some() && content.starts_with(HEADER.as_bytes())
}

/// Whether a foreign file is replaced without asking. Distributions and installers leave an `ifcfg-<device>` for every NIC, and a
/// `resolv.conf`; the names of these files are fixed, so such an image could not be configured otherwise.
fn may_be_replaced(path: &Path) -> bool {
    let is_ifcfg = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b"ifcfg-");
    path == Path::new(RESOLV_CONF) || path.file_name().is_some_and(is_ifcfg)
}

fn change_of(file: &RenderedFile, kind: ChangeKind) -> Change {
    Change {
        path: file.path.clone(),
        nic: file.nic,
        device: file.device.clone(),
        kind,
    }
}
