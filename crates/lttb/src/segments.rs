//! Where a series is cut into segments, and how many points each of them gets.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::downsample::{Downsample, Gaps, Missing};
use crate::error::Error;
use crate::series::Run;

/// Runs of neighbours that tell the usual step, and points of each.
const SAMPLES: (usize, usize) = (64, 32);

/// A step that breaks the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gap {
    /// Bits of the width, which is not negative: they are ordered like it.
    width: u64,
    /// The point after it; of gaps of one width the first counts as wider.
    after: Reverse<usize>,
    /// The point before it.
    before: usize,
}

/// The widest gaps that were seen.
pub(crate) struct Widest {
    most: usize,
    gaps: BinaryHeap<Reverse<Gap>>,
}

impl Widest {
    /// For `n` points: each segment has room for two of them.
    pub(crate) fn of(n: usize) -> Self {
        Self { most: (n / 2).saturating_sub(1), gaps: BinaryHeap::new() }
    }

    pub(crate) fn see(&mut self, before: usize, after: usize, width: f64) {
        let gap = Gap { width: width.max(0.0).to_bits(), after: Reverse(after), before };
        self.gaps.push(Reverse(gap));
        if self.gaps.len() > self.most {
            self.gaps.pop();
        }
    }

    /// Segments of a whole run, as first and last points; in order.
    pub(crate) fn cut(self, run: &Run) -> Vec<(usize, usize)> {
        let mut gaps: Vec<Gap> = self.gaps.into_iter().map(|Reverse(gap)| gap).collect();
        gaps.sort_unstable_by_key(|gap| gap.before);
        let mut segments = Vec::with_capacity(gaps.len() + 1);
        let mut first = run.start;
        for gap in gaps {
            segments.push((first, gap.before));
            first = gap.after.0;
        }
        segments.push((first, run.end - 1));
        segments
    }
}

impl Downsample {
    /// Whether the line may break.
    pub(crate) fn breaks(&self) -> bool {
        self.gaps != Gaps::None || self.missing == Missing::Break
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        match (self.gaps, self.method) {
            (Gaps::Over(found), _) if found.is_nan() || found <= 0.0 => Err(Error::GapWidth { found }),
            (_, crate::Method::MinMaxLttb { ratio: found }) if found < 2 => Err(Error::Ratio { found }),
            _ => Ok(()),
        }
    }

    /// The widest step that is no gap, for `n` of `points` points, with the usual step if it is asked for.
    pub(crate) fn gap_width<E>(
        &self,
        n: usize,
        points: usize,
        usual: impl FnOnce() -> Result<Option<Usual>, E>,
    ) -> Result<f64, E> {
        Ok(match self.gaps {
            Gaps::None => f64::INFINITY,
            Gaps::Over(width) => width,
            Gaps::Auto => match usual()? {
                Some(Usual { step, share }) => {
                    let room = 4.0 * share * points as f64 / n as f64;
                    step * room.max(10.0)
                }
                None => f64::INFINITY,
            },
        })
    }
}

/// The places of the runs that tell the usual step among `points`: first point and length.
pub(crate) fn samples(points: usize) -> impl Iterator<Item = (usize, usize)> {
    let (runs, len) = SAMPLES;
    let all = points <= runs * len;
    let runs = if all { 1 } else { runs };
    let len = if all { points } else { len };
    (0..runs)
        .map(move |run| (((points - len) as u128 * run as u128 / (runs.max(2) - 1) as u128) as usize, len))
}

/// What is usual of the steps between neighbours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usual {
    /// The median of those that go on at all; of an even number the upper one.
    pub(crate) step: f64,
    /// How many of all they are.
    pub(crate) share: f64,
}

impl Usual {
    pub(crate) fn of(mut steps: Vec<f64>) -> Option<Self> {
        let all = steps.len();
        steps.retain(|&step| step > 0.0);
        if steps.is_empty() {
            return None;
        }
        let (share, middle) = (steps.len() as f64 / all as f64, steps.len() / 2);
        Some(Self { step: *steps.select_nth_unstable_by(middle, f64::total_cmp).1, share })
    }
}

/// Shares `n` points among segments by their lengths: at least two each (one for a single point), never more
/// than there are, `n` in all. The largest remainders get what is left, of equal ones the first.
pub(crate) fn shares(lengths: &[usize], n: usize) -> Vec<usize> {
    let least = |len: usize| len.min(2);
    let ends: usize = lengths.iter().map(|&len| least(len)).sum();
    let inner: usize = lengths.iter().map(|&len| len - least(len)).sum();
    let rest = n.saturating_sub(ends).min(inner);
    let mut shares: Vec<usize> = Vec::with_capacity(lengths.len());
    let mut remainders = Vec::with_capacity(lengths.len());
    for (i, &len) in lengths.iter().enumerate() {
        let parts = rest as u128 * (len - least(len)) as u128;
        let inner = inner.max(1) as u128;
        shares.push(least(len) + (parts / inner) as usize);
        remainders.push((Reverse(parts % inner), i));
    }
    let left = (ends + rest) - shares.iter().sum::<usize>();
    remainders.sort_unstable();
    for &(_, i) in &remainders[..left] {
        shares[i] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_shared_by_length_and_none_is_lost() {
        assert_eq!(shares(&[18_000, 19_727], 1000), [477, 523]);
        assert_eq!(shares(&[1, 1, 1], 9), [1, 1, 1]);
        assert_eq!(shares(&[1, 2, 10], 8), [1, 2, 5]);
        assert_eq!(shares(&[3, 3, 3], 8), [3, 3, 2]);
        for n in 4..40 {
            let lengths = [7, 1, 20, 12];
            let shared = shares(&lengths, n.max(7));
            assert_eq!(shared.iter().sum::<usize>(), n.max(7));
            assert!(shared.iter().zip(lengths).all(|(&share, len)| share <= len));
        }
    }

    #[test]
    fn narrow_gaps_are_bridged_when_segments_outnumber_points() {
        let mut widest = Widest::of(6);
        for (before, width) in [(1, 3.0), (3, 9.0), (5, 4.0), (7, 9.0), (8, 1.0)] {
            widest.see(before, before + 1, width);
        }
        assert_eq!(widest.cut(&Run { start: 0, end: 20, kept: 20 }), [(0, 3), (4, 7), (8, 19)]);
    }

    #[test]
    fn samples_are_spread_from_the_first_to_the_last_point() {
        assert_eq!(samples(100).collect::<Vec<_>>(), [(0, 100)]);
        let of_many: Vec<_> = samples(1_000_000).collect();
        assert_eq!(of_many.len(), 64);
        assert_eq!((of_many[0], of_many[63]), ((0, 32), (999_968, 32)));
    }
}
