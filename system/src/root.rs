//! The files of a machine, below a directory of this one.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use crate::absent::unless_absent;
use crate::listing::{names_in, open_directory};

/// The maximum number of symbolic links in a path, as in the kernel (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;
/// "Too many levels of symbolic links"; `ErrorKind` has no stable name for it.
const ELOOP: i32 = 40;

/// The root of a machine's files: `/`, or the directory of an image.
///
/// Every method takes an absolute path *on that machine*. Below any root but `/`, symbolic links
/// are resolved as on that machine: `/mnt/image/etc -> /srv/etc` means
/// `/mnt/image/srv/etc`, and `..` stops at `/mnt/image`. So nothing outside the image is read
/// or written, unless someone changes the image meanwhile: `openat2` would prevent that, but
/// Linux 3.10 does not have it.
///
/// Errors are plain [`io::Error`]s; the caller adds the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    dir: PathBuf,
}

impl Default for Root {
    /// The running machine.
    fn default() -> Self {
        Self::new("/")
    }
}

impl Root {
    /// The machine whose `/` is `dir`.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Whether this is the running machine, not an image.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.dir == Path::new("/")
    }

    /// Returns the path on this host of a file of the machine. All symbolic links are followed.
    ///
    /// The last components need not exist. With `/` as root, the path stays as it is.
    pub fn path(&self, absolute: &Path) -> io::Result<PathBuf> {
        if !absolute.is_absolute() {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "not an absolute path",
            ));
        }
        if self.is_live() {
            return Ok(absolute.to_path_buf());
        }
        Walk::new(&self.dir).through(absolute)
    }

    /// Like [`Root::path`], but a link as the last component is not followed: for replacing, removing or checking the directory entry
    /// itself.
    pub fn entry(&self, absolute: &Path) -> io::Result<PathBuf> {
        match (absolute.parent(), absolute.file_name()) {
            (Some(parent), Some(name)) => Ok(self.path(parent)?.join(name)),
            _ => Err(io::Error::new(
                ErrorKind::InvalidInput,
                "not the path of a file",
            )),
        }
    }

    /// Opens a file for reading.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        File::open(self.path(path)?)
    }

    /// Returns the content of a file.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(self.path(path)?)
    }

    /// Returns the content of a text file.
    pub fn read_to_string(&self, path: &Path) -> io::Result<String> {
        fs::read_to_string(self.path(path)?)
    }

    /// Returns the target of a symbolic link, unresolved.
    pub fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        fs::read_link(self.entry(path)?)
    }

    /// Returns the names in a directory, sorted.
    pub fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let mut names = names_in(open_directory(&self.path(path)?)?)?;
        names.sort_unstable();
        Ok(names)
    }

    /// Returns the symbolic links in a directory with names that start with `prefix`: the rest of the name, and the target, unresolved.
    pub fn links(&self, path: &Path, prefix: &str) -> io::Result<Vec<(String, PathBuf)>> {
        let mut links = Vec::new();
        for entry in fs::read_dir(self.path(path)?)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(prefix)) else {
                continue;
            };
            let target = match fs::read_link(entry.path()) {
                // Not a link.
                Err(error) if error.kind() == ErrorKind::InvalidInput => continue,
                target => unless_absent(target.map(Some), None)?,
            };
            links.extend(target.map(|target| (rest.to_owned(), target)));
        }
        Ok(links)
    }

    /// Whether the path exists. A dangling link does not.
    ///
    /// # Errors
    /// That is unknown, for example because a directory on the path may not be searched.
    pub fn try_exists(&self, path: &Path) -> io::Result<bool> {
        let found = self.path(path).and_then(fs::metadata);
        unless_absent(found.map(|_| true), false)
    }

    /// Whether the path is a directory, or a link to one.
    ///
    /// # Errors
    /// See [`Self::try_exists`].
    pub fn try_is_dir(&self, path: &Path) -> io::Result<bool> {
        let found = self.path(path).and_then(fs::metadata);
        unless_absent(found.map(|found| found.is_dir()), false)
    }
}

/// A walk below a directory that cannot leave it.
struct Walk<'r> {
    root: &'r Path,
    here: PathBuf,
    /// How many components `here` is below `root`.
    depth: usize,
    links: usize,
    /// `here` does not exist, so nothing below it is a link.
    is_missing: bool,
    /// What is still to be walked, the next component last.
    ahead: Vec<OsString>,
}

impl<'r> Walk<'r> {
    fn new(root: &'r Path) -> Self {
        Self {
            root,
            here: root.to_path_buf(),
            depth: 0,
            links: 0,
            is_missing: false,
            ahead: Vec::new(),
        }
    }

    fn through(mut self, path: &Path) -> io::Result<PathBuf> {
        self.enqueue(path);
        while let Some(step) = self.ahead.pop() {
            if step == ".." {
                self.up();
            } else {
                self.down(&step)?;
            }
        }
        Ok(self.here)
    }

    fn enqueue(&mut self, path: &Path) {
        let steps = path
            .components()
            .rev()
            .filter_map(|component| match component {
                Component::Normal(name) => Some(name.to_os_string()),
                Component::ParentDir => Some(OsString::from("..")),
                Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
            });
        self.ahead.extend(steps);
    }

    fn up(&mut self) {
        // Checked again: the parent may exist.
        self.is_missing = false;
        if self.depth > 0 {
            self.here.pop();
            self.depth -= 1;
        }
    }

    fn down(&mut self, name: &OsStr) -> io::Result<()> {
        self.here.push(name);
        self.depth += 1;
        if self.is_missing {
            return Ok(());
        }
        match fs::read_link(&self.here) {
            Ok(target) => self.follow(&target),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.is_missing = true;
                Ok(())
            }
            // Not a link, or below a file: kept as it is. Using the path
            // fails with the kernel's own error, as with `/` as root.
            Err(error) if is_no_link(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn follow(&mut self, target: &Path) -> io::Result<()> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(io::Error::from_raw_os_error(ELOOP));
        }
        if target.is_absolute() {
            self.here = self.root.to_path_buf();
            self.depth = 0;
        } else {
            self.up();
        }
        self.enqueue(target);
        Ok(())
    }
}

fn is_no_link(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidInput | ErrorKind::NotADirectory
    )
}
