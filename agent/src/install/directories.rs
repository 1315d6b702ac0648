//! The directories of a run: each is resolved, swept and flushed once.

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
pub(super) struct Directories<'r> {
    root: &'r Root,
    met: BTreeMap<OsString, Directory>,
}

struct Directory {
    host: PathBuf,
    /// Open once something was written in it.
    open: Option<Rc<OwnedFd>>,
    swept: bool,
    changed: bool,
}

impl<'r> Directories<'r> {
    pub(super) fn new(root: &'r Root) -> Self {
        Self {
            root,
            met: BTreeMap::new(),
        }
    }

    /// The host path of a file that is only looked at.
    pub(super) fn look(&mut self, path: &Path) -> Result<PathBuf, InstallError> {
        let (directory, name) = self.meet(path, "read")?;
        Ok(directory.host.join(name))
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
    ) -> Result<(io::Result<Rc<OwnedFd>>, &'p OsStr), InstallError> {
        let (directory, name) = self.meet(path, "write")?;
        directory.sweep();
        directory.changed = true;
        Ok((directory.open(), name))
    }

    /// Makes the directory of a file, and those above.
    pub(super) fn make(&mut self, path: &Path) -> Result<(), InstallError> {
        let (directory, _) = self.meet(path, "write")?;
        directory.open = None;
        let host = directory.host.clone();
        let parent = path.parent().unwrap_or(path);
        make_all(parent, &host).map_err(InstallError::while_trying("create", parent))
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

    /// Best effort: a left-over is untidy, no network stack reads it.
    fn sweep(&mut self) {
        if std::mem::replace(&mut self.swept, true) {
            return;
        }
        let Ok(entries) = fs::read_dir(&self.host) else {
            return;
        };
        for entry in entries.flatten() {
            if is_temp_name(entry.file_name().as_encoded_bytes()) {
                let removed = fs::remove_file(entry.path());
                log::debug!(
                    "removed '{}' of a killed run: {removed:?}",
                    entry.path().display()
                );
            }
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
