//! A zone-mapped series, of which as little is read as will do.

use alloc::vec::Vec;
use core::ops::Range;

use crate::coordinate::{Coordinate, CoordinateOps, Counted, Positions, Value};
use crate::kernel::{
    Base, Bound, Extremes, FindExtremes, FindLargest, Highest, Isa, Largest, Lowest, SIDE_BY_SIDE, Sum, SumUp,
};
use crate::methods::Buckets;
use crate::series::{Run, Series, largest_in_boxes};
use crate::threads;
use crate::zone::map::ZoneMap;
use crate::zone::samples::{Samples, ZoneError};

/// The map and its points.
pub(crate) struct Zoned<'a, S: Samples> {
    map: &'a ZoneMap<S::X>,
    samples: &'a mut S,
    isa: Isa,
    /// How many threads may read; 0 is one for each processor.
    threads: usize,
    bounds: Vec<f64>,
    /// Room for boxes that are still to be looked into, with their bounds.
    rest: Vec<(f64, usize)>,
    /// First and last x of blocks of a regular series.
    ends: (Vec<S::X>, Vec<S::X>),
}

/// Index, x and y of a point that is not missing.
type Kept<X> = (usize, X, f64);

/// A loop over the points of a part of a block; x and y begin at its first point.
trait OverPart<X: Coordinate, Y> {
    type Out;
    fn over<P: Positions<X = X>>(self, isa: Isa, x: P, y: &[Y]) -> Self::Out;
}

impl<'a, S: Samples> Zoned<'a, S> {
    pub(crate) fn new(map: &'a ZoneMap<S::X>, samples: &'a mut S, isa: Isa, threads: usize) -> Self {
        Self { map, samples, isa, threads, bounds: Vec::new(), rest: Vec::new(), ends: Default::default() }
    }

    /// The points for so many threads; none where one thread must do.
    fn forks(&self, threads: usize) -> Vec<S> {
        let forks = if threads < 2 { None } else { (0..threads).map(|_| self.samples.fork()).collect() };
        forks.unwrap_or_default()
    }

    fn over<W: OverPart<S::X, S::Y>>(
        &mut self,
        range: Range<usize>,
        work: W,
    ) -> Result<W::Out, ZoneError<S::Error>> {
        let (x, y) = self.samples.read(range.clone()).map_err(ZoneError::Read)?;
        if y.len() != range.len() || (!self.map.regular && x.len() != range.len()) {
            return Err(crate::Error::Stale { index: range.start }.into());
        }
        Ok(match self.map.regular {
            true => work.over(self.isa, Counted::from(range.start), y),
            false => work.over(self.isa, x, y),
        })
    }

    /// Whether every point of a block is kept.
    fn is_plain(&self, block: usize) -> bool {
        usize::from(self.map.blocks.kept[block]) == self.map.block(block).len()
    }

    /// The kept points of a part of a block, with their x and y.
    pub(crate) fn kept_in(&mut self, range: Range<usize>) -> Result<Vec<Kept<S::X>>, ZoneError<S::Error>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        struct Keep;
        impl<X: Coordinate, Y: Value> OverPart<X, Y> for Keep {
            type Out = Vec<Kept<X>>;
            fn over<P: Positions<X = X>>(self, _: Isa, x: P, y: &[Y]) -> Self::Out {
                let points = y.iter().enumerate().map(|(i, &y)| (i, x.get(i), y.into()));
                points.filter(|(_, x, y)| x.is_finite() && y.is_finite()).collect()
            }
        }
        let mut kept = self.over(range.clone(), Keep)?;
        kept.iter_mut().for_each(|(i, ..)| *i += range.start);
        Ok(kept)
    }

    /// How many points are kept before this one.
    ///
    /// Never fewer than before an earlier point, nor more of them between the two than there are: a map that
    /// counts otherwise is [`Stale`](crate::Error::Stale).
    pub(crate) fn kept_before(&mut self, index: usize) -> Result<usize, ZoneError<S::Error>> {
        if index >= self.map.points() {
            return Ok(self.map.kept());
        }
        let block = self.map.block_of(index);
        let Range { start, end } = self.map.block(block);
        let within = if self.is_plain(block) { index - start } else { self.kept_in(start..index)?.len() };
        match usize::from(self.map.blocks.kept[block]).checked_sub(within) {
            Some(after) if after <= end - index => Ok(self.map.kept_before[block] + within),
            _ => Err(crate::Error::Stale { index: start }.into()),
        }
    }

    /// The kept points of a whole block, as many as the map counts.
    fn counted(&mut self, block: usize) -> Result<Vec<Kept<S::X>>, ZoneError<S::Error>> {
        let range = self.map.block(block);
        let start = range.start;
        let kept = self.kept_in(range)?;
        match kept.len() == usize::from(self.map.blocks.kept[block]) {
            true => Ok(kept),
            false => Err(crate::Error::Stale { index: start }.into()),
        }
    }

    /// The kept point that has as many before it; the end of the series for all.
    pub(crate) fn kept_at(&mut self, before: usize) -> Result<usize, ZoneError<S::Error>> {
        if before >= self.map.kept() {
            return Ok(self.map.points());
        }
        let block = self.map.kept_before.partition_point(|&kept| kept <= before) - 1;
        let left = before - self.map.kept_before[block];
        if self.is_plain(block) {
            return Ok(self.map.block(block).start + left);
        }
        Ok(self.counted(block)?[left].0)
    }

    /// Cuts a range into a part of a block, whole blocks, and a part of a block.
    fn cut(&self, range: &Range<usize>) -> Cut {
        if range.is_empty() {
            return Cut { head: range.clone(), blocks: 0..0, tail: range.end..range.end };
        }
        let (first, last) = (self.map.block_of(range.start), self.map.block_of(range.end - 1));
        let (first_block, last_block) = (self.map.block(first), self.map.block(last));
        let begins = range.start == first_block.start;
        let ends = range.end == last_block.end;
        match (begins, ends) {
            (true, true) => {
                Cut { head: range.start..range.start, blocks: first..last + 1, tail: range.end..range.end }
            }
            _ if first == last => Cut { head: range.clone(), blocks: 0..0, tail: range.end..range.end },
            _ => {
                let head = if begins { range.start..range.start } else { range.start..first_block.end };
                let tail = if ends { range.end..range.end } else { last_block.start..range.end };
                Cut { head, blocks: first + usize::from(!begins)..last + usize::from(ends), tail }
            }
        }
    }

    fn sum_of_part(
        &mut self,
        range: Range<usize>,
        plain: bool,
        origin: S::X,
    ) -> Result<Sum, ZoneError<S::Error>> {
        struct Add<X> {
            plain: bool,
            origin: X,
        }
        impl<X: Coordinate, Y: Value> OverPart<X, Y> for Add<X> {
            type Out = Sum;
            fn over<P: Positions<X = X>>(self, isa: Isa, x: P, y: &[Y]) -> Sum {
                let (range, origins) = (0..y.len(), [self.origin]);
                let (ranges, origins, boxes) = (core::slice::from_ref(&range), &origins[..], &mut [][..]);
                let (sums, _) = match self.plain {
                    true => {
                        isa.run(SumUp::<P, Y, false> { x, y, ranges, origins, piece: 0, boxes, steps: None })
                    }
                    false => {
                        isa.run(SumUp::<P, Y, true> { x, y, ranges, origins, piece: 0, boxes, steps: None })
                    }
                };
                sums[0]
            }
        }
        if range.is_empty() { Ok(Sum::default()) } else { self.over(range, Add { plain, origin }) }
    }

    /// The sum of whole blocks.
    fn sum_of_blocks(&self, blocks: Range<usize>, origin: S::X, sum: &mut Sum) {
        let known = &self.map.blocks;
        for block in blocks {
            let kept = f64::from(known.kept[block]);
            sum.kept += usize::from(known.kept[block]);
            sum.y += known.sum_y[block];
            sum.x += if self.map.regular {
                let start = S::X::from_bits(self.map.block(block).start as u64);
                f64::from(known.places[block]) + kept * start.offset(origin)
            } else if S::X::RELATIVE {
                known.sum_x[block] + kept * known.x0[block].offset(origin)
            } else {
                known.sum_x[block]
            };
        }
    }

    fn largest_of_part(
        &mut self,
        range: Range<usize>,
        plain: bool,
        base: &Base<S::X>,
    ) -> Result<Largest, ZoneError<S::Error>> {
        struct Find<'a, X> {
            plain: bool,
            base: &'a Base<X>,
        }
        impl<X: Coordinate, Y: Value> OverPart<X, Y> for Find<'_, X> {
            type Out = Largest;
            fn over<P: Positions<X = X>>(self, isa: Isa, x: P, y: &[Y]) -> Largest {
                let (range, base) = (0..y.len(), self.base);
                match self.plain {
                    true => isa.run(FindLargest::<P, Y, false> { x, y, range, base }),
                    false => isa.run(FindLargest::<P, Y, true> { x, y, range, base }),
                }
            }
        }
        if range.is_empty() {
            return Ok(Largest::NONE);
        }
        let start = range.start;
        let found = self.over(range, Find { plain, base })?;
        Ok(Largest { index: found.index.saturating_add(start), ..found })
    }

    fn extremes_of_part(
        &mut self,
        range: Range<usize>,
        plain: bool,
    ) -> Result<Extremes, ZoneError<S::Error>> {
        struct Find {
            plain: bool,
        }
        impl<X: Coordinate, Y: Value> OverPart<X, Y> for Find {
            type Out = Extremes;
            fn over<P: Positions<X = X>>(self, isa: Isa, x: P, y: &[Y]) -> Extremes {
                let range = 0..y.len();
                match self.plain {
                    true => isa.run(FindExtremes::<P, Y, false> { x, y, range, steps: None }).0,
                    false => isa.run(FindExtremes::<P, Y, true> { x, y, range, steps: None }).0,
                }
            }
        }
        if range.is_empty() {
            return Ok(Extremes::NONE);
        }
        let start = range.start;
        let Extremes { low, high } = self.over(range, Find { plain })?;
        let shifted = |(value, index): (f64, usize)| (value, index.saturating_add(start));
        Ok(Extremes { low: shifted(low), high: shifted(high) })
    }

    fn extremes_of(&mut self, run: &Run, range: &Range<usize>) -> Result<Extremes, ZoneError<S::Error>> {
        let Cut { head, blocks, tail } = self.cut(range);
        let mut all = self.extremes_of_part(head, run.is_plain())?;
        let map = self.map;
        if let Some((low, block)) = self.lowest(&map.blocks.y0, &blocks)
            && low < all.low.0
        {
            all.low = self.extremes_of_part(map.block(block), self.is_plain(block))?.low;
        }
        if let Some((high, block)) = self.highest(&map.blocks.y1, &blocks)
            && high > all.high.0
        {
            all.high = self.extremes_of_part(map.block(block), self.is_plain(block))?.high;
        }
        all.then(self.extremes_of_part(tail, run.is_plain())?);
        if all.low.1 >= range.end || all.high.1 >= range.end {
            return Err(crate::Error::Stale { index: range.start }.into());
        }
        Ok(all)
    }

    /// Bounds of the areas in whole blocks, in `self.bounds`.
    fn bound(&mut self, blocks: Range<usize>, base: &Base<S::X>) {
        let known = &self.map.blocks;
        let (mut x0, mut x1) = (&known.x0[..], &known.x1[..]);
        if self.map.regular {
            self.ends.0.clear();
            self.ends.1.clear();
            for block in blocks.clone() {
                let range = self.map.block(block);
                self.ends.0.push(S::X::from_bits(range.start as u64));
                self.ends.1.push(S::X::from_bits(range.end as u64 - 1));
            }
            (x0, x1) = (&self.ends.0, &self.ends.1);
        } else {
            (x0, x1) = (&x0[blocks.clone()], &x1[blocks.clone()]);
        }
        let (y0, y1) = (&known.y0[blocks.clone()], &known.y1[blocks]);
        self.isa.run(Bound { base, x0, x1, y0, y1, out: &mut self.bounds });
    }

    /// The block with the lowest of some numbers, and of those the first.
    fn lowest(&self, of: &[f64], blocks: &Range<usize>) -> Option<(f64, usize)> {
        let values = &of[blocks.clone()];
        let low = self.isa.run(Lowest(values));
        let place = values.iter().position(|&y| y == low)?;
        low.is_finite().then_some((low, blocks.start + place))
    }

    fn highest(&self, of: &[f64], blocks: &Range<usize>) -> Option<(f64, usize)> {
        let values = &of[blocks.clone()];
        let high = self.isa.run(Highest(values));
        let place = values.iter().position(|&y| y == high)?;
        high.is_finite().then_some((high, blocks.start + place))
    }
}

struct Cut {
    head: Range<usize>,
    blocks: Range<usize>,
    tail: Range<usize>,
}

impl<S: Samples> Series for Zoned<'_, S> {
    type X = S::X;
    type Error = ZoneError<S::Error>;

    fn point(&mut self, index: usize) -> Result<(S::X, f64), Self::Error> {
        struct First;
        impl<X: Coordinate, Y: Value> OverPart<X, Y> for First {
            type Out = (X, f64);
            fn over<P: Positions<X = X>>(self, _: Isa, x: P, y: &[Y]) -> (X, f64) {
                (x.get(0), y[0].into())
            }
        }
        self.over(index..index + 1, First)
    }

    fn nth(&mut self, run: &Run, rank: usize) -> Result<usize, Self::Error> {
        if run.is_plain() {
            return Ok(run.start + rank);
        }
        if rank >= run.kept {
            return Ok(run.end);
        }
        let before = self.kept_before(run.start)?;
        self.kept_at(before + rank)
    }

    fn rank(&mut self, run: &Run, index: usize) -> Result<usize, Self::Error> {
        if run.is_plain() {
            return Ok(index - run.start);
        }
        Ok(self.kept_before(index)?.saturating_sub(self.kept_before(run.start)?))
    }

    fn all(&mut self, run: &Run, out: &mut Vec<usize>) -> Result<(), Self::Error> {
        let (first, last) = (self.map.block_of(run.start), self.map.block_of(run.end - 1));
        for block in first..last + 1 {
            let within = self.map.block(block);
            let part = within.start.max(run.start)..within.end.min(run.end);
            if self.is_plain(block) {
                out.extend(part);
            } else {
                let points = self.counted(block)?.into_iter().map(|point| point.0);
                out.extend(points.filter(|index| part.contains(index)));
            }
        }
        Ok(())
    }

    fn sums(
        &mut self,
        run: &Run,
        _: usize,
        ranges: &[Range<usize>],
        origins: &[S::X],
        sums: &mut [Sum],
    ) -> Result<(), Self::Error> {
        debug_assert!(ranges.len() <= SIDE_BY_SIDE);
        for (i, range) in ranges.iter().enumerate() {
            let Cut { head, blocks, tail } = self.cut(range);
            let mut sum = self.sum_of_part(head, run.is_plain(), origins[i])?;
            self.sum_of_blocks(blocks, origins[i], &mut sum);
            let tail = self.sum_of_part(tail, run.is_plain(), origins[i])?;
            sums[i] = Sum { x: sum.x + tail.x, y: sum.y + tail.y, kept: sum.kept + tail.kept };
        }
        Ok(())
    }

    fn largest(
        &mut self,
        run: &Run,
        _: usize,
        range: Range<usize>,
        base: &Base<S::X>,
    ) -> Result<Largest, Self::Error> {
        let Cut { head, blocks, tail } = self.cut(&range);
        let mut best = self.largest_of_part(head, run.is_plain(), base)?;
        best.or(self.largest_of_part(tail, run.is_plain(), base)?);
        self.bound(blocks.clone(), base);
        let (bounds, mut rest) = (core::mem::take(&mut self.bounds), core::mem::take(&mut self.rest));
        largest_in_boxes(&mut best, &bounds, &mut rest, |i| {
            let block = blocks.start + i;
            self.largest_of_part(self.map.block(block), self.is_plain(block), base)
        })?;
        (self.bounds, self.rest) = (bounds, rest);
        Ok(best)
    }

    fn extremes(&mut self, run: &Run, ranges: &[Range<usize>]) -> Result<Vec<Extremes>, Self::Error> {
        let mut samples = self.forks(threads::worth(self.threads, run.kept).min(ranges.len()));
        let (map, isa) = (self.map, self.isa);
        let workers = samples.iter_mut().map(|samples| Zoned::new(map, samples, isa, 1)).collect();
        let find = |zoned: &mut Zoned<'_, S>, ranges: &[Range<usize>]| -> Result<Vec<_>, _> {
            ranges.iter().map(|range| zoned.extremes_of(run, range)).collect()
        };
        let alone = |ranges: &[Range<usize>]| find(self, ranges);
        threads::in_parts(workers, ranges, alone, |mut zoned: Zoned<'_, S>, ranges| find(&mut zoned, ranges))
    }

    fn walk(&mut self, run: &Run, buckets: &Buckets, out: &mut Vec<usize>) -> Result<(), Self::Error> {
        let mut samples = self.forks(threads::walks(threads::worth(self.threads, run.kept), buckets));
        let (map, isa) = (self.map, self.isa);
        let walkers: Vec<_> = samples.iter_mut().map(|samples| Zoned::new(map, samples, isa, 1)).collect();
        threads::walk(self, walkers, run, buckets, out)
    }
}
