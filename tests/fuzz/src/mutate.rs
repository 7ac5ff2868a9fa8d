//! Changes to FITS files that a reader does not refuse at once.
//!
//! libFuzzer's own changes shift bytes, after which no card begins at a multiple of 80 and no HDU at one of 2880.
//! These change values, keywords, the order of cards, the size of an HDU together with its data, and words of the
//! data. Whoever uses them leaves a share of the changes to libFuzzer.

use uranometria_fits::{BLOCK, Value, padded, read_hdus};

const CARD: usize = 80;
const WORDS: &str = include_str!("../fits.dict");

/// Values that are large, small, of another type, or just what a reader looks for.
const NUMBERS: &str = "\
    0 1 -1 2 3 4 5 6 7 8 16 32 64 -32 -64 12 40 128 255 999 1000 1024 2136 2078 4272 4273 65536 1048576 \
    2147483647 2147483648 -2147483648 4294967296 9000000000000000 4611686018427387904 \
    9223372036854775807 -9223372036854775808 18446744073709551616 1E9 -1E9 1E308 -1E308 1E-308 5E-324 \
    0.5 -0.5 1.5 90.0 -90.0 180.0 360.0 1E-3 1325.3 T F (1.0,-2.0)";

/// A stream of numbers that looks random (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        choices.get(self.below(choices.len())).copied()
    }
}

/// Changes the first `size` bytes of `data` and returns the new size, at most `max_size` and `data.len()`.
///
/// Returns `None` where the change is to be left to libFuzzer: one time in six, and where there is no FITS file.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> Option<usize> {
    let mut random = Random(seed.into());
    let room = max_size.min(data.len());
    let kind = random.below(12);
    if kind < 2 {
        return None;
    }
    let whole = match kind {
        2 | 3 => resized(&data[..size], room, &mut random),
        4 => rearranged(&data[..size], &mut random),
        _ => None,
    };
    if let Some(new) = whole.filter(|new| !new.is_empty() && new.len() <= room) {
        data[..new.len()].copy_from_slice(&new);
        return Some(new.len());
    }
    if kind == 6 {
        // The padding at the end of the file, which some targets take for their questions.
        let tail = size.saturating_sub(4)..size;
        data[tail].fill_with(|| random.next() as u8);
        return Some(size);
    }
    let cards = cards(&data[..size]);
    if cards.is_empty() {
        return None;
    }
    for _ in 0..=random.below(3) {
        if kind == 5 {
            change_word(&mut data[..size], &mut random);
        } else {
            change_card(&mut data[..size], &cards, &mut random);
        }
    }
    Some(size)
}

/// Where cards begin.
fn cards(bytes: &[u8]) -> Vec<usize> {
    let name = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b' ');
    let starts = bytes.chunks_exact(CARD).enumerate();
    let is_card = |card: &[u8]| card[..8].iter().all(name) && card[0] != b' ' && !card.starts_with(b"END ");
    starts.filter(|(_, card)| is_card(card)).map(|(n, _)| n * CARD).collect()
}

/// A quoted word of the dictionary, which names keywords and texts.
fn word(random: &mut Random, text: bool) -> Option<&'static str> {
    let words = WORDS.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    let words: Vec<&str> = words.filter(|word| word.starts_with('\'') == text).collect();
    random.of(&words)
}

fn put(card: &mut [u8], at: usize, text: &str) {
    card[at..].fill(b' ');
    for (byte, new) in card[at..].iter_mut().zip(text.bytes()) {
        *byte = new;
    }
}

fn change_card(bytes: &mut [u8], cards: &[usize], random: &mut Random) {
    let Some(at) = random.of(cards) else { return };
    let other = random.of(cards).unwrap_or(at);
    match random.below(9) {
        0..=2 => {
            let numbers: Vec<&str> = NUMBERS.split_whitespace().chain([""]).collect();
            let number = random.of(&numbers).unwrap_or("");
            put(&mut bytes[at..at + CARD], 8, &format!("= {number:>20}"));
        }
        3 | 4 => {
            let text = word(random, true).unwrap_or("''");
            put(&mut bytes[at..at + CARD], 8, &format!("= {text:<20}"));
        }
        5 => {
            let keyword = word(random, false).unwrap_or("COMMENT");
            let value = bytes[at + 8..at + CARD].to_vec();
            put(&mut bytes[at..at + CARD], 0, &format!("{keyword:<8.8}"));
            bytes[at + 8..at + CARD].copy_from_slice(&value);
        }
        6 => bytes.copy_within(other..other + CARD, at),
        7 => {
            let card = bytes[at..at + CARD].to_vec();
            bytes.copy_within(other..other + CARD, at);
            bytes[other..other + CARD].copy_from_slice(&card);
        }
        _ => {
            let place = at + 8 + random.below(24);
            let byte = random.of(b"0123456789.-+EDTF'/=&(),x ").unwrap_or(b' ');
            bytes[place] = byte;
        }
    }
}

fn change_word(bytes: &mut [u8], random: &mut Random) {
    const EXTREMES: [[u8; 4]; 10] = [
        [0; 4],
        [0xff; 4],
        [0x7f, 0xc0, 0, 0],
        [0x7f, 0x80, 0, 0],
        [0xff, 0x80, 0, 0],
        [0x80, 0, 0, 0],
        [0x7f, 0xff, 0xff, 0xff],
        [0x7f, 0x7f, 0xff, 0xff],
        [0x3f, 0x80, 0, 0],
        [0, 0, 0, 1],
    ];
    let at = random.below(bytes.len() / 4) * 4;
    let word = random.of(&EXTREMES).unwrap_or([0; 4]);
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&word);
    }
}

/// Gives an axis of an HDU another length, and its data the bytes that this asks for.
fn resized(bytes: &[u8], room: usize, random: &mut Random) -> Option<Vec<u8>> {
    let hdus = read_hdus(bytes).ok()?;
    let hdu = &hdus[random.below(hdus.len())];
    let mut header = hdu.header.clone();
    let axes = header.integer("NAXIS")?.min(5) as usize;
    let axis = format!("NAXIS{}", 1 + random.below(axes));
    let old = header.integer(&axis)?;
    let new = match random.below(3) {
        0 => old.saturating_add(1),
        1 => old.saturating_sub(1),
        _ => random.below(20) as i64,
    };
    header.set(&axis, Value::Integer(new.max(0)), "");
    let mut len = header.integer("BITPIX")?.unsigned_abs() / 8;
    for n in 1..=axes {
        len = len.checked_mul(header.integer(&format!("NAXIS{n}"))?.try_into().ok()?)?;
    }
    let len = usize::try_from(padded(len)?).ok().filter(|len| *len <= room)?;
    let mut out = bytes[..hdu.header_start as usize].to_vec();
    out.extend(header.to_bytes());
    let mut data = hdu.read_data(bytes).ok()?;
    data.resize(len, random.next() as u8);
    out.extend(data);
    out.extend(bytes.get(hdu.end() as usize..).unwrap_or(&[]));
    Some(out)
}

/// Takes an HDU or a block away, says it twice, or cuts the file short.
fn rearranged(bytes: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let block = BLOCK as usize;
    let at = random.below(bytes.len().div_ceil(block)) * block;
    let mut piece = at..(at + block).min(bytes.len());
    if random.below(2) == 0 {
        let hdus = read_hdus(bytes).ok()?;
        let hdu = &hdus[random.below(hdus.len())];
        piece = hdu.header_start as usize..(hdu.end() as usize).min(bytes.len());
    }
    let (head, tail) = (&bytes[..piece.start], &bytes[piece.end..]);
    Some(match random.below(4) {
        0 => [head, tail].concat(),
        1 => [head, &bytes[piece.clone()], &bytes[piece.clone()], tail].concat(),
        2 => [head, tail, &bytes[piece]].concat(),
        _ => bytes[..bytes.len() - random.below(bytes.len().min(2 * block))].to_vec(),
    })
}
