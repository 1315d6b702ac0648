//! Reads the document on standard input, in bounded memory.
//!
//! A VM document is about 20 kB. One larger than [`MAX_DOCUMENT`] is not parsed; the stock action still gets it, but if it
//! mentions VFs, the action fails.

use std::io::{self, ErrorKind, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use one_sriov_system::Spool;

use super::ActionError;

/// The largest document that is parsed.
pub(super) const MAX_DOCUMENT: usize = 16 << 20;
/// How many bytes are searched at a time.
const CHUNK: u64 = 64 << 10;

/// Reads standard input to its end.
pub(super) fn read() -> Result<Spool, ActionError> {
    Spool::read(io::stdin(), MAX_DOCUMENT).map_err(ActionError::Input)
}

/// Returns the document, or an error if it is too large.
pub(super) fn document(spool: &Spool) -> Result<&[u8], ActionError> {
    match spool {
        Spool::Memory(bytes) => Ok(bytes),
        Spool::File(_) => Err(ActionError::Large {
            mib: MAX_DOCUMENT >> 20,
        }),
    }
}

/// Whether a document contains a word.
pub(super) fn mentions(spool: &Spool, word: &[u8]) -> Result<bool, ActionError> {
    let found = spool.reader().and_then(|reader| search(reader, word));
    found.map_err(ActionError::Input)
}

/// Like [`mentions`], for a document that the front-end may have encoded in base64.
pub(super) fn mentions_in_base64(spool: &Spool, word: &[u8]) -> Result<bool, ActionError> {
    let found = spool
        .reader()
        .and_then(|reader| search(Decoder::new(reader), word));
    match found {
        Err(error) if error.kind() == ErrorKind::InvalidData => mentions(spool, word),
        found => found.map_err(ActionError::Input),
    }
}

fn search(mut reader: impl Read, word: &[u8]) -> io::Result<bool> {
    let mut window = Vec::new();
    loop {
        // The word may span two chunks.
        window.drain(..window.len().saturating_sub(word.len() - 1));
        if reader.by_ref().take(CHUNK).read_to_end(&mut window)? == 0 {
            return Ok(false);
        }
        if window.windows(word.len()).any(|found| found == word) {
            return Ok(true);
        }
    }
}

/// Decodes base64, with or without line breaks. Fails with [`ErrorKind::InvalidData`] if the input is not base64.
struct Decoder<R> {
    encoded: R,
    /// An incomplete group of four characters.
    rest: Vec<u8>,
    decoded: io::Cursor<Vec<u8>>,
}

impl<R: Read> Decoder<R> {
    fn new(encoded: R) -> Self {
        Self {
            encoded,
            rest: Vec::new(),
            decoded: io::Cursor::default(),
        }
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.decoded.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            let mut chunk = Vec::new();
            let is_last = self.encoded.by_ref().take(CHUNK).read_to_end(&mut chunk)? == 0;
            chunk.retain(|byte| !byte.is_ascii_whitespace());
            self.rest.append(&mut chunk);
            let whole = if is_last {
                self.rest.len()
            } else {
                self.rest.len() / 4 * 4
            };
            let groups: Vec<u8> = self.rest.drain(..whole).collect();
            let decoded = STANDARD.decode(groups);
            let decoded = decoded
                .map_err(|error| io::Error::new(ErrorKind::InvalidData, error.to_string()))?;
            self.decoded = io::Cursor::new(decoded);
            if is_last && self.decoded.get_ref().is_empty() {
                return Ok(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_word_is_found_at_any_offset() {
        let chunk = usize::try_from(CHUNK).unwrap();
        for before in [0, 1, chunk - 6, chunk - 3, chunk - 1, chunk, 3 * chunk - 2] {
            let text = [vec![b'x'; before], b"sriov_".to_vec(), vec![b'x'; 9]].concat();
            assert!(search(text.as_slice(), b"sriov_").unwrap(), "{before}");
            let encoded = STANDARD.encode(&text);
            let lines: Vec<&[u8]> = encoded.as_bytes().chunks(60).collect();
            for encoded in [encoded.as_bytes(), &lines.join(&b'\n')] {
                let spool = Spool::Memory(encoded.to_vec());
                assert!(mentions_in_base64(&spool, b"sriov_").unwrap(), "{before}");
                assert!(!mentions_in_base64(&spool, b"sriov-").unwrap(), "{before}");
            }
            let spool = Spool::Memory(text);
            assert!(mentions_in_base64(&spool, b"sriov_").unwrap(), "{before}");
        }
        assert!(!search(b"".as_slice(), b"sriov_").unwrap());
    }
}
