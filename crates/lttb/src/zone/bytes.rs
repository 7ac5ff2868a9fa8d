//! Zone maps as bytes: a version, the shape, then column after column, little-endian.
//!
//! No checksum is in them: what keeps them adds its own.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::coordinate::{Coordinate, CoordinateOps};
use crate::error::Error;
use crate::zone::map::{Blocks, ZoneMap};

const MAGIC: &[u8; 8] = b"lttbzone";
const VERSION: u32 = 1;
/// Bits of the numbers of kept points (0..=1024) and of their places (their sum is below 2^19).
const KEPT_BITS: u32 = 11;
const PLACES_BITS: u32 = 19;

impl<X: Coordinate> ZoneMap<X> {
    /// The map as bytes: 20 a block for a regular series of f32, up to 56 for f64 over 8-byte x.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.blocks.len() * 56);
        out.extend_from_slice(MAGIC);
        out.extend(VERSION.to_le_bytes());
        let mut name = [b' '; 4];
        let known = if self.regular { "row" } else { X::NAME };
        name[..known.len()].copy_from_slice(known.as_bytes());
        out.extend(name);
        out.extend(if self.narrow { *b"f32 " } else { *b"f64 " });
        out.extend((Self::BLOCK as u32).to_le_bytes());
        out.extend((self.parts.len() as u64).to_le_bytes());
        for part in &self.parts {
            out.extend((part.points as u64).to_le_bytes());
        }
        let blocks = &self.blocks;
        for column in [&blocks.y0, &blocks.y1] {
            match self.narrow {
                true => column.iter().for_each(|&y| out.extend((y as f32).to_le_bytes())),
                false => column.iter().for_each(|y| out.extend(y.to_le_bytes())),
            }
        }
        blocks.sum_y.iter().for_each(|sum| out.extend(sum.to_le_bytes()));
        for (i, &kept) in blocks.kept.iter().enumerate() {
            let (places, holes) = if self.regular { (blocks.places[i], blocks.holes[i]) } else { (0, false) };
            let packed =
                u32::from(kept) | places << KEPT_BITS | u32::from(holes) << (KEPT_BITS + PLACES_BITS);
            out.extend(packed.to_le_bytes());
        }
        for x in blocks.x0.iter().chain(&blocks.x1) {
            out.extend_from_slice(&x.to_bits().to_le_bytes()[..size_of::<X>()]);
        }
        blocks.sum_x.iter().for_each(|sum| out.extend(sum.to_le_bytes()));
        blocks.widest.iter().for_each(|step| out.extend(step.to_le_bytes()));
        out
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Error::NotAZoneMap`] for another version, another type of x, and whatever cannot be true.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut bytes = Reader { bytes };
        if bytes.take(8)? != MAGIC {
            return wrong("it does not begin with `lttbzone`");
        }
        let version = bytes.u32()?;
        if version != VERSION {
            return wrong(format!("its version is {version}, this program knows {VERSION}; build it anew"));
        }
        let name = bytes.take(4)?;
        let regular = name == b"row ";
        if regular && X::NAME != "u64" || !regular && name[..3] != *X::NAME.as_bytes() {
            let found = String::from_utf8_lossy(name);
            return wrong(format!("its x is of type {}, expected {}", found.trim(), X::NAME));
        }
        let narrow = match bytes.take(4)? {
            b"f32 " => true,
            b"f64 " => false,
            other => return wrong(format!("its y is of type {}", String::from_utf8_lossy(other).trim())),
        };
        let block = bytes.u32()?;
        if block as usize != Self::BLOCK {
            return wrong(format!("its blocks have {block} points, expected {}", Self::BLOCK));
        }
        let parts = bytes.u64()?;
        let mut lengths = Vec::new();
        let (mut points, mut count) = (0_u64, 0_usize);
        for _ in 0..parts {
            let length = bytes.u64()?;
            // Not even the blocks' first bytes would fit into memory.
            let Some(sum) = points.checked_add(length).filter(|&sum| sum < 1 << 60) else {
                return wrong("its parts are too long");
            };
            points = sum;
            let Ok(length) = usize::try_from(length) else { return wrong("its parts are too long") };
            count += length.div_ceil(Self::BLOCK);
            lengths.push(length);
        }
        let a_block = if narrow { 20 } else { 28 } + if regular { 0 } else { 2 * size_of::<X>() + 12 };
        if count.checked_mul(a_block) != Some(bytes.bytes.len()) {
            return wrong(format!(
                "{count} blocks need {a_block} bytes each, there are {}",
                bytes.bytes.len()
            ));
        }
        let column = |bytes: &mut Reader<'_>| bytes.ys(count, narrow);
        let (y0, y1) = (column(&mut bytes)?, column(&mut bytes)?);
        let sum_y = bytes.ys(count, false)?;
        let packed: Vec<u32> = bytes.take(4 * count)?.chunks_exact(4).map(u32_of).collect();
        let mut blocks = Blocks { y0, y1, sum_y, ..Blocks::default() };
        blocks.kept = packed.iter().map(|packed| (packed & ((1 << KEPT_BITS) - 1)) as u16).collect();
        if regular {
            let places = |packed: &u32| (packed >> KEPT_BITS) & ((1 << PLACES_BITS) - 1);
            blocks.places = packed.iter().map(places).collect();
            blocks.holes = packed.iter().map(|packed| packed >> (KEPT_BITS + PLACES_BITS) & 1 == 1).collect();
        } else {
            blocks.x0 = bytes.xs(count)?;
            blocks.x1 = bytes.xs(count)?;
            blocks.sum_x = bytes.ys(count, false)?;
            blocks.widest =
                bytes.take(4 * count)?.chunks_exact(4).map(|b| f32::from_bits(u32_of(b))).collect();
        }
        let mut i = 0;
        for &length in &lengths {
            for start in (0..length).step_by(Self::BLOCK) {
                check(&blocks, i, (length - start).min(Self::BLOCK))?;
                i += 1;
            }
        }
        let map = Self::of(regular, narrow, &lengths, blocks);
        if !regular && let Some(i) = descent(&map.blocks) {
            return wrong(format!("x descends in its block {i}"));
        }
        Ok(map)
    }
}

/// Errs where a block contradicts itself.
fn check<X: Coordinate>(blocks: &Blocks<X>, i: usize, len: usize) -> Result<(), Error> {
    let kept = usize::from(blocks.kept[i]);
    let (y0, y1) = (blocks.y0[i], blocks.y1[i]);
    let boxed = if kept == 0 { y0 > y1 } else { y0 <= y1 && y0.is_finite() && y1.is_finite() };
    let x_known = blocks.x0.is_empty() || kept == 0 || (blocks.x0[i].is_finite() && blocks.x1[i].is_finite());
    let in_place = blocks.places.is_empty() || blocks.places[i] as usize <= len * len.saturating_sub(1) / 2;
    match kept <= len && boxed && x_known && in_place && !blocks.sum_y[i].is_nan() {
        true => Ok(()),
        false => wrong(format!("its block {i} contradicts itself")),
    }
}

/// The first block whose x descends, in itself or from the one before.
fn descent<X: Coordinate>(blocks: &Blocks<X>) -> Option<usize> {
    let (x0, x1) = (&blocks.x0, &blocks.x1);
    let is_ascent = |a: X, b: X| a <= b || !a.is_finite();
    (0..x0.len()).find(|&i| !is_ascent(x0[i], x1[i]) || (i > 0 && !is_ascent(x1[i - 1], x0[i])))
}

fn wrong<T>(reason: impl Into<String>) -> Result<T, Error> {
    Err(Error::NotAZoneMap { reason: reason.into() })
}

fn u32_of(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("there are four bytes"))
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        match self.bytes.split_at_checked(len) {
            Some((taken, rest)) => {
                self.bytes = rest;
                Ok(taken)
            }
            None => wrong("it is cut short"),
        }
    }

    fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32_of(self.take(4)?))
    }

    fn u64(&mut self) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(self.take(8)?.try_into().expect("there are eight bytes")))
    }

    fn ys(&mut self, count: usize, narrow: bool) -> Result<Vec<f64>, Error> {
        let wide = |b: &[u8]| f64::from_le_bytes(b.try_into().expect("there are eight bytes"));
        Ok(match narrow {
            true => {
                self.take(4 * count)?.chunks_exact(4).map(|b| f64::from(f32::from_bits(u32_of(b)))).collect()
            }
            false => self.take(8 * count)?.chunks_exact(8).map(wide).collect(),
        })
    }

    fn xs<X: CoordinateOps>(&mut self, count: usize) -> Result<Vec<X>, Error> {
        let each = |b: &[u8]| {
            let mut bits = [0; 8];
            bits[..b.len()].copy_from_slice(b);
            X::from_bits(u64::from_le_bytes(bits))
        };
        Ok(self.take(size_of::<X>() * count)?.chunks_exact(size_of::<X>()).map(each).collect())
    }
}
