//! Volumes and readers for the tests of this module.

use std::cell::Cell;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::rc::Rc;

use super::medium::BLOCK;

/// The block of the root directory of an [`Image`].
pub(super) const ROOT: usize = 18;

/// A volume that is written block by block.
#[derive(Clone)]
pub(super) struct Image(pub(super) Vec<u8>);

impl Image {
    /// A volume whose root directory has "." and ".." and these records.
    pub(super) fn new(records: &[Vec<u8>]) -> Self {
        Self::with_dot(&record(&[0], ROOT, BLOCK, 2, &[]), records)
    }

    /// A volume that announces Rock Ridge.
    pub(super) fn rock_ridge(records: &[Vec<u8>]) -> Self {
        let sp = entry(*b"SP", &[0xbe, 0xef, 0]);
        Self::with_dot(&record(&[0], ROOT, BLOCK, 2, &sp), records)
    }

    /// A volume whose root directory starts with this record.
    pub(super) fn with_dot(dot: &[u8], records: &[Vec<u8>]) -> Self {
        let dots = [dot.to_vec(), record(&[1], ROOT, BLOCK, 2, &[])];
        let root = pack(&[&dots, records].concat());
        Self(Vec::new())
            .put(16, &descriptor(1, b"CONTEXT", "", ROOT, root.len()))
            .put(17, &descriptor(255, b"", "", 0, 0))
            .put(ROOT, &root)
    }

    /// Writes at the start of a block, growing the image to whole blocks.
    pub(super) fn put(self, block: usize, bytes: &[u8]) -> Self {
        self.put_at(block * BLOCK, bytes)
    }

    /// Writes anywhere, growing the image to whole blocks.
    pub(super) fn put_at(mut self, at: usize, bytes: &[u8]) -> Self {
        let end = (at + bytes.len()).next_multiple_of(BLOCK);
        self.0.resize(end.max(self.0.len()), 0);
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    pub(super) fn reader(&self) -> Cursor<&[u8]> {
        Cursor::new(&self.0)
    }
}

/// Packs records into whole blocks, so that none spans two.
fn pack(records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        if bytes.len() % BLOCK + record.len() > BLOCK {
            bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        }
        bytes.extend(record);
    }
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}

/// A volume descriptor; `escape` makes it a Joliet one.
pub(super) fn descriptor(
    kind: u8,
    label: &[u8],
    escape: &str,
    root: usize,
    size: usize,
) -> Vec<u8> {
    let mut bytes = vec![0; BLOCK];
    bytes[0] = kind;
    bytes[1..7].copy_from_slice(b"CD001\x01");
    bytes[40..72].fill(b' ');
    bytes[40..40 + label.len()].copy_from_slice(label);
    bytes[88..88 + escape.len()].copy_from_slice(escape.as_bytes());
    bytes[128..132].copy_from_slice(&[0, 8, 8, 0]);
    bytes[156..190].copy_from_slice(&record(&[0], root, size, 2, &[]));
    bytes
}

pub(super) fn record(
    identifier: &[u8],
    block: usize,
    size: usize,
    flags: u8,
    system_use: &[u8],
) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    bytes.extend(both(block));
    bytes.extend(both(size));
    bytes.extend([126, 11, 23, 15, 11, 21, 0, flags, 0, 0, 1, 0, 0, 1]);
    bytes.push(u8::try_from(identifier.len()).unwrap());
    bytes.extend(identifier);
    if identifier.len().is_multiple_of(2) {
        bytes.push(0);
    }
    bytes.extend(system_use);
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes[0] = u8::try_from(bytes.len()).unwrap();
    bytes
}

/// A record of a file in block 20 with this system use area.
pub(super) fn file(identifier: &[u8], system_use: &[u8]) -> Vec<u8> {
    record(identifier, 20, 5, 0, system_use)
}

/// A SUSP entry.
pub(super) fn entry(signature: [u8; 2], data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len() + 4).unwrap();
    [&signature, [length, 1].as_slice(), data].concat()
}

/// A name entry.
pub(super) fn nm(flags: u8, piece: &str) -> Vec<u8> {
    entry(*b"NM", &[&[flags], piece.as_bytes()].concat())
}

/// A continuation entry.
pub(super) fn ce(block: usize, offset: usize, size: usize) -> Vec<u8> {
    entry(*b"CE", &[both(block), both(offset), both(size)].concat())
}

fn both(number: usize) -> [u8; 8] {
    let number = u32::try_from(number).unwrap();
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// Counts the bytes read from a [`Watched`] reader.
#[derive(Clone, Default)]
pub(super) struct Count(Rc<Cell<u64>>);

impl Count {
    pub(super) fn bytes(&self) -> u64 {
        self.0.get()
    }
}

/// A reader that counts, returns at most `most` bytes per call, and fails on the bytes from `bad` on.
pub(super) struct Watched<R> {
    inner: R,
    most: usize,
    bad: u64,
    at: u64,
    interrupt: bool,
    count: Count,
}

impl<R> Watched<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            most: usize::MAX,
            bad: u64::MAX,
            at: 0,
            interrupt: false,
            count: Count::default(),
        }
    }

    pub(super) fn most(mut self, most: usize) -> Self {
        self.most = most;
        self.interrupt = true;
        self
    }

    pub(super) fn bad_from(mut self, bad: usize) -> Self {
        self.bad = bad as u64;
        self
    }

    pub(super) fn count(&self) -> Count {
        self.count.clone()
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.bad {
            return Err(io::Error::other("medium error"));
        }
        // Every other call of a slow reader is interrupted by a signal.
        if self.interrupt {
            self.interrupt = false;
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.interrupt = self.most != usize::MAX;
        let most = buffer.len().min(self.most);
        let got = self.inner.read(&mut buffer[..most])?;
        self.at += got as u64;
        self.count.0.set(self.count.0.get() + got as u64);
        Ok(got)
    }
}

impl<R: Seek> Seek for Watched<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.inner.seek(to)?;
        Ok(self.at)
    }
}

/// A reader that refuses to seek beyond its end, as a block device does.
#[derive(Debug)]
pub(super) struct FakeDevice(pub(super) Cursor<Vec<u8>>);

impl Read for FakeDevice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Seek for FakeDevice {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Start(at) if at > self.0.get_ref().len() as u64 => {
                Err(io::ErrorKind::InvalidInput.into())
            }
            to => self.0.seek(to),
        }
    }
}
