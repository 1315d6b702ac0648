//! The directories that a batch changes, each opened once, created if missing, and flushed once.

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

use super::STATE_DIR;
use super::directories::Directories;
use super::error::{InstallError, nothing_there};

/// The directories of a batch, by their paths on the machine.
pub(super) struct OpenDirectories<'d> {
    directories: &'d mut Directories,
    changed: BTreeMap<OsString, ChangedDirectory>,
}

struct ChangedDirectory {
    host: PathBuf,
    open: Option<Rc<OwnedFd>>,
}

impl<'d> OpenDirectories<'d> {
    pub(super) fn new(directories: &'d mut Directories) -> Self {
        Self {
            directories,
            changed: BTreeMap::new(),
        }
    }

    /// Returns the host path of a file to change or remove; its directory will be flushed.
    pub(super) fn change(&mut self, path: &Path) -> Result<PathBuf, InstallError> {
        let (changed, _, name) = self.of(path)?;
        Ok(changed.host.join(name))
    }

    /// Opens the directory of a new file, and returns the name in it, so that the path is resolved only once.
    pub(super) fn open<'p>(
        &mut self,
        path: &'p Path,
    ) -> Result<(Rc<OwnedFd>, &'p OsStr), InstallError> {
        let (changed, parent, name) = self.of(path)?;
        let open = match changed.open() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make_all(parent, &changed.host)
                    .map_err(InstallError::while_trying("create", parent))?;
                changed.open()
            }
            open => open,
        };
        Ok((
            open.map_err(InstallError::while_trying("write", path))?,
            name,
        ))
    }

    pub(super) fn flush(mut self) -> Result<(), InstallError> {
        for (path, directory) in &mut self.changed {
            match directory.open().and_then(|open| Ok(fsync(&open)?)) {
                Err(error) if !nothing_there(&error) => {
                    return Err(InstallError::new("flush", Path::new(path), error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn of<'p>(
        &mut self,
        path: &'p Path,
    ) -> Result<(&mut ChangedDirectory, &'p Path, &'p OsStr), InstallError> {
        let (parent, host) = self.directories.parent(path)?;
        let changed = self.changed.entry(parent.as_os_str().to_owned());
        let changed = changed.or_insert(ChangedDirectory { host, open: None });
        Ok((changed, parent, path.file_name().unwrap_or_default()))
    }
}

impl ChangedDirectory {
    fn open(&mut self) -> io::Result<Rc<OwnedFd>> {
        if let Some(open) = &self.open {
            return Ok(Rc::clone(open));
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let open = Rc::new(openat(AT_FDCWD, &self.host, flags, Mode::empty())?);
        self.open = Some(Rc::clone(&open));
        Ok(open)
    }
}

/// Creates a directory and its missing parents, durably and independently of the umask, because systemd-networkd, for example,
/// must be able to read below `/etc/systemd`.
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
