//! The directories of a run: each is resolved, listed, swept and flushed once.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::dir::Dir;
use nix::fcntl::{AT_FDCWD, OFlag};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};
use one_sriov_system::Root;

use super::STATE_DIR;
use super::error::InstallError;
use super::snapshot::nothing_there;

/// What ends the name of a temporary file, before the process id.
const MARK: &str = ".one-sriov-";

/// The name of the temporary file beside a file: hidden, so that no network stack reads it.
pub(super) fn temp_name(name: &str, pid: u32) -> String {
    format!(".{name}{MARK}{pid}")
}

/// Is this the name of a temporary file of some run?
pub(super) fn is_temp_name(name: &[u8]) -> bool {
    let Some(at) = name
        .windows(MARK.len())
        .rposition(|part| part == MARK.as_bytes())
    else {
        return false;
    };
    let pid = &name[at + MARK.len()..];
    name[0] == b'.' && at > 1 && !pid.is_empty() && pid.iter().all(u8::is_ascii_digit)
}

/// The directories that a run has met, by their path on the machine.
#[derive(Debug)]
pub struct Directories {
    root: Root,
    met: BTreeMap<OsString, Directory>,
}

#[derive(Debug)]
struct Directory {
    host: PathBuf,
    /// Open once it was listed or something was written in it.
    open: Option<Rc<Dir>>,
    /// What was in it when it was first looked into, sorted.
    names: Option<Vec<OsString>>,
    swept: bool,
    changed: bool,
}

impl Directories {
    /// Those of a machine; nothing is looked at yet.
    #[must_use]
    pub fn new(root: &Root) -> Self {
        Self {
            root: root.clone(),
            met: BTreeMap::new(),
        }
    }

    /// The machine that they are of.
    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    /// The host path of a file that is only looked at.
    pub(super) fn look(&mut self, path: &Path) -> Result<PathBuf, InstallError> {
        let (directory, name) = self.meet(path, "read")?;
        Ok(directory.host.join(name))
    }

    /// The same of a file that was there when its directory was first looked into: one listing tells of all
    /// files that are not.
    pub(super) fn find(&mut self, path: &Path) -> Result<Option<PathBuf>, InstallError> {
        let (directory, name) = self.meet(path, "read")?;
        Ok(directory.holds(name).then(|| directory.host.join(name)))
    }

    /// Removes what killed runs left in the directory of a file.
    pub(super) fn sweep(&mut self, path: &Path) -> Result<(), InstallError> {
        let (directory, _) = self.meet(path, "read")?;
        directory.sweep();
        Ok(())
    }

    /// The host path of a file that comes, changes or goes: its directory will be flushed.
    pub(super) fn change(&mut self, path: &Path) -> Result<PathBuf, InstallError> {
        let (directory, name) = self.meet(path, "write")?;
        directory.sweep();
        directory.changed = true;
        Ok(directory.host.join(name))
    }

    /// The directory of a file that comes or changes, open, and the name in it: files beside each other are
    /// written without a walk to each of them.
    pub(super) fn open<'p>(
        &mut self,
        path: &'p Path,
    ) -> Result<(io::Result<Rc<Dir>>, &'p OsStr), InstallError> {
        let (directory, name) = self.meet(path, "write")?;
        directory.sweep();
        directory.changed = true;
        Ok((directory.open(), name))
    }

    /// Makes the directory of a file, and those above.
    pub(super) fn make(&mut self, path: &Path) -> Result<(), InstallError> {
        let (directory, _) = self.meet(path, "create")?;
        directory.open = None;
        let parent = path.parent().unwrap_or(path);
        make_all(parent, &directory.host).map_err(InstallError::while_trying("create", parent))
    }

    /// Makes all changes of names durable.
    pub(super) fn flush(&mut self) -> Result<(), InstallError> {
        for (path, directory) in &mut self.met {
            if !std::mem::take(&mut directory.changed) {
                continue;
            }
            match directory.open().and_then(|open| Ok(fsync(&*open)?)) {
                Err(error) if !nothing_there(&error) => {
                    return Err(InstallError::new("flush", Path::new(path), error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn meet<'p>(
        &mut self,
        path: &'p Path,
        verb: &'static str,
    ) -> Result<(&mut Directory, &'p OsStr), InstallError> {
        let fail = InstallError::while_trying(verb, path);
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(fail(io::Error::new(
                ErrorKind::InvalidInput,
                "not the path of a file",
            )));
        };
        if !self.met.contains_key(parent.as_os_str()) {
            let host = self.root.path(parent).map_err(fail)?;
            let directory = Directory {
                host,
                open: None,
                names: None,
                swept: false,
                changed: false,
            };
            self.met.insert(parent.as_os_str().to_owned(), directory);
        }
        match self.met.get_mut(parent.as_os_str()) {
            Some(directory) => Ok((directory, name)),
            None => Err(fail(ErrorKind::NotFound.into())),
        }
    }
}

impl Directory {
    fn open(&mut self) -> io::Result<Rc<Dir>> {
        if let Some(open) = &self.open {
            return Ok(Rc::clone(open));
        }
        let open = Rc::new(self.open_anew()?);
        self.open = Some(Rc::clone(&open));
        Ok(open)
    }

    /// By `openat`: musl's `open` asks the kernel for `O_CLOEXEC` once more.
    fn open_anew(&self) -> io::Result<Dir> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Dir::openat(AT_FDCWD, &self.host, flags, Mode::empty())?)
    }

    /// Whether a file was there. Where nobody may look, it may have been.
    fn holds(&mut self, name: &OsStr) -> bool {
        self.names().map_or(true, |names| {
            names.binary_search_by(|there| (**there).cmp(name)).is_ok()
        })
    }

    fn names(&mut self) -> io::Result<&[OsString]> {
        if self.names.is_none() {
            self.names = Some(self.list()?);
        }
        Ok(self.names.as_deref().unwrap_or_default())
    }

    /// Sorted; none where there is no such directory.
    fn list(&mut self) -> io::Result<Vec<OsString>> {
        let mut open = match self.open_anew() {
            Err(error) if nothing_there(&error) => return Ok(Vec::new()),
            open => open?,
        };
        let names = open
            .iter()
            .map(|entry| Ok(OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned()));
        let mut names = names.collect::<io::Result<Vec<_>>>()?;
        names.sort_unstable();
        self.open.get_or_insert_with(|| Rc::new(open));
        Ok(names)
    }

    /// Best effort: a left-over is untidy, no network stack reads it.
    fn sweep(&mut self) {
        if std::mem::replace(&mut self.swept, true) {
            return;
        }
        let is_left_over = |name: &&OsString| is_temp_name(name.as_encoded_bytes());
        let Ok(names) = self.names() else {
            return;
        };
        let left_over: Vec<OsString> = names.iter().filter(is_left_over).cloned().collect();
        for name in left_over {
            let removed = self.open().and_then(|open| {
                Ok(unlinkat(
                    &*open,
                    name.as_os_str(),
                    UnlinkatFlags::NoRemoveDir,
                )?)
            });
            log::debug!(
                "removed '{}' of a killed run: {removed:?}",
                self.host.join(name).display()
            );
        }
    }
}

/// Makes a directory and what is missing above it, durable and with modes that no umask changes:
/// systemd-networkd, for one, must be able to read below `/etc/systemd`.
pub(super) fn make_all(path: &Path, host: &Path) -> io::Result<()> {
    let mode = if path.starts_with(STATE_DIR) {
        0o700
    } else {
        0o755
    };
    let make = || DirBuilder::new().mode(mode).create(host);
    let outcome = match (make(), path.parent(), host.parent()) {
        (Err(error), Some(path), Some(host)) if error.kind() == ErrorKind::NotFound => {
            make_all(path, host)?;
            make()
        }
        (outcome, ..) => outcome,
    };
    match outcome {
        Ok(()) => {
            fs::set_permissions(host, Permissions::from_mode(mode))?;
            host.parent()
                .map_or(Ok(()), |parent| File::open(parent)?.sync_all())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_temporary_names_are_swept() {
        assert!(is_temp_name(temp_name("ifcfg-ib0", 42).as_bytes()));
        assert!(is_temp_name(b".a.one-sriov-1.one-sriov-2"));
        for name in [
            "ifcfg-ib0",
            ".one-sriov-1",
            ".a.one-sriov-",
            ".a.one-sriov-1x",
            "a.one-sriov-1",
            "",
        ] {
            assert!(!is_temp_name(name.as_bytes()), "{name}");
        }
    }
}
