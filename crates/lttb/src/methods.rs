//! The methods, over any series.

use alloc::vec::Vec;
use core::ops::Range;

use crate::coordinate::CoordinateOps;
use crate::kernel::{Base, SIDE_BY_SIDE, Sum};
use crate::series::{Run, SLOTS, Series};

/// The buckets of LTTB: their edges are computed in f64, as in the reference.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buckets {
    kept: usize,
    every: f64,
    /// How many a point is chosen from.
    pub(crate) count: usize,
}

impl Buckets {
    /// For `n` of `kept` points, 2 < n < kept.
    pub(crate) fn new(kept: usize, n: usize) -> Self {
        Self { kept, every: (kept - 2) as f64 / (n - 2) as f64, count: n - 2 }
    }

    /// The rank of a point that might be chosen just before a bucket.
    pub(crate) fn guess(&self, bucket: usize) -> usize {
        if bucket == 0 { 0 } else { self.edge(bucket) - 1 }
    }

    /// The rank of the first point of a bucket.
    fn edge(&self, bucket: usize) -> usize {
        (((bucket as f64 * self.every) as usize).saturating_add(1)).min(self.kept)
    }
}

/// A bucket on its way through the algorithm.
#[derive(Clone, Debug)]
struct Bucket<X> {
    range: Range<usize>,
    origin: X,
    sum: Sum,
}

/// Chooses a point of each of `buckets`, beginning after the chosen point `before`.
///
/// `same` is asked after each choice whether it leads where somebody has been before, and stops the walk.
pub(crate) fn walk<S: Series>(
    series: &mut S,
    run: &Run,
    buckets: &Buckets,
    which: Range<usize>,
    before: usize,
    out: &mut Vec<usize>,
    mut same: impl FnMut(usize, usize) -> bool,
) -> Result<(), S::Error> {
    let (first, _) = series.point(run.start)?;
    let (last, _) = series.point(run.end - 1)?;
    // Offsets from the first point are exact, or the origin moves along.
    let fixed = S::X::is_exact(first, last);
    let mut edge = series.nth(run, buckets.edge(which.start))?;
    let mut queue: [Option<Bucket<S::X>>; SLOTS] = [const { None }; SLOTS];
    let mut ready = which.start;
    let mut a = before;
    for bucket in which.clone() {
        // The sums of this bucket and of the next one.
        while ready < (bucket + 2).min(which.end + 1) {
            let mut ranges: [Range<usize>; SIDE_BY_SIDE] = Default::default();
            let mut origins = [first; SIDE_BY_SIDE];
            // The last bucket of all has the last point alone: too short to be summed side by side.
            let most = if ready == buckets.count { 1 } else { SIDE_BY_SIDE.min(buckets.count - ready) };
            let most = most.min(which.end + 1 - ready);
            for i in 0..most {
                let end = series.nth(run, buckets.edge(ready + i + 1))?;
                if !fixed {
                    origins[i] = series.point(edge)?.0;
                }
                ranges[i] = edge..end;
                edge = end;
            }
            let mut sums = [Sum::default(); SIDE_BY_SIDE];
            // A group begins at a multiple of its size, so it never wraps around the slots.
            let slot = (ready - which.start) % SLOTS;
            series.sums(run, slot, &ranges[..most], &origins[..most], &mut sums)?;
            for (i, (range, origin)) in ranges.into_iter().zip(origins).take(most).enumerate() {
                queue[slot + i] = Some(Bucket { range, origin, sum: sums[i] });
                ready += 1;
            }
        }
        let slot = (bucket - which.start) % SLOTS;
        let (Some(this), Some(next)) = (&queue[slot], &queue[(slot + 1) % SLOTS]) else {
            unreachable!("two buckets are ready")
        };
        let (ax, ay) = series.point(a)?;
        let mean = (next.sum.x / next.sum.kept as f64, next.sum.y / next.sum.kept as f64);
        let base = if fixed {
            Base::new(first, (ax.offset(first), ay), mean)
        } else {
            Base::new(ax, (0.0, ay), (next.origin.offset(ax) + mean.0, mean.1))
        };
        let largest = series.largest(run, slot, this.range.clone(), &base)?;
        // Where every area overflows to NaN, the first point is as good as any.
        a = if largest.area >= 0.0 { largest.index } else { this.range.start };
        out.push(a);
        if same(bucket, a) {
            break;
        }
    }
    Ok(())
}

/// Appends all kept points of a run.
pub(crate) fn all<S: Series>(series: &mut S, run: &Run, out: &mut Vec<usize>) -> Result<(), S::Error> {
    if run.is_plain() {
        out.extend(run.start..run.end);
        return Ok(());
    }
    series.all(run, out)
}

/// What every method does when there is little to choose; whether that was so.
pub(crate) fn trivial<S: Series>(
    series: &mut S,
    run: &Run,
    n: usize,
    out: &mut Vec<usize>,
) -> Result<bool, S::Error> {
    match n {
        _ if n == 0 || run.kept == 0 => {}
        _ if n >= run.kept => all(series, run, out)?,
        1 => out.push(run.start),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Largest triangle, three buckets.
pub(crate) fn lttb<S: Series>(
    series: &mut S,
    run: &Run,
    n: usize,
    out: &mut Vec<usize>,
) -> Result<(), S::Error> {
    if trivial(series, run, n, out)? {
        return Ok(());
    }
    out.push(run.start);
    if n > 2 {
        series.walk(run, &Buckets::new(run.kept, n), out)?;
    }
    out.push(run.end - 1);
    Ok(())
}

/// The points that MinMax and M4 take of a bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Extremes,
    ExtremesAndEnds,
}

/// Takes the extremes of bins of equal numbers of points; of ranks `ranks` of a run, 1 < n < ranks.len().
///
/// Exactly `n` points: where those of a bin coincide, others are put where most are left out.
pub(crate) fn extremes<S: Series>(
    series: &mut S,
    run: &Run,
    ranks: Range<usize>,
    n: usize,
    keep: Keep,
    out: &mut Vec<usize>,
) -> Result<(), S::Error> {
    let a_bin = if keep == Keep::Extremes { 2 } else { 4 };
    let bins = (n / a_bin).max(1);
    let size = (ranks.len() - 1) as f64 / bins as f64;
    let edge = |bin: usize| match bin {
        0 => ranks.start,
        _ if bin == bins => ranks.end,
        _ => ranks.start + (size * bin as f64) as usize + 1,
    };
    let mut ranges = Vec::with_capacity(bins);
    let mut start = series.nth(run, ranks.start)?;
    for bin in 0..bins {
        let end = series.nth(run, edge(bin + 1))?;
        ranges.push(start..end);
        start = end;
    }
    let mut spare = n - (bins * a_bin).min(n);
    for (bin, found) in series.extremes(run, &ranges)?.into_iter().enumerate() {
        let (start, end) = (edge(bin), edge(bin + 1));
        // In the bin, unless the points changed since they were counted.
        let (low, high) = (series.rank(run, found.low.1)?, series.rank(run, found.high.1)?);
        let (low, high) = (low.clamp(start, end - 1), high.clamp(start, end - 1));
        let room = a_bin.min(n) + spare;
        let wanted = match keep {
            Keep::Extremes => [low, high, low, high],
            // In order of importance, should there be room for fewer.
            Keep::ExtremesAndEnds if room == 3 => [low, high, start, end - 1],
            Keep::ExtremesAndEnds => [start, end - 1, low, high],
        };
        let mut taken: Vec<usize> = Vec::with_capacity(room);
        for rank in wanted {
            if taken.len() < room && !taken.contains(&rank) {
                taken.push(rank);
            }
        }
        taken.sort_unstable();
        fill(&mut taken, start..end, room);
        spare = room - taken.len();
        for rank in taken {
            out.push(series.nth(run, rank)?);
        }
    }
    Ok(())
}

/// Adds ranks to ascending ones until there are `room`, each in the middle of the longest stretch left out.
fn fill(taken: &mut Vec<usize>, bin: Range<usize>, room: usize) {
    while taken.len() < room.min(bin.len()) {
        let (mut longest, mut place) = (bin.start..bin.start, 0);
        let mut start = bin.start;
        for (i, end) in taken.iter().copied().chain([bin.end]).enumerate() {
            if end - start > longest.len() {
                (longest, place) = (start..end, i);
            }
            start = end + 1;
        }
        taken.insert(place, longest.start + longest.len() / 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fill_halves_the_longest_stretch() {
        let mut taken = alloc::vec![0, 9];
        fill(&mut taken, 0..10, 4);
        assert_eq!(taken, [0, 3, 5, 9]);
        fill(&mut taken, 0..10, 20);
        assert_eq!(taken, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn edges_are_those_of_the_reference() {
        let buckets = Buckets::new(50, 5);
        assert_eq!([0, 1, 2, 3, 4].map(|i| buckets.edge(i)), [1, 17, 33, 49, 50]);
        // 49 times 1/49 is below 1 in f64, so the reference never looks at the point before the last.
        let short = (4..2000)
            .flat_map(|kept| (3..kept.min(200)).map(move |n| Buckets::new(kept, n)))
            .find(|buckets| buckets.edge(buckets.count) != buckets.kept - 1)
            .expect("some number of points is not a multiple in f64");
        assert_eq!(short.edge(short.count), short.kept - 2);
    }
}
