//! What the methods ask of a series, wherever its points are.

use alloc::vec::Vec;
use core::ops::Range;

use crate::coordinate::Coordinate;
use crate::kernel::{Base, Boxes, Extremes, Largest, Sum};
use crate::methods::{Buckets, walk};

/// A stretch of a series that is drawn as one line; `start` and `end - 1` are kept points, unless it is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// How many of its points are not missing.
    pub(crate) kept: usize,
}

impl Run {
    pub(crate) fn is_plain(&self) -> bool {
        self.kept == self.end - self.start
    }
}

/// Buckets whose sums, and whatever speeds up the search in them, are at hand at the same time.
pub(crate) const SLOTS: usize = 8;

/// Points in order of x. Ranges begin at a kept point and lie in one run.
pub(crate) trait Series {
    type X: Coordinate;
    type Error;

    /// A kept point.
    fn point(&mut self, index: usize) -> Result<(Self::X, f64), Self::Error>;

    /// The kept point of a run that has `rank` kept ones before it; the end of the run for all of them.
    fn nth(&mut self, run: &Run, rank: usize) -> Result<usize, Self::Error>;

    /// How many kept points of a run are before a kept point.
    fn rank(&mut self, run: &Run, index: usize) -> Result<usize, Self::Error>;

    /// Appends all kept points of a run that has some.
    fn all(&mut self, run: &Run, out: &mut Vec<usize>) -> Result<(), Self::Error>;

    /// Sums of up to [`SIDE_BY_SIDE`](crate::kernel::SIDE_BY_SIDE) ranges, put in slots from `slot` on.
    fn sums(
        &mut self,
        run: &Run,
        slot: usize,
        ranges: &[Range<usize>],
        origins: &[Self::X],
        sums: &mut [Sum],
    ) -> Result<(), Self::Error>;

    /// The largest triangle in a range whose sum is in `slot`.
    fn largest(
        &mut self,
        run: &Run,
        slot: usize,
        range: Range<usize>,
        base: &Base<Self::X>,
    ) -> Result<Largest, Self::Error>;

    /// The lowest and the highest kept point of each range.
    fn extremes(&mut self, run: &Run, ranges: &[Range<usize>]) -> Result<Vec<Extremes>, Self::Error>;

    /// Chooses a point of each bucket of LTTB.
    fn walk(&mut self, run: &Run, buckets: &Buckets, out: &mut Vec<usize>) -> Result<(), Self::Error>
    where
        Self: Sized,
    {
        walk(self, run, buckets, 0..buckets.count, run.start, out, |_, _| false)
    }
}

/// Boxes that are looked into for their promise, before the others follow in order.
///
/// The best few rule out nearly all others; where they do not, as on a noisy slope, jumping between many would have
/// each page of a file decoded again and again.
const PROMISING: usize = 4;

/// Looks through boxes for the largest triangle, the most promising first, none without hope.
pub(crate) fn largest_in_boxes<E>(
    best: &mut Largest,
    bounds: &[f64],
    rest: &mut Vec<(f64, usize)>,
    mut look: impl FnMut(usize) -> Result<Largest, E>,
) -> Result<(), E> {
    let mut first = 0;
    for (i, &bound) in bounds.iter().enumerate() {
        // A bound that is not a number bounds nothing.
        if bound > bounds[first] || bound.is_nan() {
            first = i;
        }
    }
    let hopeless = |bound: f64, best: &Largest| bound < best.area || bound < 0.0;
    if bounds.is_empty() || hopeless(bounds[first], best) {
        return Ok(());
    }
    best.or(look(first)?);
    rest.clear();
    let hopeful = |&(i, &bound): &(usize, &f64)| i != first && !hopeless(bound, best);
    rest.extend(bounds.iter().enumerate().filter(hopeful).map(|(i, &bound)| (bound, i)));
    let promising = PROMISING.min(rest.len());
    if promising < rest.len() {
        rest.select_nth_unstable_by(promising, |a, b| b.0.abs().total_cmp(&a.0.abs()));
    }
    rest[..promising].sort_unstable_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    rest[promising..].sort_unstable_by_key(|&(_, i)| i);
    for &(bound, i) in &*rest {
        if !hopeless(bound, best) {
            best.or(look(i)?);
        }
    }
    Ok(())
}

/// Buffers for the boxes of [`SLOTS`] buckets.
pub(crate) type BoxSlots<X> = [Boxes<X>; SLOTS];
