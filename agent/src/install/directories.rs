//! The directories that a run reads, each resolved and listed once.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use one_sriov_system::{Root, names_in, open_directory};

use super::error::{InstallError, nothing_there};

/// The directories that a run has read, by their paths on the machine.
#[derive(Debug)]
pub struct Directories {
    root: Root,
    met: BTreeMap<OsString, ListedDirectory>,
}

#[derive(Debug)]
struct ListedDirectory {
    host: PathBuf,
    /// The names in it when it was first read, sorted.
    names: Option<Vec<OsString>>,
}

impl Directories {
    /// Creates the set for a machine; nothing has been read yet.
    #[must_use]
    pub fn new(root: &Root) -> Self {
        Self {
            root: root.clone(),
            met: BTreeMap::new(),
        }
    }

    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    /// Returns the host path of a file to read or replace; if the file is a symbolic link, that is not followed.
    pub(super) fn host(&mut self, path: &Path) -> Result<PathBuf, InstallError> {
        let (_, directory, name) = self.meet(path)?;
        Ok(directory.host.join(name))
    }

    /// Returns the host path of a file that existed when its directory was first read: one listing reveals all missing files.
    pub(super) fn find(&mut self, path: &Path) -> Result<Option<PathBuf>, InstallError> {
        let (_, directory, name) = self.meet(path)?;
        Ok(directory.holds(name).then(|| directory.host.join(name)))
    }

    /// Returns the directory of a file: its path on the machine, and on the host.
    pub(super) fn parent<'p>(
        &mut self,
        path: &'p Path,
    ) -> Result<(&'p Path, PathBuf), InstallError> {
        let (parent, directory, _) = self.meet(path)?;
        Ok((parent, directory.host.clone()))
    }

    /// Returns the names in a file's directory.
    pub(super) fn names_beside(&mut self, path: &Path) -> Result<&[OsString], InstallError> {
        let (parent, directory, _) = self.meet(path)?;
        directory
            .names()
            .map_err(InstallError::while_trying("read", parent))
    }

    fn meet<'p>(
        &mut self,
        path: &'p Path,
    ) -> Result<(&'p Path, &mut ListedDirectory, &'p OsStr), InstallError> {
        let fail = InstallError::while_trying("find", path);
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            let cause = io::Error::new(ErrorKind::InvalidInput, "not the path of a file");
            return Err(fail(cause));
        };
        if !self.met.contains_key(parent.as_os_str()) {
            let host = self.root.path(parent).map_err(fail)?;
            let directory = ListedDirectory { host, names: None };
            self.met.insert(parent.as_os_str().to_owned(), directory);
        }
        match self.met.get_mut(parent.as_os_str()) {
            Some(directory) => Ok((parent, directory, name)),
            None => Err(fail(ErrorKind::NotFound.into())),
        }
    }
}

impl ListedDirectory {
    /// Whether a file existed. If the directory could not be listed, the file may have existed.
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
}

/// Returns the sorted names in a directory; none if it does not exist.
fn list(host: &Path) -> io::Result<Vec<OsString>> {
    let mut names = match open_directory(host).and_then(names_in) {
        Err(error) if nothing_there(&error) => return Ok(Vec::new()),
        names => names?,
    };
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used)]
    use super::*;

    #[test]
    fn if_the_listing_fails_any_file_may_exist() {
        let place = tempfile::tempdir().expect("a directory");
        let host = place.path().join("loop");
        std::os::unix::fs::symlink("loop", &host).expect("a link");
        let of = |host| ListedDirectory { host, names: None };
        assert!(of(host).holds("ifcfg-ib0".as_ref()));
        assert!(!of(place.path().join("missing")).holds("ifcfg-ib0".as_ref()));
        assert!(of(place.path().to_owned()).holds("loop".as_ref()));
    }
}
