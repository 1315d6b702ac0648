//! The state of the stand-ins' host.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

pub(crate) struct Place {
    root: PathBuf,
}

impl Place {
    pub(crate) fn from_env() -> Self {
        let root = std::env::var_os("ONE_SRIOV_ROOT").expect("ONE_SRIOV_ROOT is set");
        Self { root: root.into() }
    }

    /// The real path of a path of the host.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The text of a switch, `<root>/state/<name>`, if a test has set it.
    pub(crate) fn switch(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path("state").join(name)).ok()
    }

    /// Counts down a switch with a number. Returns whether this is the call at which it acts.
    pub(crate) fn is_due(&self, name: &str) -> bool {
        let _lock = self.lock();
        let left = self
            .switch(name)
            .and_then(|text| text.trim().parse::<u32>().ok());
        match left {
            None | Some(0) => false,
            Some(left) => {
                self.write(format!("state/{name}"), (left - 1).to_string());
                left == 1
            }
        }
    }

    pub(crate) fn log(&self, name: &str, words: &[String]) {
        let line = format!("{name} {}\n", words.join(" "));
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.path("state/calls"));
        log.and_then(|mut log| log.write_all(line.as_bytes()))
            .expect("failed to record the call");
    }

    /// Locks the host's state.
    pub(crate) fn lock(&self) -> File {
        let lock = File::create(self.path("state/lock")).expect("a lock file");
        lock.lock().expect("a lock");
        lock
    }

    /// Writes a file atomically.
    pub(crate) fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        let name = path.file_name().expect("a name").to_string_lossy();
        let new = path.with_file_name(format!(".{name}.{}", std::process::id()));
        fs::write(&new, text).expect("a file can be written");
        fs::rename(&new, &path).expect("a file can be renamed");
    }
}
