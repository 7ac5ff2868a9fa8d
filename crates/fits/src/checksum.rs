//! DATASUM and CHECKSUM.
//!
//! A sum of big-endian 32-bit words in ones' complement; the order of the words does not matter, so pieces may be
//! summed in any order and in parallel as long as each begins at a multiple of four bytes.
//!
//! FITS 4.0, section 4.4.2.7 and appendix J.

use crate::{Error, Hdu, Header, Source, padding};

/// A sum under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// Adds bytes that begin at a multiple of four; a rest is taken as filled up with zeros.
    pub fn add(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<4>();
        let mut sum = 0u64;
        for piece in words.chunks(LANES * 256) {
            sum = fold(sum + sum_of_piece(piece));
        }
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        self.0 = fold(self.0 + sum + u64::from(u32::from_be_bytes(last)));
    }

    /// Adds the sum of another piece.
    pub fn merge(&mut self, other: Sum) {
        self.0 = fold(self.0 + other.0);
    }

    /// The sum as DATASUM gives it.
    pub fn value(self) -> u32 {
        let folded = fold(self.0);
        (folded + (folded >> 32)) as u32
    }
}

/// How many words are summed side by side: the compiler makes vectors of them.
const LANES: usize = 8;

/// Sums at most `LANES * 256` big-endian words.
///
/// Bytes are summed by their place in the word, two places in the halves of a u32, which hold 257 bytes each: no word
/// needs its bytes turned, which takes several steps on vectors without a shuffle of bytes.
fn sum_of_piece(words: &[[u8; 4]]) -> u64 {
    let (mut even, mut odd) = ([0u32; LANES], [0u32; LANES]);
    let (rows, rest) = words.as_chunks::<LANES>();
    for row in rows {
        for lane in 0..LANES {
            let word = u32::from_le_bytes(row[lane]);
            even[lane] += word & 0x00ff_00ff;
            odd[lane] += (word >> 8) & 0x00ff_00ff;
        }
    }
    let half = |pairs: &[u32; LANES], shift: u32| {
        pairs.iter().map(|pair| u64::from((pair >> shift) & 0xffff)).sum::<u64>()
    };
    let rest: u64 = rest.iter().map(|&word| u64::from(u32::from_be_bytes(word))).sum();
    (half(&even, 0) << 24) + (half(&odd, 0) << 16) + (half(&even, 16) << 8) + half(&odd, 16) + rest
}

impl From<u32> for Sum {
    fn from(value: u32) -> Self {
        Sum(value.into())
    }
}

/// Ends the carry around once: the result is below 2^33.
fn fold(sum: u64) -> u64 {
    (sum & 0xffff_ffff) + (sum >> 32)
}

/// Sets DATASUM and CHECKSUM so that the whole HDU sums to minus zero.
///
/// `data` is the sum of the data of the HDU. The comments carry no time, so equal HDUs have equal bytes.
pub fn seal(header: &mut Header, data: Sum) {
    header.set("CHECKSUM", "0".repeat(16), "HDU checksum");
    header.set("DATASUM", data.value().to_string(), "data unit checksum");
    let mut sum = data;
    sum.add(&header.to_bytes());
    header.set("CHECKSUM", encode(!sum.value()), "HDU checksum");
}

/// Writes a header with the DATASUM and CHECKSUM that [`seal`] sets.
///
/// The cards are written once; where the sum of the data is not known yet, [`reseal`] puts it in later.
pub fn sealed_header(mut header: Header, data: Sum) -> Vec<u8> {
    header.set("CHECKSUM", "0".repeat(16), "HDU checksum");
    header.set("DATASUM", "0", "data unit checksum");
    let mut bytes = header.to_bytes();
    reseal(&mut bytes, data);
    bytes
}

/// Replaces the values of DATASUM and CHECKSUM in a header made by [`sealed_header`].
pub fn reseal(header: &mut [u8], data: Sum) {
    let place =
        |header: &[u8], keyword: &[u8]| header.chunks_exact(80).position(|card| card.starts_with(keyword));
    let (Some(checksum), Some(datasum)) = (place(header, b"CHECKSUM="), place(header, b"DATASUM =")) else {
        return;
    };
    let value = format!("'{:<8}'", data.value());
    header[datasum * 80 + 10..datasum * 80 + 30].copy_from_slice(format!("{value:<20}").as_bytes());
    let checksum = checksum * 80 + 11..checksum * 80 + 27;
    header[checksum.clone()].fill(b'0');
    let mut sum = data;
    sum.add(header);
    header[checksum].copy_from_slice(encode(!sum.value()).as_bytes());
}

/// Spells a sum as sixteen letters and digits whose own sum is that sum (FITS 4.0, appendix J.2).
fn encode(value: u32) -> String {
    let mut letters = [0u8; 16];
    for (place, byte) in value.to_be_bytes().into_iter().enumerate() {
        let quotient = byte / 4 + b'0';
        let mut four = [quotient + byte % 4, quotient, quotient, quotient];
        // Punctuation between the digits and letters is avoided by moving one up and its neighbour down.
        let punctuation = |c: u8| matches!(c, b':'..=b'@' | b'['..=b'`');
        while four.iter().any(|&c| punctuation(c)) {
            for pair in four.chunks_exact_mut(2) {
                if punctuation(pair[0]) || punctuation(pair[1]) {
                    pair[0] += 1;
                    pair[1] -= 1;
                }
            }
        }
        for (n, c) in four.into_iter().enumerate() {
            // The value begins behind the quote, one byte past a word boundary: rotate by one.
            letters[(4 * n + place + 1) % 16] = c;
        }
    }
    letters.iter().map(|&c| char::from(c)).collect()
}

/// Checks the DATASUM and CHECKSUM of an HDU, reading its bytes in pieces.
///
/// Returns `false` where the header has neither.
///
/// # Errors
/// [`Error::Checksum`] where one does not match; [`Error::Io`].
pub fn verify<S: Source + ?Sized>(source: &S, hdu: &Hdu) -> Result<bool, Error> {
    if hdu.header.get("DATASUM").is_none() && hdu.header.get("CHECKSUM").is_none() {
        return Ok(false);
    }
    verify_with(source, hdu, data_sum(source, hdu)?)
}

/// Sums the data of an HDU, reading its bytes in pieces.
///
/// # Errors
/// [`Error::Io`].
pub fn data_sum<S: Source + ?Sized>(source: &S, hdu: &Hdu) -> Result<Sum, Error> {
    sum_range(source, hdu.data_start, hdu.data_start + hdu.data_len)
}

/// Checks the DATASUM and CHECKSUM of an HDU whose data were summed before; reads its header alone.
///
/// Returns `false` where the header has neither.
///
/// # Errors
/// As [`verify`].
pub fn verify_with<S: Source + ?Sized>(source: &S, hdu: &Hdu, data: Sum) -> Result<bool, Error> {
    let header = &hdu.header;
    let (datasum, checksum) = (header.text("DATASUM"), header.text("CHECKSUM"));
    if datasum.is_none() && checksum.is_none() {
        return Ok(false);
    }
    if let Some(stored) = datasum
        && stored.trim().parse() != Ok(data.value())
    {
        let (found, wanted) = (stored.to_string(), data.value().to_string());
        return Err(Error::Checksum { keyword: "DATASUM", found, wanted }.in_hdu(hdu.index));
    }
    if let Some(stored) = checksum {
        let mut sum = sum_range(source, hdu.header_start, hdu.data_start)?;
        sum.merge(data);
        if !matches!(sum.value(), 0 | u32::MAX) {
            let found = stored.to_string();
            let wanted = format!("{} over the whole HDU instead of minus zero", sum.value());
            return Err(Error::Checksum { keyword: "CHECKSUM", found, wanted }.in_hdu(hdu.index));
        }
    }
    Ok(true)
}

fn sum_range<S: Source + ?Sized>(source: &S, from: u64, to: u64) -> Result<Sum, Error> {
    let mut sum = Sum::default();
    let mut buffer = vec![0; to.saturating_sub(from).min(1 << 20) as usize];
    let mut at = from;
    while at < to {
        let len = (to - at).min(buffer.len() as u64) as usize;
        source
            .read_at(at, &mut buffer[..len])
            .map_err(|source| Error::io(format!("read {len} bytes at byte {at}"), source))?;
        sum.add(&buffer[..len]);
        at += len as u64;
    }
    Ok(sum)
}

/// Writes an HDU of bytes in memory: sealed header, data, padding.
///
/// The padding of image and binary table data is zeros, which do not change the sum.
pub fn sealed_hdu(header: Header, data: &[u8]) -> Vec<u8> {
    let mut sum = Sum::default();
    sum.add(data);
    let mut bytes = sealed_header(header, sum);
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(padding(data.len() as u64));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_hdus;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_sealed_hdu_sums_to_minus_zero_in_letters_and_digits(data in prop::collection::vec(any::<u8>(), 0..9000)) {
            let mut header = Header::primary();
            header.set("NAXIS", 1, "");
            header.set("NAXIS1", data.len(), "");
            let bytes = sealed_hdu(header, &data);
            let mut sum = Sum::default();
            sum.add(&bytes);
            prop_assert_eq!(sum.value(), u32::MAX);
            let hdus = read_hdus(&bytes).unwrap();
            prop_assert!(hdus[0].header.text("CHECKSUM").unwrap().bytes().all(|b| b.is_ascii_alphanumeric()));
            prop_assert!(verify(&bytes, &hdus[0]).unwrap());
        }

        #[test]
        fn a_sum_does_not_depend_on_how_the_bytes_are_cut(words in prop::collection::vec(any::<u32>(), 0..200), cut in 0usize..200) {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            let cut = cut.min(words.len()) * 4;
            let (mut whole, mut front, mut back) = (Sum::default(), Sum::default(), Sum::default());
            whole.add(&bytes);
            front.add(&bytes[..cut]);
            back.add(&bytes[cut..]);
            back.merge(front);
            prop_assert_eq!(whole.value(), back.value());
        }
    }

    #[test]
    fn the_sum_is_that_of_the_words_taken_one_by_one() {
        for len in [0, 1, 7, 8, 9, 2047, 2048, 2049, 5000] {
            let words: Vec<u32> =
                (0..len as u32).map(|n| n.wrapping_mul(0x9e37_79b9) | 0xff00_00ff).collect();
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            let total: u64 = words.iter().map(|&word| u64::from(word)).sum();
            let mut sum = Sum::default();
            sum.add(&bytes);
            assert_eq!(
                u64::from(sum.value()),
                if total == 0 { 0 } else { (total - 1) % 0xffff_ffff + 1 },
                "{len}"
            );
        }
    }

    #[test]
    fn a_header_sealed_late_is_the_same_as_one_sealed_at_once() {
        for value in [0, 7, 1234567890, u32::MAX] {
            let mut header = Header::primary();
            header.set("OBJECT", "it's long".repeat(20), "");
            let mut late = sealed_header(header.clone(), Sum::from(99));
            reseal(&mut late, Sum::from(value));
            seal(&mut header, Sum::from(value));
            assert_eq!(late, header.to_bytes());
        }
    }

    #[test]
    fn a_flipped_bit_is_found_and_named() {
        let mut header = Header::primary();
        header.set("NAXIS", 1, "");
        header.set("NAXIS1", 5000, "");
        let mut bytes = sealed_hdu(header, &[7; 5000]);
        bytes[3000] ^= 1;
        let hdus = read_hdus(&bytes).unwrap();
        let error = verify(&bytes, &hdus[0]).unwrap_err().to_string();
        assert!(error.starts_with("HDU 0: DATASUM is"), "{error}");
    }
}
