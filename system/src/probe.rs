//! Reads a machine's files, and records read errors, so that an unreadable file does not count as absent.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use crate::{Root, plain};

/// The files of a machine, with the read errors, which a caller checks before it decides.
pub struct Probe<'r> {
    root: &'r Root,
    failures: RefCell<Vec<String>>,
}

impl<'r> Probe<'r> {
    /// Creates a probe that has not read anything yet.
    #[must_use]
    pub fn new(root: &'r Root) -> Self {
        Self {
            root,
            failures: RefCell::default(),
        }
    }

    /// The read errors: `failed to read '/etc/netplan': I/O error`.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        self.failures.borrow().clone()
    }

    /// Whether the path exists. A dangling link does not.
    pub fn exists(&self, path: &Path) -> bool {
        self.note(path, self.root.try_exists(path)).unwrap_or(false)
    }

    /// Whether the path is a directory, or a link to one.
    pub fn is_dir(&self, path: &Path) -> bool {
        self.note(path, self.root.try_is_dir(path)).unwrap_or(false)
    }

    /// Returns the metadata of the path. Links are followed.
    pub fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        let about = self.root.path(path).and_then(std::fs::metadata);
        self.note(path, about)
    }

    /// Returns the metadata of the path itself. If it is a link, it is not followed.
    pub fn entry_metadata(&self, path: &Path) -> io::Result<Metadata> {
        let about = self.root.entry(path).and_then(std::fs::symlink_metadata);
        self.note(path, about)
    }

    /// Returns the content of a text file. Invalid UTF-8, such as a comment in Latin-1, is replaced.
    pub fn read_to_string(&self, path: &Path) -> io::Result<String> {
        self.note(path, self.root.read(path)).map(text)
    }

    /// Returns the start of a text file, at most this many bytes.
    pub fn read_at_most(&self, path: &Path, bytes: u64) -> io::Result<String> {
        let read = |file: File| {
            let mut content = Vec::new();
            file.take(bytes).read_to_end(&mut content).map(|_| content)
        };
        self.note(path, self.root.open(path).and_then(read))
            .map(text)
    }

    /// Returns the names in a directory, sorted.
    pub fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        self.note(path, self.root.list(path))
    }

    /// Returns the target of a symbolic link, unresolved.
    pub fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        self.note(path, self.root.read_link(path))
    }

    /// Records a failure, unless the file is missing, is not a link (EINVAL), or belongs to a process that has ended (ESRCH).
    fn note<T>(&self, path: &Path, found: io::Result<T>) -> io::Result<T> {
        /// "No such process"; `ErrorKind` has no name for it.
        const ESRCH: i32 = 3;
        if let Err(error) = &found {
            let is_absence = matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidInput
            );
            if !is_absence && error.raw_os_error() != Some(ESRCH) {
                let failure = format!("failed to read '{}': {}", path.display(), plain(error));
                self.failures.borrow_mut().push(failure);
            }
        }
        found
    }
}

fn text(content: Vec<u8>) -> String {
    String::from_utf8(content)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Returns the result, and whether a failure was recorded.
    fn run_probe(path: &str, ask: fn(&Probe<'_>, &Path) -> bool) -> (bool, bool) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("text"), "caf\u{e9}\n").unwrap();
        fs::write(dir.path().join("latin1"), b"caf\xe9\n").unwrap();
        symlink("loop", dir.path().join("loop")).unwrap();
        let root = Root::new(dir.path());
        let probe = Probe::new(&root);
        (ask(&probe, Path::new(path)), !probe.failures().is_empty())
    }

    #[test]
    fn a_missing_file_is_not_a_failure_but_one_that_cannot_be_checked_is() {
        let asks: [fn(&Probe<'_>, &Path) -> bool; 8] = [
            |probe, path| probe.exists(path),
            |probe, path| probe.is_dir(path),
            |probe, path| probe.metadata(path).is_ok(),
            |probe, path| probe.entry_metadata(&path.join("x")).is_ok(),
            |probe, path| probe.read_to_string(path).is_ok(),
            |probe, path| probe.read_at_most(path, 9).is_ok(),
            |probe, path| probe.list(path).is_ok(),
            |probe, path| probe.read_link(&path.join("x")).is_ok(),
        ];
        for ask in asks {
            assert_eq!(run_probe("/nothing", ask), (false, false));
            assert_eq!(run_probe("/text/below", ask), (false, false));
            assert_eq!(run_probe("/loop", ask), (false, true));
        }
        let is_link: fn(&Probe<'_>, &Path) -> bool = |probe, path| probe.read_link(path).is_ok();
        assert_eq!(run_probe("/text", is_link), (false, false));
    }

    #[test]
    fn text_in_another_encoding_is_read() {
        for path in ["/text", "/latin1"] {
            let reads: [fn(&Probe<'_>, &Path) -> bool; 2] = [
                |probe, path| probe.read_to_string(path).unwrap().starts_with("caf"),
                |probe, path| probe.read_at_most(path, 4).unwrap().starts_with("caf"),
            ];
            for read in reads {
                assert_eq!(run_probe(path, read), (true, false), "{path}");
            }
        }
    }
}
