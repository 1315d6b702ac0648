//! The directories of a run: each is resolved, listed, swept and flushed once.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::fsync;
use one_sriov_system::Root;

use super::STATE_DIR;
use super::error::{InstallError, nothing_there};

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
    /// What a killed run left and this one failed to remove.
    unswept: Option<InstallError>,
}

#[derive(Debug)]
struct Directory {
    host: PathBuf,
    /// Open once something was written in it.
    open: Option<Rc<OwnedFd>>,
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
            unswept: None,
        }
    }

    /// Why something that a killed run left is still there, if so: the next run has to look again.
    pub(super) fn unswept(&mut self) -> Option<InstallError> {
        self.unswept.take()
    }

    /// Sweeps the directory of a file, once.
    fn sweep_once(&mut self, path: &Path) {
        let Some(parent) = path.parent() else { return };
        if let Some(directory) = self.met.get_mut(parent.as_os_str())
            && let Err((name, error)) = directory.sweep()
        {
            let path = parent.join(name);
            self.unswept = Some(InstallError::new("remove", &path, error));
        }
    }

    /// The machine that they are of.
    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    /// The host path of a file, which is looked at or replaced: a link there is not followed.
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
        self.meet(path, "read")?;
        self.sweep_once(path);
        Ok(())
    }

    /// The host path of a file that comes, changes or goes: its directory will be flushed.
    pub(super) fn change(&mut self, path: &Path) -> Result<PathBuf, InstallError> {
        self.meet(path, "write")?;
        self.sweep_once(path);
        let (directory, name) = self.meet(path, "write")?;
        directory.changed = true;
        Ok(directory.host.join(name))
    }

    /// The directory of a file that comes or changes, open, and the name in it: files beside each other are
    /// written without a walk to each of them.
    pub(super) fn open<'p>(
        &mut self,
        path: &'p Path,
    ) -> Result<(io::Result<Rc<OwnedFd>>, &'p OsStr), InstallError> {
        self.meet(path, "write")?;
        self.sweep_once(path);
        let (directory, name) = self.meet(path, "write")?;
        directory.changed = true;
        Ok((directory.open(), name))
    }

    /// Makes the directory of a file, and those above.
    pub(super) fn make(&mut self, path: &Path) -> Result<(), InstallError> {
        let (directory, _) = self.meet(path, "write")?;
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
            match directory.open().and_then(|open| Ok(fsync(&open)?)) {
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
    fn open(&mut self) -> io::Result<Rc<OwnedFd>> {
        if let Some(open) = &self.open {
            return Ok(Rc::clone(open));
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let open = Rc::new(openat(AT_FDCWD, &self.host, flags, Mode::empty())?);
        self.open = Some(Rc::clone(&open));
        Ok(open)
    }

    /// Whether a file was there. Where the listing fails, it may have been.
    fn holds(&mut self, name: &OsStr) -> bool {
        self.names().map_or(true, |names| {
            names.binary_search_by(|there| (**there).cmp(name)).is_ok()
        })
    }

    fn names(&mut self) -> io::Result<&[OsString]> {
        if self.names.is_none() {
            self.names = Some(list(&self.host)?);
        }
        Ok(self.names.as_deref().unwrap_or_default())
    }

    /// Removes what killed runs left; the first that stays is named, with the reason. No network stack reads it.
    fn sweep(&mut self) -> Result<(), (OsString, io::Error)> {
        if std::mem::replace(&mut self.swept, true) {
            return Ok(());
        }
        let host = self.host.clone();
        let names = self.names().map_err(|error| (OsString::new(), error))?;
        let mut outcome = Ok(());
        for name in names
            .iter()
            .filter(|name| is_temp_name(name.as_encoded_bytes()))
        {
            let path = host.join(name);
            match fs::remove_file(&path) {
                Ok(()) => log::debug!(
                    "removed temporary file '{}' of a killed run",
                    path.display()
                ),
                Err(error) if nothing_there(&error) => {}
                Err(error) if outcome.is_ok() => outcome = Err((name.clone(), error)),
                Err(_) => {}
            }
        }
        outcome
    }
}

/// All names, sorted; none where there is no such directory.
fn list(host: &Path) -> io::Result<Vec<OsString>> {
    let entries = match fs::read_dir(host) {
        Err(error) if nothing_there(&error) => return Ok(Vec::new()),
        entries => entries?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
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
    #![allow(clippy::expect_used)]
    use super::*;

    #[test]
    fn where_the_listing_fails_every_file_may_be_there() {
        let place = tempfile::tempdir().expect("a directory");
        let host = place.path().join("loop");
        std::os::unix::fs::symlink("loop", &host).expect("a link");
        let of = |host| Directory {
            host,
            open: None,
            names: None,
            swept: false,
            changed: false,
        };
        assert!(of(host).holds("ifcfg-ib0".as_ref()));
        assert!(!of(place.path().join("missing")).holds("ifcfg-ib0".as_ref()));
        assert!(of(place.path().to_owned()).holds("loop".as_ref()));
    }

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
