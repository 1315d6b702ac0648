//! Finds programs in `PATH`.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::ProcessErrorKind::{self, NotFound, Start};
use crate::absent::unless_absent;

/// The default without a `PATH`.
const WITHOUT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// `ip` is in one of these, but the `PATH` of an ssh session has neither.
const SYSTEM: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Appends the directories of system programs to a `PATH`.
pub(super) fn with_system_directories(path: Option<OsString>) -> OsString {
    let mut path = path
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| WITHOUT_PATH.into());
    for directory in SYSTEM {
        if !env::split_paths(&path).any(|known| known == Path::new(directory)) {
            path.push(":");
            path.push(directory);
        }
    }
    path
}

/// The file of a program: the name itself if it has a slash, else the first match in `path`.
///
/// Relative and empty directories are skipped: the result must not depend on the current directory.
pub(super) fn find(name: &OsStr, path: &OsStr) -> Result<PathBuf, ProcessErrorKind> {
    if name.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(name));
    }
    let mut refused = None;
    for directory in env::split_paths(path).filter(|directory| directory.is_absolute()) {
        let file = directory.join(name);
        match is_program(&file) {
            Ok(true) => return Ok(file),
            Ok(false) => {}
            // The next directory may have it, too.
            Err(cause) => drop(refused.get_or_insert(cause)),
        }
    }
    Err(refused.map_or(NotFound, Start))
}

/// Whether the file exists. An error if it must not be executed, or if that is unknown.
fn is_program(file: &Path) -> io::Result<bool> {
    if !unless_absent(fs::metadata(file).map(|found| found.is_file()), false)? {
        return Ok(false);
    }
    access(file, AccessFlags::X_OK)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_unsearchable_directory_is_reported_unless_a_later_one_has_the_program() {
        let dir = tempfile::tempdir().unwrap();
        // A loop, which not even root can follow.
        std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
        let path = format!("{}/loop", dir.path().display());
        let found =
            |path: &str| find(OsStr::new("sh"), OsStr::new(path)).map_err(|e| e.to_string());
        let error = found(&path).unwrap_err();
        assert!(error.starts_with("too many levels"), "{error}");
        assert_eq!(
            found(&format!("{path}:/bin")).unwrap(),
            Path::new("/bin/sh")
        );
        assert_eq!(found("/none").unwrap_err(), "not found in PATH");
    }

    #[test]
    fn system_directories_come_last_and_once() {
        for (path, expected) in [
            (Some("/usr/bin:/bin"), "/usr/bin:/bin:/usr/sbin:/sbin"),
            (Some("/sbin:/bin"), "/sbin:/bin:/usr/sbin"),
            (Some("/usr/sbin:/sbin"), "/usr/sbin:/sbin"),
            (Some(""), "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"),
            (None, "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"),
        ] {
            assert_eq!(
                with_system_directories(path.map(OsString::from)),
                expected,
                "{path:?}"
            );
        }
    }
}
