//! Bytes as the standard input of a program, without a process that feeds them.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process;

use nix::sys::memfd::{MFdFlags, memfd_create};

/// A file without a name that holds these bytes, at its beginning.
pub(super) fn file_of(bytes: &[u8]) -> io::Result<File> {
    let mut file = match memfd_create("one-sriov-stdin", MFdFlags::MFD_CLOEXEC) {
        Ok(memory) => File::from(memory),
        // Linux before 3.17 has no such call, and a filter may forbid it.
        Err(_) => unlinked(&env::temp_dir())?,
    };
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// A new file that nobody else can open: its name is gone before anything is in it.
fn unlinked(directory: &Path) -> io::Result<File> {
    for attempt in 0_u16.. {
        let path = directory.join(format!("one-sriov-stdin.{}.{attempt}", process::id()));
        match OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
        {
            Ok(file) => return fs::remove_file(&path).map(|()| file),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn holds_the_bytes_and_stands_at_the_first() {
        for bytes in [b"".as_slice(), b"<domain/>\n", &[0, 255, b'\n', 0]] {
            let mut content = Vec::new();
            file_of(bytes).unwrap().read_to_end(&mut content).unwrap();
            assert_eq!(content, bytes);
        }
    }

    #[test]
    fn an_unlinked_file_leaves_no_name_and_passes_over_one_that_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let taken = directory
            .path()
            .join(format!("one-sriov-stdin.{}.0", process::id()));
        fs::write(&taken, "somebody else's").unwrap();
        let mut file = unlinked(directory.path()).unwrap();
        file.write_all(b"ours").unwrap();
        assert_eq!(fs::read_to_string(&taken).unwrap(), "somebody else's");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        assert_eq!(
            unlinked(&directory.path().join("none")).unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }
}
