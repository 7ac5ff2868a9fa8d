//! Elements of a document, one after the other.
//!
//! Text is passed over without being kept unless it is asked for. Names are compared without their prefix, so the
//! namespace of a document does not matter.

use std::io::BufRead;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::BinaryStream;

use super::input::Input;
use crate::Error;

/// How deep elements may be nested.
const MAX_DEPTH: usize = 200;

/// How long the name of an element may be, and how many attributes it may have.
const MAX_NAME: usize = 1000;
const MAX_ATTRIBUTES: usize = 1000;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// The beginning of an element; an empty one has a beginning and an end.
    Start,
    End,
    Eof,
}

/// What comes next inside of an element whose text matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text, which was appended.
    Text,
    Start,
    End,
}

/// A document under way.
pub(super) struct Xml<R> {
    reader: quick_xml::Reader<Input<R>>,
    buffer: Vec<u8>,
    /// The last tag without its brackets, and how long its name is.
    tag: String,
    name_len: usize,
    depth: usize,
    limit: usize,
}

impl<R: BufRead> Xml<R> {
    pub(super) fn new(source: R, limit: usize) -> Self {
        let mut reader = quick_xml::Reader::from_reader(Input::new(source));
        reader.config_mut().expand_empty_elements = true;
        reader.get_mut().allow(limit);
        Xml { reader, buffer: Vec::new(), tag: String::new(), name_len: 0, depth: 0, limit }
    }

    /// How many elements are open.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// The place behind what was read last.
    pub(super) fn byte(&self) -> u64 {
        self.reader.buffer_position()
    }

    /// The bytes of the document as they are, with a new allowance.
    pub(super) fn stream(&mut self) -> BinaryStream<'_, Input<R>> {
        self.reader.get_mut().allow(self.limit);
        self.reader.stream()
    }

    /// The name of the last tag without its prefix.
    pub(super) fn name(&self) -> &str {
        let name = self.tag.get(..self.name_len).unwrap_or("");
        name.rsplit_once(':').map_or(name, |(_, local)| local)
    }

    /// The attributes of the last tag, without the prefixes of their names.
    pub(super) fn attributes(&self) -> Result<Vec<(String, String)>, Error> {
        let wrong =
            |source: Box<dyn std::error::Error + Send + Sync>| Error::Xml { byte: self.byte(), source };
        let start = BytesStart::from_content(self.tag.as_str(), self.name_len);
        let mut attributes = Vec::new();
        // Whether one is given twice is looked for by comparing all with all: that takes forever where there are many.
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| wrong(Box::new(error)))?;
            let value =
                attribute.normalized_value_with(XmlVersion::Implicit1_0, 1, resolve_predefined_entity);
            let value = value.map_err(|error| wrong(Box::new(error)))?.into_owned();
            if attributes.len() == MAX_ATTRIBUTES {
                return Err(
                    self.structure(format!("an element of more than {MAX_ATTRIBUTES} attributes"), "fewer")
                );
            }
            let name = attribute.key.local_name().as_ref().to_string();
            attributes.push((name, value));
        }
        Ok(attributes)
    }

    /// Passes over text up to the next tag, reference or end of the document.
    fn pass_text(&mut self) -> Result<(), Error> {
        loop {
            let limit = self.limit;
            let mut stream = self.reader.stream();
            stream.get_mut().allow(limit);
            let available = match stream.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(Error::Io { action: "read the document", source }),
            };
            if available.is_empty() {
                return Ok(());
            }
            match available.iter().position(|&byte| byte == b'<') {
                Some(at) => {
                    stream.consume(at);
                    return Ok(());
                }
                None => {
                    let len = available.len();
                    stream.consume(len);
                }
            }
        }
    }

    /// Goes to the next tag.
    pub(super) fn tag(&mut self) -> Result<Tag, Error> {
        // The first bytes are left to the parser, which knows marks of the byte order.
        if self.byte() > 0 {
            self.pass_text()?;
        }
        loop {
            match self.event(None)? {
                Some(Piece::Start) => return Ok(Tag::Start),
                Some(Piece::End) => return Ok(Tag::End),
                Some(Piece::Text) => {}
                None => return Ok(Tag::Eof),
            }
        }
    }

    /// Appends the next text to `text`, or goes to the next tag.
    pub(super) fn piece(&mut self, text: &mut String) -> Result<Piece, Error> {
        let byte = self.byte();
        self.event(Some(text))?.ok_or_else(|| Error::Structure {
            byte,
            found: "the end of the document".to_string(),
            wanted: "the end of the elements that are open".to_string(),
        })
    }

    /// Handles one event; what is nothing to the caller counts as text.
    fn event(&mut self, text: Option<&mut String>) -> Result<Option<Piece>, Error> {
        self.buffer.clear();
        self.reader.get_mut().allow(self.limit);
        let event = match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => event,
            Err(error) => return Err(parse_error(error, &self.reader, self.limit)),
        };
        let piece = match event {
            Event::Start(start) => {
                self.name_len = start.name().as_ref().len();
                self.tag.clear();
                self.tag.push_str(&start);
                self.depth += 1;
                Piece::Start
            }
            Event::End(end) => {
                self.name_len = end.name().as_ref().len();
                self.tag.clear();
                self.tag.push_str(&end);
                self.depth = self.depth.saturating_sub(1);
                Piece::End
            }
            Event::Eof => return Ok(None),
            Event::Text(content) => {
                if let Some(text) = text {
                    text.push_str(&content.xml10_content());
                }
                Piece::Text
            }
            Event::CData(content) => {
                if let Some(text) = text {
                    text.push_str(&content.xml10_content());
                }
                Piece::Text
            }
            Event::GeneralRef(reference) => {
                if let Some(text) = text {
                    let known = match reference.resolve_char_ref() {
                        Ok(Some(letter)) => {
                            text.push(letter);
                            true
                        }
                        Ok(None) => match resolve_predefined_entity(&reference) {
                            Some(letter) => {
                                text.push_str(letter);
                                true
                            }
                            None => false,
                        },
                        Err(_) => false,
                    };
                    if !known {
                        let found = format!("the reference &{};", &*reference);
                        let wanted = "one that XML defines, or a character by its number".to_string();
                        return Err(Error::Structure { byte: self.reader.buffer_position(), found, wanted });
                    }
                }
                Piece::Text
            }
            Event::Decl(declaration) => {
                let encoding = declaration.encoding().and_then(Result::ok).unwrap_or("UTF-8".into());
                let known = ["UTF-8", "UTF8", "US-ASCII", "ASCII", "ISO-8859-1", "LATIN1"];
                // What is ASCII reads the same in Latin-1; what is not is found out to be no UTF-8.
                if !known.iter().any(|known| known.eq_ignore_ascii_case(&encoding)) {
                    let found = format!("the encoding {encoding:?}");
                    let wanted = "UTF-8".to_string();
                    return Err(Error::Structure { byte: self.reader.buffer_position(), found, wanted });
                }
                Piece::Text
            }
            _ => Piece::Text,
        };
        if self.name_len > MAX_NAME {
            return Err(self.structure("an element with an endless name", "a shorter one"));
        }
        if self.depth > MAX_DEPTH {
            let found = format!("elements nested more than {MAX_DEPTH} deep");
            return Err(self.structure(found, "fewer"));
        }
        Ok(Some(piece))
    }

    /// Gives the text up to the end of the element that was begun last, that of elements inside of it included.
    pub(super) fn text(&mut self) -> Result<String, Error> {
        let mut text = String::new();
        let mut depth = 0;
        loop {
            match self.piece(&mut text)? {
                Piece::Text if text.len() > self.limit => {
                    return Err(Error::TooLong {
                        byte: self.byte(),
                        what: "a text".to_string(),
                        limit: self.limit,
                    });
                }
                Piece::Text => {}
                Piece::Start => depth += 1,
                Piece::End if depth == 0 => return Ok(text),
                Piece::End => depth -= 1,
            }
        }
    }

    /// Goes behind the end of the element that was begun last.
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        let mut depth = 0;
        loop {
            match self.tag()? {
                Tag::Start => depth += 1,
                Tag::End if depth == 0 => return Ok(()),
                Tag::End => depth -= 1,
                Tag::Eof => return Err(self.structure("the end of the document", "the end of its elements")),
            }
        }
    }

    /// An error about what was read last.
    pub(super) fn structure(&self, found: impl Into<String>, wanted: impl Into<String>) -> Error {
        Error::Structure { byte: self.byte(), found: found.into(), wanted: wanted.into() }
    }

    /// What the reading of [`stream`](Xml::stream) went wrong with.
    pub(super) fn stream_error(&self, source: std::io::Error) -> Error {
        parse_error(source.into(), &self.reader, self.limit)
    }
}

fn parse_error<R>(error: quick_xml::Error, reader: &quick_xml::Reader<Input<R>>, limit: usize) -> Error {
    let byte = reader.buffer_position();
    if reader.get_ref().exceeded {
        return Error::TooLong { byte, what: "an element of XML".to_string(), limit };
    }
    match error {
        quick_xml::Error::Io(source) => {
            let source = std::io::Error::new(source.kind(), source);
            Error::Io { action: "read the document", source }
        }
        error @ (quick_xml::Error::Syntax(_) | quick_xml::Error::IllFormed(_)) => {
            Error::Xml { byte: reader.error_position(), source: Box::new(error) }
        }
        error => Error::Xml { byte, source: Box::new(error) },
    }
}

/// The value of an attribute, without blanks around it; an empty one is none.
pub(super) fn attribute<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let value = attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.trim());
    value.filter(|value| !value.is_empty())
}
