//! Errors of a medium.

use std::io;

/// Why a volume could not be opened, or a file not read. Every message says what was read and where, and includes the cause.
#[derive(Debug, thiserror::Error)]
pub enum IsoError {
    /// The medium has no ISO 9660 file system.
    #[error("no ISO 9660 file system: no primary volume descriptor at block 16 or after")]
    NotIso,
    /// The reader failed.
    #[error("failed to read {what} at block {block}: {reason}")]
    Read {
        /// What was being read.
        what: String,
        /// The block of 2048 bytes where it starts.
        block: u64,
        /// Its error.
        reason: io::Error,
    },
    /// The medium is shorter than its contents.
    #[error(
        "failed to read {what} at block {block}: the medium ends after {got} of {wanted} bytes"
    )]
    Truncated {
        /// What was being read.
        what: String,
        /// The block of 2048 bytes where it starts.
        block: u64,
        /// How many bytes it has.
        got: u64,
        /// How many it should have.
        wanted: u64,
    },
    /// The volume has blocks of another size than 2048 bytes.
    #[error(
        "the ISO 9660 volume descriptor at block {block} has logical blocks of {size} bytes, only 2048 are supported"
    )]
    BlockSize {
        /// The block of the descriptor.
        block: u64,
        /// The size of its blocks.
        size: u16,
    },
    /// The root directory is larger than 1 MiB.
    #[error(
        "the ISO 9660 root directory at block {block} is {size} bytes, more than the {limit} allowed"
    )]
    DirectoryTooLarge {
        /// The block where it starts.
        block: u64,
        /// Its size according to the medium.
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
        /// How many records are read at most.
        limit: usize,
    },
    /// A directory record is inconsistent.
    #[error("damaged record at byte {offset} of the ISO 9660 {what} at block {block}: {problem}")]
    DamagedRecord {
        /// The directory or area that has the record.
        what: &'static str,
        /// The block where that starts.
        block: u64,
        /// Where the record starts in it.
        offset: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A Rock Ridge continuation area is impossible.
    #[error("damaged Rock Ridge continuation area at block {block}: {problem}")]
    DamagedContinuation {
        /// Its block according to the record.
        block: u32,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The file is larger than the caller wants to read.
    #[error("file '{name}' is {size} bytes, more than the {limit} allowed")]
    FileTooLarge {
        /// The wanted name.
        name: String,
        /// Its size according to the medium.
        size: u64,
        /// The limit of the caller.
        limit: u64,
    },
    /// The entry with this name is not a regular file.
    #[error("'{name}' is {kind}, not a regular file")]
    NotRegular {
        /// The wanted name.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// The file is stored in a way that is not supported.
    #[error("file '{name}' is {feature}, which is not supported")]
    Unsupported {
        /// The wanted name.
        name: String,
        /// How it is stored.
        feature: &'static str,
    },
}
