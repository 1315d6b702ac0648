//! Where programs are found.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use super::ProcessError;

/// What a process without a `PATH` searches.
const WITHOUT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// The `PATH` of an ssh session has none of these, and `ip` is in one of them.
const SYSTEM: [&str; 2] = ["/usr/sbin", "/sbin"];

/// This `PATH`, with the directories of system programs at its end.
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
/// Relative directories of the path, the empty one with them, are passed over: what is found must
/// not depend on where we happen to be.
pub(super) fn find(name: &OsStr, path: &OsStr) -> Result<PathBuf, ProcessError> {
    if name.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(name));
    }
    let program = || name.to_string_lossy().into_owned();
    let mut is_there = false;
    for directory in env::split_paths(path).filter(|directory| directory.is_absolute()) {
        let file = directory.join(name);
        if !file.is_file() {
            continue;
        }
        if access(&file, AccessFlags::X_OK).is_ok() {
            return Ok(file);
        }
        is_there = true;
    }
    Err(if is_there {
        ProcessError::Start {
            program: program(),
            cause: io::Error::from(Errno::EACCES),
        }
    } else {
        ProcessError::NotFound { program: program() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
