//! The bytes of a STREAM, decoded as far as they are wanted.

use std::io::BufRead;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::xml::{Piece, Xml};
use crate::Error;

/// The most characters that are decoded at a time.
const BLOCK_CHARACTERS: usize = 64 << 10;

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A STREAM under way.
#[derive(Default)]
pub(super) struct Decoder {
    bytes: Vec<u8>,
    /// How many of these were taken.
    at: usize,
    /// Bytes taken in all.
    pub(super) taken: u64,
    /// Characters that are not yet decoded.
    characters: Vec<u8>,
    text: String,
    /// Whether a filler ended the data.
    padded: bool,
    ended: bool,
}

impl Decoder {
    /// Makes sure that there are `count` bytes to take; `false` where the stream ends before.
    pub(super) fn has<R: BufRead>(&mut self, xml: &mut Xml<R>, count: usize) -> Result<bool, Error> {
        while self.bytes.len() - self.at < count {
            if self.ended {
                return Ok(false);
            }
            self.fill(xml)?;
        }
        Ok(true)
    }

    /// Takes bytes that are known to be there.
    pub(super) fn take(&mut self, count: usize) -> &[u8] {
        let start = self.at;
        self.at = self.bytes.len().min(start + count);
        self.taken += (self.at - start) as u64;
        &self.bytes[start..self.at]
    }

    /// How many bytes are left, as far as they are decoded.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn fill<R: BufRead>(&mut self, xml: &mut Xml<R>) -> Result<(), Error> {
        if self.at > 0 {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        let mut stream = xml.stream();
        let available = match stream.fill_buf() {
            Ok(available) => &available[..available.len().min(BLOCK_CHARACTERS)],
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(xml.stream_error(error)),
        };
        let len = available.iter().position(|&byte| byte == b'<' || byte == b'&').unwrap_or(available.len());
        if len > 0 {
            self.characters.extend(available[..len].iter().filter(|byte| !byte.is_ascii_whitespace()));
            stream.consume(len);
            return self.decode(xml);
        }
        // A comment, a section of characters, a reference to a line end, or the end.
        self.text.clear();
        match xml.piece(&mut self.text)? {
            Piece::Text => {
                let text = std::mem::take(&mut self.text);
                self.characters.extend(text.bytes().filter(|byte| !byte.is_ascii_whitespace()));
                self.text = text;
                self.decode(xml)
            }
            Piece::Start => Err(xml.structure(format!("an element {}", xml.name()), "base64")),
            Piece::End => {
                self.ended = true;
                self.decode(xml)
            }
        }
    }

    /// Decodes whole groups of characters, and what remains at the end.
    fn decode<R: BufRead>(&mut self, xml: &Xml<R>) -> Result<(), Error> {
        let len = if self.ended { self.characters.len() } else { self.characters.len() / 4 * 4 };
        if len == 0 {
            return Ok(());
        }
        let wrong = |found: String| xml.structure(found, "base64");
        if self.padded {
            return Err(wrong("characters behind the end of base64".to_string()));
        }
        self.padded = self.characters[..len].contains(&b'=');
        let decoded = ENGINE.decode_vec(&self.characters[..len], &mut self.bytes);
        decoded.map_err(|error| wrong(format!("characters that are none ({error})")))?;
        self.characters.drain(..len);
        Ok(())
    }
}
