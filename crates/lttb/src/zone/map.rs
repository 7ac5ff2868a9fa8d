//! The map itself: a column for each thing known of blocks.

use alloc::vec::Vec;
use core::ops::Range;

use crate::coordinate::Coordinate;
use crate::error::Error;
use crate::zone::samples::{Samples, ZoneError};

/// Longest run of missing points in a block of a regular series that is not remembered.
pub(crate) const SHORT: usize = 3;

/// Block boxes and sums of a series: 20 to 56 bytes for each 1,024 points.
///
/// From it and a few of the points come the exact LTTB, MinMax and M4 of any window. A series may have several
/// parts (files); each has blocks of its own, so maps of parts are made one by one and appended.
///
/// `X` is the type of x; a regular series has `u64`, the index.
///
/// ```
/// use uranometria_lttb::{Downsample, Regular, Slices, ZoneMap, lttb};
///
/// let y: Vec<f32> = (0..200_000).map(|i| (i as f32 * 0.001).sin()).collect();
/// let map = ZoneMap::build(Regular, &y, 0)?;
/// let chosen = map.choose(&mut Slices { x: &[], y: &y }, 0..200_000, &Downsample::default(), 100)?;
/// assert_eq!(chosen.indices, lttb(Regular, &y, 100)?);
/// assert!(map.to_bytes().len() < 200_000 * 4 / 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ZoneMap<X> {
    pub(crate) regular: bool,
    /// Whether y has 4 bytes.
    pub(crate) narrow: bool,
    pub(crate) parts: Vec<Part>,
    pub(crate) blocks: Blocks<X>,
    /// How many points are kept before each block, and in all.
    pub(crate) kept_before: Vec<usize>,
}

/// A stretch of the series with blocks of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) first_point: usize,
    pub(crate) first_block: usize,
    pub(crate) points: usize,
}

/// What is known of each block. Missing points do not count.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Blocks<X> {
    /// Lowest and highest y; infinity and its opposite where nothing is kept.
    pub(crate) y0: Vec<f64>,
    pub(crate) y1: Vec<f64>,
    pub(crate) sum_y: Vec<f64>,
    pub(crate) kept: Vec<u16>,
    /// Regular series: sum of the places of kept points in the block.
    pub(crate) places: Vec<u32>,
    /// Regular series: whether more than [`SHORT`] neighbours are missing.
    pub(crate) holes: Vec<bool>,
    /// The others: first and last x, where nothing is kept those of neighbours; sum of x, for integers from the
    /// first one; a bound of the steps within.
    pub(crate) x0: Vec<X>,
    pub(crate) x1: Vec<X>,
    pub(crate) sum_x: Vec<f64>,
    pub(crate) widest: Vec<f32>,
}

impl<X> Default for Blocks<X> {
    fn default() -> Self {
        Self {
            y0: Vec::new(),
            y1: Vec::new(),
            sum_y: Vec::new(),
            kept: Vec::new(),
            places: Vec::new(),
            holes: Vec::new(),
            x0: Vec::new(),
            x1: Vec::new(),
            sum_x: Vec::new(),
            widest: Vec::new(),
        }
    }
}

impl<X> Blocks<X> {
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(crate) fn append(&mut self, other: &mut Self) {
        let Self { y0, y1, sum_y, kept, places, holes, x0, x1, sum_x, widest } = other;
        self.y0.append(y0);
        self.y1.append(y1);
        self.sum_y.append(sum_y);
        self.kept.append(kept);
        self.places.append(places);
        self.holes.append(holes);
        self.x0.append(x0);
        self.x1.append(x1);
        self.sum_x.append(sum_x);
        self.widest.append(widest);
    }
}

impl<X: Coordinate> ZoneMap<X> {
    /// Points of a block; the last one of a part may have fewer.
    pub const BLOCK: usize = 1024;

    pub(crate) fn of(regular: bool, narrow: bool, lengths: &[usize], blocks: Blocks<X>) -> Self {
        let mut parts = Vec::with_capacity(lengths.len());
        let (mut first_point, mut first_block) = (0, 0);
        for &points in lengths {
            parts.push(Part { first_point, first_block, points });
            first_point += points;
            first_block += points.div_ceil(Self::BLOCK);
        }
        let mut map = Self { regular, narrow, parts, blocks, kept_before: Vec::new() };
        map.complete();
        map
    }

    /// Derives what is not stored: numbers of kept points, and x of blocks without any.
    fn complete(&mut self) {
        self.kept_before.clear();
        self.kept_before.reserve(self.blocks.len() + 1);
        let mut kept = 0;
        self.kept_before.push(0);
        self.kept_before.extend(self.blocks.kept.iter().map(|&in_block| {
            kept += usize::from(in_block);
            kept
        }));
        if self.regular {
            return;
        }
        let Blocks { kept, x0, x1, .. } = &mut self.blocks;
        let mut known = kept.iter().position(|&kept| kept > 0).map(|first| x0[first]);
        for ((kept, x0), x1) in kept.iter().zip(x0).zip(x1) {
            match known {
                Some(x) if *kept == 0 => (*x0, *x1) = (x, x),
                _ => known = Some(*x1),
            }
        }
    }

    /// How many points the series has, missing ones included.
    pub fn points(&self) -> usize {
        self.parts.last().map_or(0, |part| part.first_point + part.points)
    }

    /// How many points are not missing.
    pub fn kept(&self) -> usize {
        self.kept_before.last().copied().unwrap_or(0)
    }

    /// The lengths of the parts, in order.
    pub fn parts(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.parts.iter().map(|part| part.points)
    }

    /// Whether x is the index.
    pub fn is_regular(&self) -> bool {
        self.regular
    }

    /// First and last x, unless every point is missing.
    pub fn span(&self) -> Option<(X, X)> {
        if self.kept() == 0 {
            return None;
        }
        match self.regular {
            true => Some((X::from_bits(0), X::from_bits(self.points() as u64 - 1))),
            false => Some((self.blocks.x0[0], self.blocks.x1[self.blocks.len() - 1])),
        }
    }

    /// Joins the map of the part that comes after.
    ///
    /// # Errors
    /// [`Error::Unsorted`] with the index of the part's first point, if its x begins below the last x here;
    /// [`Error::NotAZoneMap`] if one is regular and the other is not, or the widths of y differ.
    pub fn append(&mut self, mut later: Self) -> Result<(), Error> {
        if self.points() == 0 {
            *self = later;
            return Ok(());
        }
        if later.points() == 0 {
            return Ok(());
        }
        if (self.regular, self.narrow) != (later.regular, later.narrow) {
            let reason = "parts of a series have x and y of one type, these differ".into();
            return Err(Error::NotAZoneMap { reason });
        }
        if let (Some((_, last)), Some((first, _)), false) = (self.span(), later.span(), self.regular)
            && first < last
        {
            return Err(Error::unsorted(self.points(), first, last));
        }
        let (points, blocks) = (self.points(), self.blocks.len());
        self.parts.extend(later.parts.iter().map(|part| Part {
            first_point: part.first_point + points,
            first_block: part.first_block + blocks,
            ..*part
        }));
        self.blocks.append(&mut later.blocks);
        self.complete();
        Ok(())
    }

    /// The range that has all points with `from <= x <= to`, and no others but missing ones.
    ///
    /// `None` is no bound. Of a regular series the bounds are indices.
    ///
    /// # Errors
    /// What reading the two blocks at the borders gives.
    pub fn window<S: Samples<X = X>>(
        &self,
        samples: &mut S,
        from: Option<X>,
        to: Option<X>,
    ) -> Result<Range<usize>, ZoneError<S::Error>> {
        let points = self.points();
        if self.regular {
            let start = from.map_or(0, |from| from.to_bits() as usize);
            let end = to.map_or(points, |to| (to.to_bits() as usize).saturating_add(1));
            let start = start.min(points);
            return Ok(start..end.clamp(start, points));
        }
        let Blocks { x0, x1, .. } = &self.blocks;
        let start = match from {
            None => 0,
            Some(from) => match x1.partition_point(|x| *x < from) {
                block if block == x1.len() => points,
                block => self.place(samples, block, |x| x >= from)?.unwrap_or(self.block(block).end),
            },
        };
        let end = match to {
            None => points,
            Some(to) => match x0.partition_point(|x| *x <= to) {
                0 => 0,
                after => self.place(samples, after - 1, |x| x > to)?.unwrap_or(self.block(after - 1).end),
            },
        };
        Ok(start..end.max(start))
    }

    /// The first kept point of a block whose x is as wanted.
    fn place<S: Samples<X = X>>(
        &self,
        samples: &mut S,
        block: usize,
        wanted: impl Fn(X) -> bool,
    ) -> Result<Option<usize>, ZoneError<S::Error>> {
        let range = self.block(block);
        let (x, y) = samples.read(range.clone()).map_err(ZoneError::Read)?;
        let is_wanted = |(&x, &y): (&X, &S::Y)| x.is_finite() && y.into().is_finite() && wanted(x);
        Ok(x.iter().zip(y).position(is_wanted).map(|place| range.start + place))
    }

    fn part_of_block(&self, block: usize) -> &Part {
        match &self.parts[..] {
            [one] => one,
            parts => &parts[parts.partition_point(|part| part.first_block <= block) - 1],
        }
    }

    /// The points of a block.
    pub(crate) fn block(&self, block: usize) -> Range<usize> {
        let part = self.part_of_block(block);
        let start = part.first_point + (block - part.first_block) * Self::BLOCK;
        start..(start + Self::BLOCK).min(part.first_point + part.points)
    }

    /// The block of a point of the series.
    pub(crate) fn block_of(&self, index: usize) -> usize {
        let part = match &self.parts[..] {
            [one] => one,
            // Of empty parts that begin at the same point the last one is not empty.
            parts => &parts[parts.partition_point(|part| part.first_point <= index) - 1],
        };
        part.first_block + (index - part.first_point) / Self::BLOCK
    }
}
