//! A series in slices, of which every point is looked at.

use alloc::vec::Vec;
use core::ops::Range;

use crate::coordinate::{CoordinateOps, Positions, Value};
use crate::error::Error;
use crate::kernel::{Base, Bound, Boxes, Extremes, FindExtremes, FindLargest, Isa, Largest, Sum, SumUp};
use crate::methods::Buckets;
use crate::series::{BoxSlots, Run, Series, largest_in_boxes};
use crate::threads;

/// Points of a box; below four boxes a bucket, looking at every point is as fast.
const PIECE: usize = 256;

/// Why a scan came to an end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stop {
    /// Points are missing, x descends or there is a gap: a census must be taken first.
    Unclean,
}

impl From<Stop> for Error {
    fn from(_: Stop) -> Self {
        unreachable!("a scan after a census does not check")
    }
}

/// How many points are kept before each block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pub(crate) before: Vec<usize>,
}

/// Points of a block of [`Kept`].
pub(crate) const BLOCK: usize = 1024;

/// The slices, and what is known of them.
pub(crate) struct Scan<'a, P: Positions, Y> {
    x: P,
    y: &'a [Y],
    isa: Isa,
    /// Which points are missing, if a census found some.
    kept: Option<&'a Kept>,
    /// The widest step that is no gap, while nobody has looked yet.
    steps: Option<<P::X as CoordinateOps>::Step>,
    threads: usize,
    boxes: BoxSlots<P::X>,
    bounds: Vec<f64>,
    /// Room for boxes that are still to be looked into, with their bounds.
    rest: Vec<(f64, usize)>,
}

impl<'a, P: Positions, Y: Value> Scan<'a, P, Y> {
    /// Slices whose points are known to be in order, but for missing ones.
    pub(crate) fn known(x: P, y: &'a [Y], isa: Isa, kept: Option<&'a Kept>) -> Self {
        Self {
            x,
            y,
            isa,
            kept,
            steps: None,
            threads: 1,
            boxes: Default::default(),
            bounds: Vec::new(),
            rest: Vec::new(),
        }
    }

    /// Slices to be checked along the way.
    pub(crate) fn unknown(x: P, y: &'a [Y], isa: Isa, limit: <P::X as CoordinateOps>::Step) -> Self {
        Self { steps: Some(limit), ..Self::known(x, y, isa, None) }
    }

    /// Lets several threads look.
    pub(crate) fn shared_by(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// The same slices for so many threads; for one there is no need.
    fn forks(&self, threads: usize) -> Vec<Self> {
        let fork = || Self { steps: self.steps, ..Self::known(self.x, self.y, self.isa, self.kept) };
        if threads < 2 { Vec::new() } else { (0..threads).map(|_| fork()).collect() }
    }

    fn is_kept(&self, index: usize) -> bool {
        self.x.get(index).is_finite() && self.y[index].into().is_finite()
    }

    fn sum_up<const MASKED: bool>(
        &mut self,
        slot: usize,
        (from, ranges): (usize, &[Range<usize>]),
        origins: &[P::X],
    ) -> ([Sum; crate::kernel::SIDE_BY_SIDE], bool) {
        let shortest = ranges.iter().map(|range| range.len()).min().unwrap_or(0);
        let piece = if shortest >= 4 * PIECE { PIECE } else { 0 };
        let boxes = &mut self.boxes[slot..slot + ranges.len()];
        boxes.iter_mut().for_each(Boxes::clear);
        let steps = self.steps.map(|limit| (limit, from));
        self.isa.run(SumUp::<P, Y, MASKED> { x: self.x, y: self.y, ranges, origins, piece, boxes, steps })
    }

    fn find_largest(&self, range: Range<usize>, base: &Base<P::X>) -> Largest {
        match self.kept {
            None => self.isa.run(FindLargest::<P, Y, false> { x: self.x, y: self.y, range, base }),
            Some(_) => self.isa.run(FindLargest::<P, Y, true> { x: self.x, y: self.y, range, base }),
        }
    }
}

impl<P: Positions, Y: Value> Series for Scan<'_, P, Y> {
    type X = P::X;
    type Error = Stop;

    fn point(&mut self, index: usize) -> Result<(P::X, f64), Stop> {
        Ok((self.x.get(index), self.y[index].into()))
    }

    fn nth(&mut self, run: &Run, rank: usize) -> Result<usize, Stop> {
        let Some(kept) = self.kept.filter(|_| !run.is_plain()) else { return Ok(run.start + rank) };
        if rank >= run.kept {
            return Ok(run.end);
        }
        let wanted = self.kept_before(kept, run.start) + rank;
        let block = kept.before.partition_point(|&before| before <= wanted) - 1;
        let mut left = wanted - kept.before[block];
        let found = (block * BLOCK..run.end).filter(|&index| self.is_kept(index)).find(|_| {
            left = left.wrapping_sub(1);
            left == usize::MAX
        });
        Ok(found.unwrap_or(run.end))
    }

    fn rank(&mut self, run: &Run, index: usize) -> Result<usize, Stop> {
        Ok(match self.kept.filter(|_| !run.is_plain()) {
            None => index - run.start,
            Some(kept) => self.kept_before(kept, index) - self.kept_before(kept, run.start),
        })
    }

    fn all(&mut self, run: &Run, out: &mut Vec<usize>) -> Result<(), Stop> {
        out.extend((run.start..run.end).filter(|&index| self.is_kept(index)));
        Ok(())
    }

    fn sums(
        &mut self,
        run: &Run,
        slot: usize,
        ranges: &[Range<usize>],
        origins: &[P::X],
        sums: &mut [Sum],
    ) -> Result<(), Stop> {
        let (found, within) = match self.kept {
            None => self.sum_up::<false>(slot, (run.start, ranges), origins),
            Some(_) => self.sum_up::<true>(slot, (run.start, ranges), origins),
        };
        // A sum that is not finite tells of a missing point, or of an overflow, which only a census tells apart.
        let finite = found[..ranges.len()].iter().all(|sum| sum.x.is_finite() && sum.y.is_finite());
        if self.steps.is_some() && !(within && finite) {
            return Err(Stop::Unclean);
        }
        sums[..ranges.len()].copy_from_slice(&found[..ranges.len()]);
        Ok(())
    }

    fn largest(
        &mut self,
        _: &Run,
        slot: usize,
        range: Range<usize>,
        base: &Base<P::X>,
    ) -> Result<Largest, Stop> {
        if self.boxes[slot].starts.is_empty() {
            return Ok(self.find_largest(range, base));
        }
        let Boxes { starts, x0, x1, y0, y1 } = &self.boxes[slot];
        let (mut bounds, mut rest) = (core::mem::take(&mut self.bounds), core::mem::take(&mut self.rest));
        self.isa.run(Bound { base, x0, x1, y0, y1, out: &mut bounds });
        let mut best = Largest::NONE;
        largest_in_boxes::<Stop>(&mut best, &bounds, &mut rest, |i| {
            let end = starts.get(i + 1).map_or(range.end, |&next| next);
            Ok(self.find_largest(starts[i]..end, base))
        })?;
        (self.bounds, self.rest) = (bounds, rest);
        Ok(best)
    }

    fn extremes(&mut self, run: &Run, ranges: &[Range<usize>]) -> Result<Vec<Extremes>, Stop> {
        let find = |this: &Self, ranges: &[Range<usize>]| -> Result<Vec<_>, _> {
            ranges.iter().map(|range| this.extremes_of(run, range.clone())).collect()
        };
        let workers = self.forks(threads::worth(self.threads, run.kept).min(ranges.len()));
        threads::in_parts(workers, ranges, |ranges| find(self, ranges), |this, ranges| find(&this, ranges))
    }

    fn walk(&mut self, run: &Run, buckets: &Buckets, out: &mut Vec<usize>) -> Result<(), Stop> {
        let walkers = self.forks(threads::walks(threads::worth(self.threads, run.kept), buckets));
        threads::walk(self, walkers, run, buckets, out)
    }
}

impl<P: Positions, Y: Value> Scan<'_, P, Y> {
    fn extremes_of(&self, run: &Run, range: Range<usize>) -> Result<Extremes, Stop> {
        let steps = self.steps.map(|limit| (limit, run.start));
        let (x, y) = (self.x, self.y);
        let (found, clean) = match self.kept {
            None => self.isa.run(FindExtremes::<P, Y, false> { x, y, range, steps }),
            Some(_) => self.isa.run(FindExtremes::<P, Y, true> { x, y, range, steps }),
        };
        if self.steps.is_some() && !clean { Err(Stop::Unclean) } else { Ok(found) }
    }

    fn kept_before(&self, kept: &Kept, index: usize) -> usize {
        let block = index / BLOCK;
        kept.before[block] + (block * BLOCK..index).filter(|&index| self.is_kept(index)).count()
    }
}
