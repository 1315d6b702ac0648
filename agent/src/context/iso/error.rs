//! Errors of a medium.

use std::io;

/// Why a volume could not be opened or a file not read. Every message names what was read, where, and the cause.
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
        /// The error of the reader.
        reason: io::Error,
    },
    /// The medium ends before its contents do.
    #[error(
        "failed to read {what} at block {block}: the medium ends after {got} of {wanted} bytes"
    )]
    Truncated {
        /// What was being read.
        what: String,
        /// The block of 2048 bytes where it starts.
        block: u64,
        /// How many bytes were read.
        got: u64,
        /// How many bytes were expected.
        wanted: u64,
    },
    /// The volume has logical blocks of another size than 2048 bytes.
    #[error(
        "the ISO 9660 volume descriptor at block {block} has logical blocks of {size} bytes, only 2048 are supported"
    )]
    BlockSize {
        /// The block of the volume descriptor.
        block: u64,
        /// The logical block size.
        size: u16,
    },
    /// The root directory is larger than 1 MiB.
    #[error(
        "the ISO 9660 root directory at block {block} is {size} bytes, more than the {limit} allowed"
    )]
    DirectoryTooLarge {
        /// The block where the directory starts.
        block: u64,
        /// The size of the directory according to the medium.
        size: u32,
        /// The largest size that is accepted.
        limit: u32,
    },
    /// The root directory has more than 4096 records.
    #[error(
        "the ISO 9660 root directory at block {block} has more than the {limit} records allowed"
    )]
    TooManyRecords {
        /// The block where the directory starts.
        block: u64,
        /// The largest number of records that is accepted.
        limit: usize,
    },
    /// A directory record is inconsistent.
    #[error("damaged record at byte {offset} of the ISO 9660 {what} at block {block}: {problem}")]
    DamagedRecord {
        /// The directory or area that contains the record.
        what: &'static str,
        /// The block where the directory or area starts.
        block: u64,
        /// Where the record starts in the directory or area.
        offset: usize,
        /// What is wrong with the record.
        problem: &'static str,
    },
    /// A Rock Ridge continuation area is invalid.
    #[error("damaged Rock Ridge continuation area at block {block}: {problem}")]
    DamagedContinuation {
        /// The block of the area according to the record.
        block: u32,
        /// What is wrong with the area.
        problem: &'static str,
    },
    /// The file is larger than the caller's limit.
    #[error("file '{name}' is {size} bytes, more than the {limit} allowed")]
    FileTooLarge {
        /// The wanted name.
        name: String,
        /// The size of the file according to the medium.
        size: u64,
        /// The caller's limit.
        limit: u64,
    },
    /// The entry is not a regular file.
    #[error("'{name}' is {kind}, not a regular file")]
    NotRegular {
        /// The wanted name.
        name: String,
        /// What the entry is.
        kind: &'static str,
    },
    /// The file is stored in a way that is not supported.
    #[error("file '{name}' is {feature}, which is not supported")]
    Unsupported {
        /// The wanted name.
        name: String,
        /// How the file is stored.
        feature: &'static str,
    },
}
