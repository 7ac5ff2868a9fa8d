//! A file in the making: pieces of bytes that may come in any order.
//!
//! Headers are written when the data they sum are, and tiles of pixels are written into many frames, so a cutout never
//! has to be whole in memory. What a piece adds to DATASUM depends on nothing but its place.
//!
//! Deliberately absent: opening, naming and publishing files, which is done in [`crate::fs`].

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use uranometria_fits::checksum::Sum;

use crate::Error;

/// Takes a piece of the file that begins at a byte offset.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(u64, &[u8]) -> io::Result<()>;

/// What stops nothing.
pub(crate) static NEVER: AtomicBool = AtomicBool::new(false);

/// Errs when the caller wants the work to end.
pub(crate) fn go_on(stop: &AtomicBool) -> Result<(), Error> {
    if stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
}

/// Where the bytes of a cutout go.
pub(crate) struct Output<'a> {
    sink: Sink<'a>,
    stop: &'a AtomicBool,
}

impl<'a> Output<'a> {
    pub(crate) fn new(sink: Sink<'a>) -> Self {
        Output { sink, stop: &NEVER }
    }

    /// Takes pieces as long as `stop` is false; then each is [`Error::Interrupted`].
    pub(crate) fn until(self, stop: &'a AtomicBool) -> Self {
        Output { stop, ..self }
    }

    /// Writes a piece at a byte offset of the file and returns what it adds to the DATASUM of its HDU.
    pub(crate) fn write(&mut self, at: u64, piece: &[u8]) -> Result<Sum, Error> {
        go_on(self.stop)?;
        (self.sink)(at, piece).map_err(|source| uranometria_fits::Error::io("write the cutout", source))?;
        Ok(sum_at(at, piece))
    }

    /// Writes `len` bytes of a pattern that is repeated as often as it fits, and returns their sum.
    pub(crate) fn fill(&mut self, mut at: u64, mut len: usize, pattern: &[u8]) -> Result<Sum, Error> {
        let mut sum = Sum::default();
        while len > 0 {
            let piece = &pattern[..len.min(pattern.len())];
            sum.merge(self.write(at, piece)?);
            at += piece.len() as u64;
            len -= piece.len();
        }
        Ok(sum)
    }
}

/// The sum of a piece at a byte offset of the file; HDUs begin at whole words.
///
/// The sum is one of words in ones' complement, where a shift by bytes, as of a piece that begins inside a word, is a
/// rotation.
fn sum_at(at: u64, piece: &[u8]) -> Sum {
    let mut sum = Sum::default();
    sum.add(piece);
    match at % 4 {
        0 => sum,
        shift => Sum::from(sum.value().rotate_right(8 * shift as u32)),
    }
}

/// Makes a file in memory from what `write` writes.
pub(crate) fn in_memory(write: impl FnOnce(&mut Output<'_>) -> Result<u64, Error>) -> Result<Vec<u8>, Error> {
    let mut bytes: Vec<u8> = Vec::new();
    write(&mut Output::new(&mut |at, piece| {
        // A cutout in memory is shorter than the memory.
        let at = at as usize;
        if bytes.len() < at {
            bytes.resize(at, 0);
        }
        let (inside, behind) = piece.split_at(piece.len().min(bytes.len() - at));
        bytes[at..at + inside.len()].copy_from_slice(inside);
        bytes.extend_from_slice(behind);
        Ok(())
    }))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_of_any_length_in_any_order_give_the_file_and_its_sum(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            cuts in prop::collection::vec(0usize..300, 0..8),
            turn in 0usize..8,
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut pieces: Vec<_> = cuts.windows(2).map(|pair| pair[0]..pair[1]).collect();
            let turn = turn % pieces.len();
            pieces.rotate_left(turn);
            let mut sum = Sum::default();
            let written = in_memory(|out| {
                for piece in pieces {
                    sum.merge(out.write(piece.start as u64, &bytes[piece])?);
                }
                Ok(0)
            });
            prop_assert_eq!(written.unwrap(), bytes.clone());
            let mut whole = Sum::default();
            whole.add(&bytes);
            prop_assert_eq!(sum.value(), whole.value());
        }
    }
}
