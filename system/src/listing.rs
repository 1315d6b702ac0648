//! Lists directories without `opendir`: musl maps and unmaps memory for each one, which took 4 % of a run with one NIC.

use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, RawDir, openat};

/// Opens a directory for listing it, and for opening files in it.
pub fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(CWD, path, flags, Mode::empty())?)
}

/// Returns the names in an open directory, in the kernel's order. The directory can be listed once.
pub fn names_in(directory: impl AsFd) -> io::Result<Vec<OsString>> {
    // Larger than the longest entry.
    let mut buffer = [MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(directory, &mut buffer);
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    #[test]
    fn every_name_is_listed_once_also_if_they_exceed_the_buffer() {
        let directory = tempfile::tempdir().unwrap();
        let mut expected: Vec<OsString> = (0..300).map(|n| format!("{n:0>200}").into()).collect();
        for name in &expected {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let mut names = names_in(open_directory(directory.path()).unwrap()).unwrap();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }

    #[test]
    fn a_longest_name_and_bytes_that_are_not_utf8_are_listed() {
        let directory = tempfile::tempdir().unwrap();
        for name in [OsStr::from_bytes(&[b'n'; 255]), OsStr::from_bytes(b"\xff")] {
            fs::write(directory.path().join(name), "").unwrap();
            let names = names_in(open_directory(directory.path()).unwrap()).unwrap();
            assert_eq!(names, [name]);
            fs::remove_file(directory.path().join(name)).unwrap();
        }
    }

    #[test]
    fn only_a_directory_is_opened() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = open_directory(file.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
    }
}
