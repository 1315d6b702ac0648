//! Reads libvirt's XML piece by piece, each with its byte range.
//!
//! ```text
//! <domain type='kvm'><name><![CDATA[one-42]]></name></domain>
//! ```
//!
//! Adds to quick-xml the path of every piece, decoded texts and attributes, and the rules that quick-xml leaves to its callers.
//! Errors that libvirt reports, but that do not change the meaning of the rest (a comment with `--` in it), are not reported
//! here.

mod error;
mod tag;

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesDecl, BytesRef, Event};

pub use error::XmlError;
pub(crate) use error::{XmlProblem, excerpt};
pub(crate) use tag::Tag;

/// The root element.
const ROOT: &str = "domain";

/// The maximum depth, as in libvirt's own parser.
const MAX_DEPTH: usize = 256;

const BOM: char = '\u{feff}';

/// A piece of a document.
#[derive(Debug)]
pub(crate) enum Piece<'x> {
    /// A start tag, or an empty element.
    Start(Tag<'x>),
    /// An end tag. For `<devices/>` it is the empty range after it.
    End(Range<usize>),
    /// Some of the text of an element, from plain text, CDATA or a reference.
    Text(Cow<'x, str>),
}

/// How many domains a text has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Exactly one.
    One,
    /// Any number, one after the other.
    Many,
}

/// Reads one piece after another.
pub(crate) struct Pieces<'x> {
    text: &'x str,
    reader: Reader<&'x [u8]>,
    /// The number of bytes before the text of `reader`.
    base: usize,
    roots: Roots,
    seen: usize,
    path: Vec<&'x str>,
    /// Whether the last element of `path` has ended.
    leaving: bool,
}

impl<'x> Pieces<'x> {
    pub(crate) fn new(bytes: &'x [u8], roots: Roots) -> Result<Self, XmlError> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                return Err(XmlError::new(
                    bytes,
                    error.valid_up_to(),
                    XmlProblem::NotUtf8,
                ));
            }
        };
        let body = text.strip_prefix(BOM).unwrap_or(text);
        let base = text.len() - body.len();
        // quick-xml would skip a second BOM without counting it.
        if body.starts_with(BOM) {
            return Err(XmlError::new(bytes, base, XmlProblem::TextOutside));
        }
        let mut reader = Reader::from_str(body);
        reader.config_mut().expand_empty_elements = true;
        Ok(Self {
            text,
            reader,
            base,
            roots,
            seen: 0,
            path: Vec::new(),
            leaving: false,
        })
    }

    /// The whole text.
    pub(crate) fn text(&self) -> &'x str {
        self.text
    }

    /// The names of the elements around the last piece, from the root. They include the name of a start or end tag.
    pub(crate) fn path(&self) -> &[&'x str] {
        &self.path
    }

    /// Returns the next piece, or `None` after the last one of a complete document.
    pub(crate) fn next(&mut self) -> Result<Option<Piece<'x>>, XmlError> {
        if std::mem::take(&mut self.leaving) {
            self.path.pop();
        }
        loop {
            let start = self.position();
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => {
                    let at = self.offset(self.reader.error_position());
                    return Err(self.error(at, error.into()));
                }
            };
            let place = start..self.position();
            match event {
                Event::Start(tag) => return self.open(&tag.name(), place).map(Some),
                Event::End(_) => {
                    self.leaving = true;
                    return Ok(Some(Piece::End(place)));
                }
                Event::Text(text) => {
                    let text = text
                        .decode()
                        .map_err(|_| self.error(start, XmlProblem::NotUtf8))?;
                    if let Some(piece) = self.content(text, start)? {
                        return Ok(Some(piece));
                    }
                }
                Event::CData(text) => {
                    let text = text
                        .decode()
                        .map_err(|_| self.error(start, XmlProblem::NotUtf8))?;
                    if self.path.is_empty() {
                        return Err(self.error(start, XmlProblem::TextOutside));
                    }
                    return Ok(Some(Piece::Text(text)));
                }
                Event::GeneralRef(reference) => {
                    let text = self.resolve(&reference, start)?;
                    if let Some(piece) = self.content(text, start)? {
                        return Ok(Some(piece));
                    }
                }
                Event::Decl(declaration) => self.declaration(&declaration, start)?,
                Event::DocType(_) => return Err(self.error(start, XmlProblem::Doctype)),
                Event::Comment(_) | Event::PI(_) => {}
                // Does not occur: see `expand_empty_elements`.
                Event::Empty(tag) => {
                    return Err(self.error(start, XmlProblem::tag_name(tag.name())));
                }
                Event::Eof => return self.end(start).map(|()| None),
            }
        }
    }

    /// Creates an error at a byte of the text.
    pub(crate) fn error(&self, at: usize, problem: XmlProblem) -> XmlError {
        XmlError::new(self.text.as_bytes(), at, problem)
    }

    fn open(
        &mut self,
        name: &quick_xml::name::QName<'_>,
        place: Range<usize>,
    ) -> Result<Piece<'x>, XmlError> {
        let at = place.start;
        let text = self.text;
        let markup = &text[place.clone()];
        let name_end = 1 + name.as_ref().len();
        let Some(tag) = Tag::new(markup, name_end, place) else {
            return Err(self.error(at, XmlProblem::tag_name(*name)));
        };
        if self.path.is_empty() {
            self.seen += 1;
            if tag.name() != ROOT {
                return Err(self.error(at, XmlProblem::Root(excerpt(tag.name()))));
            }
            if self.seen > 1 && self.roots == Roots::One {
                return Err(self.error(at, XmlProblem::SecondRoot));
            }
        }
        if self.path.len() == MAX_DEPTH {
            return Err(self.error(at, XmlProblem::TooDeep));
        }
        self.path.push(tag.name());
        Ok(Piece::Start(tag))
    }

    /// Returns text that is inside an element. Outside, only white space is allowed.
    fn content(&self, text: Cow<'x, str>, at: usize) -> Result<Option<Piece<'x>>, XmlError> {
        if !self.path.is_empty() {
            return Ok(Some(Piece::Text(text)));
        }
        let blank = |character: char| matches!(character, ' ' | '\t' | '\r' | '\n');
        match text.find(|character| !blank(character)) {
            None => Ok(None),
            Some(offset) => Err(self.error(at + offset, XmlProblem::TextOutside)),
        }
    }

    fn resolve(&self, reference: &BytesRef<'_>, at: usize) -> Result<Cow<'x, str>, XmlError> {
        let unknown = || {
            let name = String::from_utf8_lossy(reference);
            self.error(at, XmlProblem::Reference(excerpt(&name)))
        };
        if self.path.is_empty() {
            return Err(self.error(at, XmlProblem::TextOutside));
        }
        match reference.resolve_char_ref() {
            Ok(Some(character)) => return Ok(character.to_string().into()),
            Ok(None) => {}
            Err(_) => return Err(unknown()),
        }
        let name = reference.decode().map_err(|_| unknown())?;
        resolve_xml_entity(&name)
            .map(Cow::Borrowed)
            .ok_or_else(unknown)
    }

    fn declaration(&self, declaration: &BytesDecl<'_>, at: usize) -> Result<(), XmlError> {
        if at != self.base {
            return Err(self.error(at, XmlProblem::LateDeclaration));
        }
        match declaration.encoding() {
            None => Ok(()),
            Some(Ok(encoding)) if encoding.eq_ignore_ascii_case(b"utf-8") => Ok(()),
            Some(Ok(encoding)) => {
                let encoding = String::from_utf8_lossy(&encoding);
                Err(self.error(at, XmlProblem::Encoding(excerpt(&encoding))))
            }
            Some(Err(_)) => Err(self.error(at, XmlProblem::Declaration)),
        }
    }

    fn end(&self, at: usize) -> Result<(), XmlError> {
        match self.path.last() {
            Some(name) => Err(self.error(at, XmlProblem::Cut(excerpt(name)))),
            None if self.seen == 0 && self.roots == Roots::One => {
                Err(self.error(at, XmlProblem::NoRoot))
            }
            None => Ok(()),
        }
    }

    fn position(&self) -> usize {
        self.offset(self.reader.buffer_position())
    }

    fn offset(&self, position: u64) -> usize {
        let length = self.text.len();
        usize::try_from(position).map_or(length, |position| length.min(position + self.base))
    }
}

#[cfg(test)]
mod tests;
