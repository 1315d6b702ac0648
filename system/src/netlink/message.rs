//! Messages and their attributes; nothing is read beyond the end of either.
//!
//! ```text
//! struct nlmsghdr { u32 len; u16 type; u16 flags; u32 seq; u32 pid; }   len counts the header
//! struct rtattr   { u16 len; u16 type; }                                len counts the header
//! ```
//!
//! All numbers are in the byte order of the machine; both are padded to four bytes.

use std::io::{self, ErrorKind};

pub(super) const HEADER: usize = 16;
pub(super) const ATTRIBUTE_HEADER: usize = 4;

pub(super) const NLMSG_ERROR: u16 = 2;
pub(super) const NLMSG_DONE: u16 = 3;
pub(super) const NLM_F_REQUEST: u16 = 1;
pub(super) const NLM_F_DUMP: u16 = 0x300;
pub(super) const NLM_F_DUMP_INTR: u16 = 0x10;

/// Flags in the type of an attribute (`NLA_TYPE_MASK`).
const TYPE_MASK: u16 = 0x3fff;

/// A message without its header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) payload: &'a [u8],
}

/// The messages of an answer. A truncated one is an error, and the last item.
#[derive(Debug, Clone)]
pub(super) struct Messages<'a>(&'a [u8]);

impl<'a> Messages<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = io::Result<Message<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.0);
        let Some((len, kind, flags)) = header(bytes) else {
            return Some(Err(cut()));
        };
        if len < HEADER || len > bytes.len() {
            return Some(Err(cut()));
        }
        self.0 = bytes.get(aligned(len)..).unwrap_or_default();
        Some(Ok(Message {
            kind,
            flags,
            payload: &bytes[HEADER..len],
        }))
    }
}

fn header(bytes: &[u8]) -> Option<(usize, u16, u16)> {
    let len = usize::try_from(u32_at(bytes, 0)?).ok()?;
    Some((len, u16_at(bytes, 4)?, u16_at(bytes, 6)?))
}

/// The attributes of a payload.
#[derive(Debug, Clone)]
pub(super) struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    /// Returns the attributes after a fixed structure of this many bytes.
    pub(super) fn behind(payload: &'a [u8], fixed: usize) -> io::Result<Self> {
        match payload.len() {
            len if len < fixed => Err(cut()),
            _ => Ok(Self(payload.get(aligned(fixed)..).unwrap_or_default())),
        }
    }

    /// Returns the attributes inside an attribute.
    pub(super) fn within(payload: &'a [u8]) -> Self {
        Self(payload)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = io::Result<(u16, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.0);
        let (Some(len), Some(kind)) = (u16_at(bytes, 0), u16_at(bytes, 2)) else {
            return Some(Err(cut()));
        };
        let len = usize::from(len);
        if len < ATTRIBUTE_HEADER || len > bytes.len() {
            return Some(Err(cut()));
        }
        self.0 = bytes.get(aligned(len)..).unwrap_or_default();
        Some(Ok((kind & TYPE_MASK, &bytes[ATTRIBUTE_HEADER..len])))
    }
}

/// Builds a message.
pub(super) fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(HEADER + payload.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.extend(len.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend(payload);
    bytes.resize(aligned(bytes.len()), 0);
    bytes
}

/// Builds an attribute.
pub(super) fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(ATTRIBUTE_HEADER + payload.len()).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(ATTRIBUTE_HEADER + payload.len());
    bytes.extend(len.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize(aligned(bytes.len()), 0);
    bytes
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_ne_bytes(*bytes))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*bytes))
}

pub(super) fn cut() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the answer is cut off")
}

fn aligned(len: usize) -> usize {
    len.next_multiple_of(4)
}
