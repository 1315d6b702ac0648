//! What can be wrong with a medium.

use std::io;

/// Why a volume could not be opened or a file not be read; every message says what and where.
///
/// The cause, where there is one, is part of the message.
#[derive(Debug, thiserror::Error)]
pub enum IsoError {
    /// There is no such file system on the medium.
    #[error("no ISO 9660 file system: no primary volume descriptor at block 16 or after")]
    NotIso,
    /// The reader failed.
    #[error("failed to read {what} at block {block}: {reason}")]
    Read {
        /// What was being read.
        what: String,
        /// The block of 2048 bytes where it starts.
        block: u64,
        /// What the reader said.
        reason: io::Error,
    },
    /// The medium ends before its own contents do.
    #[error(
        "failed to read {what} at block {block}: the medium ends after {got} of {wanted} bytes"
    )]
    Truncated {
        /// What was being read.
        what: String,
        /// The block of 2048 bytes where it starts.
        block: u64,
        /// The bytes that were there.
        got: u64,
        /// The bytes that should be there.
        wanted: u64,
    },
    /// The volume is not addressed in blocks of 2048 bytes.
    #[error(
        "the ISO 9660 volume descriptor at block {block} has logical blocks of {size} bytes, only 2048 are supported"
    )]
    BlockSize {
        /// The block of the descriptor.
        block: u64,
        /// The size it gives.
        size: u16,
    },
    /// The root directory is above 1 MiB.
    #[error(
        "the ISO 9660 root directory at block {block} is {size} bytes, more than the {limit} allowed"
    )]
    DirectoryTooLarge {
        /// The block where it starts.
        block: u64,
        /// Its size as the medium gives it.
        size: u32,
        /// The largest size that is read.
        limit: u32,
    },
    /// The root directory has more than 4096 records.
    #[error(
        "the ISO 9660 root directory at block {block} has more than the {limit} records allowed"
    )]
    TooManyRecords {
        /// The block where it starts.
        block: u64,
        /// The most records that are read.
        limit: usize,
    },
    /// A directory record contradicts itself.
    #[error("damaged record at byte {offset} of the ISO 9660 {what} at block {block}: {problem}")]
    DamagedRecord {
        /// What the record is part of.
        what: &'static str,
        /// The block where that starts.
        block: u64,
        /// Where in it the record starts.
        offset: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A Rock Ridge continuation area is not a possible one.
    #[error("damaged Rock Ridge continuation area at block {block}: {problem}")]
    DamagedContinuation {
        /// The block it is said to be at.
        block: u32,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The file is larger than the caller wants to read.
    #[error("file '{name}' is {size} bytes, more than the {limit} allowed")]
    FileTooLarge {
        /// The name asked for.
        name: String,
        /// Its size as the medium gives it.
        size: u64,
        /// The limit of the caller.
        limit: u64,
    },
    /// The name belongs to something else than a regular file.
    #[error("'{name}' is {kind}, not a regular file")]
    NotRegular {
        /// The name asked for.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// The file is stored in a way that this reader does not read.
    #[error("file '{name}' is {feature}, which is not supported")]
    Unsupported {
        /// The name asked for.
        name: String,
        /// How it is stored.
        feature: &'static str,
    },
}
