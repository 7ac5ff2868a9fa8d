//! Making zone maps.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::coordinate::Counted;
use crate::coordinate::{Axis, Coordinate, CoordinateOps, Positions, Value};
use crate::downsample::Kernels;
use crate::error::Error;
use crate::kernel::{Boxes, Isa, SumUp, Summarize, Summary, WidestStep};
use crate::threads;
use crate::zone::map::{Blocks, SHORT, ZoneMap};

const BLOCK: usize = 1024;

impl<X: Coordinate> ZoneMap<X> {
    /// Makes the map of a series in slices, with several threads (0: one a processor).
    ///
    /// # Errors
    /// [`Error::LengthMismatch`], [`Error::Unsorted`].
    pub fn build<A: Axis<X = X>, Y: Value>(x: A, y: &[Y], threads: usize) -> Result<Self, Error> {
        if let Some(len) = x.known_len().filter(|&len| len != y.len()) {
            return Err(Error::LengthMismatch { x: len, y: y.len() });
        }
        let (x, isa) = (x.positions(), Isa::of(Kernels::Auto));
        let threads = threads::worth(threads, y.len());
        let blocks_a_part = y.len().div_ceil(BLOCK).div_ceil(threads).max(1);
        let parts: Vec<Range<usize>> = (0..y.len())
            .step_by(blocks_a_part * BLOCK)
            .map(|start| start..(start + blocks_a_part * BLOCK).min(y.len()))
            .collect();
        let build = |parts: &[Range<usize>]| {
            let mut built = Vec::new();
            for part in parts {
                let mut blocks = Blocks::default();
                summarize(x, y, part.clone(), isa, None, &mut blocks)?;
                built.push(blocks);
            }
            Ok::<_, Error>(built)
        };
        let built = threads::in_parts(vec![(); threads], &parts, build, |(), parts| build(parts))?;
        let mut blocks = Blocks::default();
        for (mut of_part, part) in built.into_iter().zip(&parts) {
            let is_kept = |&i: &usize| x.get(i).is_finite() && y[i].into().is_finite();
            if let (Some(last), false) = (last_x(&blocks), of_part.x0.is_empty())
                && let Some(first) = part.clone().find(is_kept)
                && x.get(first) < last
            {
                return Err(Error::unsorted(first, x.get(first), last));
            }
            blocks.append(&mut of_part);
        }
        let lengths: &[usize] = if y.is_empty() { &[] } else { &[y.len()] };
        Ok(Self::of(A::Positions::REGULAR, size_of::<Y>() == 4, lengths, blocks))
    }
}

/// The x of the last kept point of some blocks; nothing of a regular series, which ascends.
fn last_x<X: Coordinate>(blocks: &Blocks<X>) -> Option<X> {
    let last = blocks.kept.iter().rposition(|&kept| kept > 0)?;
    blocks.x1.get(last).copied()
}

/// Makes the map of one part of a series from pieces of any length, in order.
///
/// ```
/// use uranometria_lttb::ZoneMapBuilder;
///
/// let mut builder = ZoneMapBuilder::new();
/// builder.push(&[0_i64, 10, 20], &[1.0_f64, 2.0, 3.0])?;
/// builder.push(&[30], &[4.0])?;
/// assert_eq!(builder.finish()?.span(), Some((0, 30)));
/// # Ok::<(), uranometria_lttb::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ZoneMapBuilder<X, Y> {
    isa: Isa,
    regular: bool,
    points: usize,
    blocks: Blocks<X>,
    /// What does not fill a block yet.
    x: Vec<X>,
    y: Vec<Y>,
}

impl<X: Coordinate, Y: Value> Default for ZoneMapBuilder<X, Y> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Y: Value> ZoneMapBuilder<u64, Y> {
    /// A builder for a series whose x is the index: no x is to be pushed.
    pub fn regular() -> Self {
        Self { regular: true, ..Self::new() }
    }
}

impl<X: Coordinate, Y: Value> ZoneMapBuilder<X, Y> {
    /// A builder that has seen nothing.
    pub fn new() -> Self {
        let (x, y) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
        Self { isa: Isa::of(Kernels::Auto), regular: false, points: 0, blocks: Blocks::default(), x, y }
    }

    /// Takes the next points.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`]; [`Error::Unsorted`], the index counted from the first point ever pushed. The
    /// builder is of no use then.
    pub fn push(&mut self, x: &[X], y: &[Y]) -> Result<(), Error> {
        let wanted = if self.regular { 0 } else { y.len() };
        if x.len() != wanted {
            return Err(Error::LengthMismatch { x: x.len(), y: y.len() });
        }
        let of = |range: Range<usize>| if self.regular { &[] } else { &x[range] };
        let filled = if self.y.is_empty() { 0 } else { (BLOCK - self.y.len()).min(y.len()) };
        let whole = filled..y.len() - (y.len() - filled) % BLOCK;
        let (head, middle, tail) = (of(0..filled), of(whole.clone()), of(whole.end..y.len()));
        self.x.extend_from_slice(head);
        self.y.extend_from_slice(&y[..filled]);
        if self.y.len() == BLOCK {
            self.flush()?;
        }
        if !whole.is_empty() {
            self.add(middle, &y[whole.clone()])?;
        }
        self.x.extend_from_slice(tail);
        self.y.extend_from_slice(&y[whole.end..]);
        Ok(())
    }

    /// The map of all that was pushed.
    ///
    /// # Errors
    /// [`Error::Unsorted`] in what was pushed last.
    pub fn finish(mut self) -> Result<ZoneMap<X>, Error> {
        self.flush()?;
        let lengths = [self.points];
        let lengths = if self.points == 0 { &[] } else { &lengths[..] };
        Ok(ZoneMap::of(self.regular, size_of::<Y>() == 4, lengths, self.blocks))
    }

    fn flush(&mut self) -> Result<(), Error> {
        let (x, y) = (core::mem::take(&mut self.x), core::mem::take(&mut self.y));
        self.add(&x, &y)?;
        (self.x, self.y) = (x, y);
        self.x.clear();
        self.y.clear();
        Ok(())
    }

    fn add(&mut self, x: &[X], y: &[Y]) -> Result<(), Error> {
        let last = last_x(&self.blocks);
        match self.regular {
            true => summarize(Counted::from(self.points), y, 0..y.len(), self.isa, None, &mut self.blocks),
            false => summarize(x, y, 0..y.len(), self.isa, last, &mut self.blocks),
        }
        .map_err(|error| error.shifted(self.points))?;
        self.points += y.len();
        Ok(())
    }
}

/// Appends what there is to know of the blocks of a range, which begins with a block and comes after an x.
fn summarize<P: Positions, Y: Value>(
    x: P,
    y: &[Y],
    range: Range<usize>,
    isa: Isa,
    mut last: Option<P::X>,
    blocks: &mut Blocks<P::X>,
) -> Result<(), Error> {
    for start in range.clone().step_by(BLOCK) {
        let block = start..(start + BLOCK).min(range.end);
        let Summary { sum_x, sum_y, low, high } = isa.run(Summarize { x, y, range: block.clone() });
        let widest = isa.run(WidestStep { x, range: block.clone() });
        // NaN is in the sum, though not in the bounds.
        let finite = [sum_x, sum_y, low, high].into_iter().all(f64::is_finite);
        let (Some(widest), true) = (widest, finite) else {
            last = look_closely(x, y, block, isa, last, blocks)?;
            continue;
        };
        let (x0, x1) = (x.get(block.start), x.get(block.end - 1));
        in_order(block.start, x0, last)?;
        last = Some(x1);
        blocks.y0.push(low);
        blocks.y1.push(high);
        blocks.sum_y.push(sum_y);
        blocks.kept.push(block.len() as u16);
        if P::REGULAR {
            blocks.places.push((block.len() * (block.len() - 1) / 2) as u32);
            blocks.holes.push(false);
        } else {
            blocks.x0.push(x0);
            blocks.x1.push(x1);
            blocks.sum_x.push(sum_x);
            blocks.widest.push(up(widest.map_or(0.0, P::X::width)));
        }
    }
    Ok(())
}

/// Errs where the x of a kept point is below the one before.
fn in_order<X: Coordinate>(index: usize, x: X, before: Option<X>) -> Result<(), Error> {
    match before {
        Some(before) if x < before => Err(Error::unsorted(index, x, before)),
        _ => Ok(()),
    }
}

/// A block in which points are missing, x descends, or sums overflow. Returns the last x of all that was seen.
fn look_closely<P: Positions, Y: Value>(
    x: P,
    y: &[Y],
    block: Range<usize>,
    isa: Isa,
    before: Option<P::X>,
    blocks: &mut Blocks<P::X>,
) -> Result<Option<P::X>, Error> {
    let kept: Vec<usize> =
        block.clone().filter(|&i| x.get(i).is_finite() && y[i].into().is_finite()).collect();
    if let Some(&first) = kept.first() {
        in_order(first, x.get(first), before)?;
    }
    let mut widest = 0.0_f64;
    for pair in kept.windows(2) {
        let (from, to) = (x.get(pair[0]), x.get(pair[1]));
        in_order(pair[1], to, Some(from))?;
        widest = widest.max(P::X::width(P::X::step(from, to)));
    }
    let first = kept.first().map_or(x.get(block.start), |&first| x.get(first));
    let last = kept.last().map_or(first, |&last| x.get(last));
    let mut boxes: [Boxes<P::X>; 1] = Default::default();
    let ranges = [block.clone()];
    let masked = SumUp::<P, Y, true> {
        x,
        y,
        ranges: &ranges,
        origins: &[first],
        piece: BLOCK,
        boxes: &mut boxes,
        steps: None,
    };
    let (sums, _) = isa.run(masked);
    let (y0, y1) = boxes[0].heights();
    blocks.y0.push(y0);
    blocks.y1.push(y1);
    blocks.sum_y.push(sums[0].y);
    blocks.kept.push(kept.len() as u16);
    if P::REGULAR {
        blocks.places.push(kept.iter().map(|&i| (i - block.start) as u32).sum());
        let mut hole = kept.first().map_or(block.len(), |&first| first - block.start);
        hole = hole.max(kept.last().map_or(0, |&last| block.end - 1 - last));
        hole = kept.windows(2).map(|pair| pair[1] - pair[0] - 1).fold(hole, usize::max);
        blocks.holes.push(hole > SHORT);
    } else {
        blocks.x0.push(first);
        blocks.x1.push(last);
        blocks.sum_x.push(sums[0].x);
        blocks.widest.push(up(widest));
    }
    Ok(if kept.is_empty() { before } else { Some(last) })
}

/// An f32 that is not below.
fn up(width: f64) -> f32 {
    let near = width as f32;
    if f64::from(near) < width { near.next_up() } else { near }
}
