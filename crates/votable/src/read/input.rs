//! Bytes with an allowance, so that one element of XML cannot take all memory.

use std::io::{self, BufRead, Read};

/// A source that gives no more bytes than allowed until it is allowed more.
#[derive(Debug)]
pub(super) struct Input<R> {
    source: R,
    left: usize,
    /// Whether more was wanted than was allowed.
    pub(super) exceeded: bool,
}

impl<R> Input<R> {
    pub(super) fn new(source: R) -> Self {
        Input { source, left: 0, exceeded: false }
    }

    /// Allows so many bytes from here on.
    pub(super) fn allow(&mut self, bytes: usize) {
        self.left = bytes;
    }
}

impl<R: BufRead> Read for Input<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let len = available.len().min(out.len());
        out[..len].copy_from_slice(&available[..len]);
        self.consume(len);
        Ok(len)
    }
}

impl<R: BufRead> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let available = self.source.fill_buf()?;
        if self.left == 0 && !available.is_empty() {
            self.exceeded = true;
            return Err(io::Error::other("an element of XML is longer than allowed"));
        }
        Ok(&available[..available.len().min(self.left)])
    }

    fn consume(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
        self.source.consume(bytes);
    }
}
