//! Bytes as the standard input of a program, without a process that writes them.
//!
//! ```text
//! our stdin --Spool::read--> memory, or an unnamed file --Program::exec--> stdin of the program
//! ```

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process;

use nix::sys::memfd::{MFdFlags, memfd_create};

/// The directory of unnamed files: on a disk, which `/tmp` is not on some hosts.
const SPOOL_DIR: &str = "/var/tmp";

/// A whole input, in bounded memory.
#[derive(Debug)]
pub enum Spool {
    /// A small one.
    Memory(Vec<u8>),
    /// A larger one, in an unnamed file.
    File(File),
}

impl Spool {
    /// Reads to the end; more than `bound` bytes go to a file.
    pub fn read(mut reader: impl Read, bound: usize) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let more = u64::try_from(bound).map_or(u64::MAX, |bound| bound.saturating_add(1));
        reader.by_ref().take(more).read_to_end(&mut bytes)?;
        if bytes.len() <= bound {
            return Ok(Self::Memory(bytes));
        }
        let mut file = unlinked(Path::new(SPOOL_DIR)).or_else(|_| unlinked(&env::temp_dir()))?;
        file.write_all(&bytes)?;
        io::copy(&mut reader, &mut file)?;
        Ok(Self::File(file))
    }

    /// Reads all of it. Only one reader at a time.
    pub fn reader(&self) -> io::Result<Box<dyn Read + '_>> {
        match self {
            Self::Memory(bytes) => Ok(Box::new(bytes.as_slice())),
            Self::File(file) => {
                let mut file = file;
                file.rewind()?;
                Ok(Box::new(file))
            }
        }
    }

    /// A file with it, positioned at its start.
    pub(super) fn file(&self) -> io::Result<File> {
        match self {
            Self::Memory(bytes) => file_of(bytes),
            Self::File(file) => {
                let mut file = file.try_clone()?;
                file.rewind()?;
                Ok(file)
            }
        }
    }
}

/// An unnamed file with these bytes, positioned at its start.
pub(super) fn file_of(bytes: &[u8]) -> io::Result<File> {
    let mut file = match memfd_create("one-sriov-stdin", MFdFlags::MFD_CLOEXEC) {
        Ok(memory) => File::from(memory),
        // Linux before 3.17 does not have this call, and a filter may forbid it.
        Err(_) => unlinked(&env::temp_dir())?,
    };
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// A new file that no other process can open: its name is removed before it has content.
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
    fn a_spool_holds_more_than_its_memory_limit() {
        let text: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        for (bound, in_memory) in [(100_000, true), (99_999, false), (0, false)] {
            let spool = Spool::read(text.as_slice(), bound).unwrap();
            assert_eq!(matches!(spool, Spool::Memory(_)), in_memory, "{bound}");
            for _ in 0..2 {
                let (mut read, mut given) = (Vec::new(), Vec::new());
                spool.reader().unwrap().read_to_end(&mut read).unwrap();
                spool.file().unwrap().read_to_end(&mut given).unwrap();
                assert!(read == text && given == text, "{bound}");
            }
        }
    }

    #[test]
    fn a_file_of_bytes_is_read_from_its_start() {
        for bytes in [b"".as_slice(), b"<domain/>\n", &[0, 255, b'\n', 0]] {
            let mut content = Vec::new();
            file_of(bytes).unwrap().read_to_end(&mut content).unwrap();
            assert_eq!(content, bytes);
        }
    }

    #[test]
    fn an_unlinked_file_leaves_no_name_and_skips_a_name_in_use() {
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
