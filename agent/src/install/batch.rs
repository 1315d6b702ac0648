//! Writes many files at once, each atomically.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, fchown};
use std::path::Path;
use std::rc::Rc;

use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, symlinkat, unlinkat};

use super::directories::Directories;
use super::error::{InstallError, nothing_there};
use super::open_directories::OpenDirectories;
use super::temporary::temp_name;

/// How many files are open at once: enough for the disk to combine the writes, and well below the usual limit of 1024.
const OPEN_AT_ONCE: usize = 128;

/// Changes to files, which [`Batch::commit`] makes.
#[derive(Default)]
pub(super) struct Batch<'a> {
    pub(super) writes: Vec<Write<'a>>,
    pub(super) modes: Vec<(&'a Path, u32)>,
    pub(super) removals: Vec<&'a Path>,
    /// Files whose directories are flushed, too.
    pub(super) flushes: Vec<&'a Path>,
}

pub(super) struct Write<'a> {
    pub(super) path: &'a Path,
    pub(super) mode: u32,
    pub(super) body: Body<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    /// A text that the agent rendered.
    Text(&'a [u8]),
    /// A copy of a file, with this owner.
    Copy(&'a [u8], (u32, u32)),
    /// A symbolic link to this target.
    Symlink(&'a Path),
}

impl Batch<'_> {
    /// Writes all files, flushes them, renames them, removes the obsolete ones, and flushes each directory once.
    ///
    /// Until the first rename, there are only temporary files, and an error removes them.
    pub(super) fn commit(&self, directories: &mut Directories) -> Result<(), InstallError> {
        let pid = std::process::id();
        let mut open_directories = OpenDirectories::new(directories);
        let mut temps = Vec::with_capacity(self.writes.len());
        for group in self.writes.chunks(OPEN_AT_ONCE) {
            let mut open = Vec::with_capacity(group.len());
            for write in group {
                let (temp, file) = Temp::write(write, pid, &mut open_directories)?;
                temps.push(temp);
                open.extend(file.map(|file| (file, write.path)));
            }
            for (file, path) in open {
                file.sync_all()
                    .map_err(InstallError::while_trying("write", path))?;
            }
        }
        for temp in &mut temps {
            temp.place()?;
        }
        for &(path, mode) in &self.modes {
            let host = open_directories.change(path)?;
            fix_mode(&host, mode).map_err(InstallError::while_trying("set the mode of", path))?;
        }
        for path in &self.removals {
            match fs::remove_file(open_directories.change(path)?) {
                Err(error) if !nothing_there(&error) => {
                    return Err(InstallError::new("remove", path, error));
                }
                _ => {}
            }
        }
        for path in &self.flushes {
            open_directories.change(path)?;
        }
        open_directories.flush()
    }
}

/// A temporary file, which is removed when dropped, unless it has been renamed.
struct Temp<'a> {
    path: &'a Path,
    directory: Rc<OwnedFd>,
    name: &'a OsStr,
    beside: String,
    placed: bool,
}

impl<'a> Temp<'a> {
    fn write(
        write: &Write<'a>,
        pid: u32,
        directories: &mut OpenDirectories<'_>,
    ) -> Result<(Self, Option<File>), InstallError> {
        let fail = InstallError::while_trying("write", write.path);
        let (directory, name) = directories.open(write.path)?;
        let beside = temp_name(&name.to_string_lossy(), pid);
        let mut file = create(&directory, &beside, write.body).map_err(fail)?;
        let temp = Self {
            path: write.path,
            directory,
            name,
            beside,
            placed: false,
        };
        if let Some(file) = &mut file {
            fill(file, write).map_err(fail)?;
        }
        Ok((temp, file))
    }

    fn place(&mut self) -> Result<(), InstallError> {
        let directory = &*self.directory;
        renameat(directory, self.beside.as_str(), directory, self.name)
            .map_err(|error| InstallError::new("write", self.path, error.into()))?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Temp<'_> {
    fn drop(&mut self) {
        if !self.placed {
            // If that fails, the next run removes the file.
            let _ = unlinkat(
                &*self.directory,
                self.beside.as_str(),
                UnlinkatFlags::NoRemoveDir,
            );
        }
    }
}

/// Uses `openat` because musl's `open` sets `O_CLOEXEC` with a second system call.
fn create(directory: &OwnedFd, name: &str, body: Body<'_>) -> io::Result<Option<File>> {
    if let Body::Symlink(target) = body {
        symlinkat(target, directory, name)?;
        return Ok(None);
    }
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let file = openat(directory, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    Ok(Some(file.into()))
}

/// Sets the mode before the first byte is written and independently of the umask, so that at no time other users can read the
/// file.
fn fill(file: &mut File, write: &Write<'_>) -> io::Result<()> {
    let bytes = match write.body {
        Body::Text(bytes) => bytes,
        Body::Copy(bytes, (user, group)) => {
            match fchown(&*file, Some(user), Some(group)) {
                // In a user namespace, the owner may be unmapped (EINVAL), or setting it may not be allowed (EPERM).
                Err(error) if !is_unknown_owner(&error) => return Err(error),
                _ => {}
            }
            bytes
        }
        Body::Symlink(_) => return Ok(()),
    };
    file.set_permissions(Permissions::from_mode(write.mode))?;
    file.write_all(bytes)
}

fn is_unknown_owner(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::InvalidInput
    )
}

fn fix_mode(host: &Path, mode: u32) -> io::Result<()> {
    let file = File::open(host)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}
