//! Reading container files.

use std::io;

use super::codec::MAX_BLOCK;
use super::{Codec, Feed};
use crate::packet::Damage;
use crate::schema::MAX_TEXT;

/// The first bytes of a container file.
pub(crate) const MAGIC: [u8; 4] = *b"Obj\x01";

/// A container file that is being read.
#[derive(Debug)]
pub struct Container<F> {
    feed: F,
    schema: Vec<u8>,
    codec: Codec,
    marker: [u8; 16],
    /// Bytes of the block that was given out last.
    pending: usize,
    unpacked: Vec<u8>,
}

/// A block of packets.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Where it begins in the file.
    pub offset: u64,
    /// Where its packets begin in the file, packed or not.
    pub data_offset: u64,
    /// How many packets it says to have.
    pub count: u64,
    /// The packets one after another, unpacked.
    pub data: &'a [u8],
    /// Whether they are as in the file, so that offsets in `data` are offsets there.
    pub plain: bool,
}

fn damage(offset: u64, found: impl Into<String>, wanted: impl Into<String>) -> Damage {
    Damage { offset: offset as usize, field: String::new(), found: found.into(), wanted: wanted.into() }
}

/// A number at a place of some bytes, and the place behind it; nothing where they end before it does.
fn number(bytes: &[u8], mut at: usize) -> Option<Result<(i64, usize), ()>> {
    let (mut value, mut shift) = (0u64, 0);
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        // The tenth byte has one bit that counts.
        if shift > 63 || shift == 63 && byte & 0x7e != 0 {
            return Some(Err(()));
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(Ok(((value >> 1) as i64 ^ -((value & 1) as i64), at)));
        }
        shift += 7;
    }
}

/// What the header of a file says.
struct Header {
    schema: Vec<u8>,
    codec: Option<Vec<u8>>,
    marker: [u8; 16],
    len: usize,
}

/// The header that bytes begin with; nothing where they end before it does.
fn header(bytes: &[u8]) -> Option<Result<Header, (usize, String)>> {
    let mut at = MAGIC.len();
    let (mut schema, mut codec) = (None, None);
    macro_rules! number {
        () => {
            match number(bytes, at)? {
                Ok((value, next)) => {
                    at = next;
                    value
                }
                Err(()) => return Some(Err((at, "a number of more than 64 bits".into()))),
            }
        };
    }
    loop {
        let count = number!();
        if count == 0 {
            break;
        }
        if count < 0 {
            number!();
        }
        for _ in 0..count.unsigned_abs() {
            let mut parts: [&[u8]; 2] = [&[], &[]];
            for part in &mut parts {
                let len = number!();
                if !(0..=MAX_TEXT as i64).contains(&len) {
                    return Some(Err((at, format!("a length of {len} bytes"))));
                }
                *part = bytes.get(at..at + len as usize)?;
                at += len as usize;
            }
            match parts[0] {
                b"avro.schema" => schema = Some(parts[1].to_vec()),
                b"avro.codec" => codec = Some(parts[1].to_vec()),
                _ => {}
            }
        }
    }
    let marker = *bytes.get(at..)?.first_chunk::<16>()?;
    at += 16;
    Some(match schema {
        Some(schema) => Ok(Header { schema, codec, marker, len: at }),
        None => Err((at, "a header without avro.schema".into())),
    })
}

impl<F: Feed> Container<F> {
    /// Reads the header.
    ///
    /// # Errors
    /// The operating system's; within it what is wrong with the header.
    pub fn open(mut feed: F) -> io::Result<Result<Self, Damage>> {
        let mut least = 1 << 15;
        loop {
            let bytes = feed.peek(least)?;
            if !bytes.starts_with(&MAGIC) {
                let found = format!("{:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(4)]));
                return Ok(Err(damage(0, found, "\"Obj\\u{1}\", the beginning of an Avro container file")));
            }
            match header(bytes) {
                Some(Ok(header)) => {
                    let codec = header.codec.as_deref().map_or(Ok("null"), std::str::from_utf8);
                    let Some(codec) = codec.ok().and_then(Codec::of_name) else {
                        let found = String::from_utf8_lossy(header.codec.as_deref().unwrap_or_default());
                        let found = format!("codec {found:?}");
                        return Ok(Err(damage(0, found, "null, deflate, snappy or zstandard")));
                    };
                    feed.advance(header.len);
                    return Ok(Ok(Container {
                        feed,
                        schema: header.schema,
                        codec,
                        marker: header.marker,
                        pending: 0,
                        unpacked: Vec::new(),
                    }));
                }
                Some(Err((at, found))) => {
                    return Ok(Err(damage(at as u64, found, "the header of an Avro container file")));
                }
                None if bytes.len() < least => {
                    let found = format!("the end after {} bytes", bytes.len());
                    return Ok(Err(damage(bytes.len() as u64, found, "the rest of the header")));
                }
                None if least > 4 * MAX_TEXT => {
                    return Ok(Err(damage(
                        0,
                        format!("a header of more than {least} bytes"),
                        "a shorter one",
                    )));
                }
                None => least *= 4,
            }
        }
    }

    /// The text of the schema.
    pub fn schema(&self) -> &[u8] {
        &self.schema
    }

    /// How blocks are compressed.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Where the next block begins.
    pub fn offset(&self) -> u64 {
        self.feed.offset() + self.pending as u64
    }

    /// Goes forward to a place where a block begins, as [`offset`](Self::offset) gave it.
    ///
    /// # Errors
    /// The operating system's.
    pub fn seek(&mut self, offset: u64) -> io::Result<()> {
        self.feed.advance(std::mem::take(&mut self.pending));
        while self.feed.offset() < offset {
            let there = self.feed.peek(1 << 20)?.len();
            if there == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let left = offset - self.feed.offset();
            self.feed.advance((there as u64).min(left) as usize);
        }
        Ok(())
    }

    /// The next block; nothing at the end of the file.
    ///
    /// # Errors
    /// The operating system's; within it what is wrong with the block, after which [`resync`](Self::resync) goes on.
    pub fn next_block(&mut self) -> io::Result<Option<Result<Block<'_>, Damage>>> {
        self.feed.advance(std::mem::take(&mut self.pending));
        let offset = self.feed.offset();
        let bytes = self.feed.peek(20)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let ends = |len: usize| {
            Ok(Some(Err(damage(offset + len as u64, "the end of the file", "the rest of a block"))))
        };
        let wrong = |found: String, wanted: &str| Ok(Some(Err(damage(offset, found, wanted))));
        let (count, at) = match number(bytes, 0) {
            Some(Ok((count, at))) if count >= 0 => (count as u64, at),
            Some(Ok((count, _))) => return wrong(format!("a block of {count} packets"), "0 or more"),
            Some(Err(())) => {
                return wrong("a number of more than 64 bits".into(), "how many packets a block has");
            }
            None => return ends(bytes.len()),
        };
        let (size, at) = match number(bytes, at) {
            Some(Ok((size, at))) if (0..=MAX_BLOCK as i64).contains(&size) => (size as usize, at),
            Some(Ok((size, _))) => return wrong(format!("a block of {size} bytes"), "0 to 512 MiB"),
            Some(Err(())) => {
                return wrong("a number of more than 64 bits".into(), "how many bytes a block has");
            }
            None => return ends(bytes.len()),
        };
        let whole = at + size + self.marker.len();
        let there = self.feed.peek(whole)?.len();
        if there < whole {
            return ends(there);
        }
        let bytes = &self.feed.seen()[..whole];
        if bytes[at + size..] != self.marker {
            return wrong(
                format!("another marker behind a block of {size} bytes"),
                "that of the file's header",
            );
        }
        let plain = self.codec == Codec::Null;
        if !plain && let Err(reason) = self.codec.unpack(&bytes[at..at + size], &mut self.unpacked) {
            let found = format!("a block that cannot be unpacked: {reason}");
            return Ok(Some(Err(damage(offset, found, format!("{} data", self.codec.name())))));
        }
        self.pending = whole;
        let data = if plain { &self.feed.seen()[at..at + size] } else { self.unpacked.as_slice() };
        Ok(Some(Ok(Block { offset, data_offset: offset + at as u64, count, data, plain })))
    }

    /// After an error, gives the bytes to the next marker to a function and goes on behind it; at most `most` bytes are
    /// given, the first ones.
    ///
    /// # Errors
    /// The operating system's.
    pub fn resync(&mut self, most: usize, mut skipped: impl FnMut(&[u8])) -> io::Result<u64> {
        self.feed.advance(std::mem::take(&mut self.pending));
        let (start, marker, mut given) = (self.feed.offset(), self.marker, 0);
        loop {
            let bytes = self.feed.peek(1 << 16)?;
            let found = bytes.windows(marker.len()).position(|window| window == marker);
            // The beginning of a marker may stand at the end.
            let past = match found {
                Some(at) => at + marker.len(),
                None if bytes.len() < 1 << 16 => bytes.len(),
                None => bytes.len() - marker.len() + 1,
            };
            skipped(&bytes[..past.min(most - given)]);
            given += past.min(most - given);
            let ended = bytes.len() < 1 << 16;
            self.feed.advance(past);
            if found.is_some() || ended {
                return Ok(self.feed.offset() - start);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_beyond_64_are_refused() {
        let longest = |last: u8| [&[0xff; 9][..], &[last]].concat();
        assert_eq!(number(&longest(1), 0), Some(Ok((i64::MIN, 10))));
        assert_eq!(number(&longest(2), 0), Some(Err(())));
        assert_eq!(number(&longest(0x81), 0), None);
    }
}
