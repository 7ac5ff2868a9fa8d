//! Bytes one after another.

use std::io::{self, Read};

/// Bytes that are looked at and then left behind.
pub trait Feed {
    /// The next bytes: at least so many, fewer only at the end.
    ///
    /// # Errors
    /// What the operating system says.
    fn peek(&mut self, least: usize) -> io::Result<&[u8]>;

    /// The bytes that were looked at last, without looking for more.
    fn seen(&self) -> &[u8];

    /// Leaves bytes behind that were looked at.
    fn advance(&mut self, bytes: usize);

    /// How many bytes were left behind.
    fn offset(&self) -> u64;
}

/// Bytes in memory.
#[derive(Clone, Debug)]
pub struct Slice<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Slice<'a> {
    /// The bytes from their beginning.
    pub fn new(bytes: &'a [u8]) -> Self {
        Slice { bytes, at: 0 }
    }
}

impl Feed for Slice<'_> {
    fn peek(&mut self, _: usize) -> io::Result<&[u8]> {
        Ok(self.seen())
    }

    fn seen(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    fn advance(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.bytes.len());
    }

    fn offset(&self) -> u64 {
        self.at as u64
    }
}

/// Bytes of a reader, of which a part is in memory.
#[derive(Debug)]
pub struct Stream<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    offset: u64,
}

/// How much is read at once.
const PORTION: usize = 1 << 18;

impl<R: Read> Stream<R> {
    /// The bytes of a reader from where it is.
    pub fn new(reader: R) -> Self {
        Stream { reader, buffer: Vec::new(), start: 0, offset: 0 }
    }
}

impl<R: Read> Feed for Stream<R> {
    fn peek(&mut self, least: usize) -> io::Result<&[u8]> {
        while self.buffer.len() - self.start < least {
            self.buffer.drain(..self.start);
            self.start = 0;
            // What is asked for may be more than there is: memory follows what is read.
            let wanted = (least - self.buffer.len()).clamp(PORTION, 16 * PORTION);
            let read = (&mut self.reader).take(wanted as u64).read_to_end(&mut self.buffer)?;
            if read == 0 {
                break;
            }
        }
        Ok(&self.buffer[self.start..])
    }

    fn seen(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    fn advance(&mut self, bytes: usize) {
        let bytes = bytes.min(self.buffer.len() - self.start);
        self.start += bytes;
        self.offset += bytes as u64;
    }

    fn offset(&self) -> u64 {
        self.offset
    }
}
