//! Where a series is cut into segments, and how many points each of them gets.

use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::downsample::{Downsample, Gaps, Method, Missing};
use crate::error::Error;
use crate::series::Run;

/// Runs of neighbours that tell the usual step, and points of each.
const SAMPLES: (usize, usize) = (64, 32);

/// A step that breaks the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Grows with its width, and is the same for gaps about as wide.
    class: u64,
    /// The point before it, and the one after it.
    before: usize,
    after: usize,
}

/// The widest gaps that were seen.
///
/// Widths that differ by less than some 3 % are one class, as steps in floats are never equal quite. Of the class
/// that has more gaps than there is room for, those kept are spread evenly among them, so that no part of a series
/// is cut to pieces while another is not cut at all. Never more than a few times as many as wanted are in memory.
#[derive(Debug)]
pub(crate) struct Widest {
    most: usize,
    /// In order. Of the narrowest class that still has a chance there is only each `stride`-th.
    gaps: Vec<Gap>,
    narrowest: u64,
    /// How many gaps of the narrowest class were seen.
    seen: usize,
    stride: usize,
}

/// Bits of an f64 below the five that tell classes in each power of two.
const CLASS_SHIFT: u32 = 52 - 5;

impl Widest {
    /// For `n` points, of which at most half go into the `least` points that each segment has; `all` where there are no
    /// more points than that, and no gap costs any.
    pub(crate) fn of(n: usize, least: usize, all: bool) -> Self {
        let most = if all { usize::MAX } else { (n / (2 * least)).saturating_sub(1) };
        Self { most, gaps: Vec::new(), narrowest: 0, seen: 0, stride: 1 }
    }

    /// Takes the next gap, which lies behind those before.
    pub(crate) fn see(&mut self, before: usize, after: usize, width: f64) {
        // Rounded, so that round widths are in the middle of a class.
        let class = (width.max(0.0).to_bits() + (1 << (CLASS_SHIFT - 1))) >> CLASS_SHIFT;
        if self.most == 0 || class < self.narrowest {
            return;
        }
        if class == self.narrowest {
            self.seen += 1;
            if !(self.seen - 1).is_multiple_of(self.stride) {
                return;
            }
        }
        self.gaps.push(Gap { class, before, after });
        if self.gaps.len() > self.most.saturating_mul(6) {
            self.thin();
        }
    }

    /// Leaves out gaps that cannot be among the widest: at most three times as many as wanted are left.
    fn thin(&mut self) {
        let mut classes: Vec<u64> = self.gaps.iter().map(|gap| gap.class).collect();
        let narrowest = *classes.select_nth_unstable_by_key(self.most - 1, |&class| Reverse(class)).1;
        if narrowest > self.narrowest {
            self.gaps.retain(|gap| gap.class >= narrowest);
            let seen = self.gaps.iter().filter(|gap| gap.class == narrowest).count();
            (self.narrowest, self.seen, self.stride) = (narrowest, seen, 1);
        }
        let mut left = self.gaps.iter().filter(|gap| gap.class == narrowest).count();
        while left > 2 * self.most {
            let mut place = 0;
            self.gaps.retain(|gap| {
                place += usize::from(gap.class == narrowest);
                gap.class > narrowest || place % 2 == 1
            });
            left = left.div_ceil(2);
            self.stride *= 2;
        }
    }

    /// Segments of a whole run, as first and last points; in order.
    pub(crate) fn cut(mut self, run: &Run) -> Vec<(usize, usize)> {
        if self.gaps.len() > self.most {
            let mut classes: Vec<u64> = self.gaps.iter().map(|gap| gap.class).collect();
            let narrowest = *classes.select_nth_unstable_by_key(self.most - 1, |&class| Reverse(class)).1;
            let wider = self.gaps.iter().filter(|gap| gap.class > narrowest).count();
            let of_class = self.gaps.iter().filter(|gap| gap.class == narrowest).count();
            let room = self.most - wider;
            // The places of `room` gaps among those of the class: the middles of equal parts.
            let (mut place, mut taken) = (0, 0);
            self.gaps.retain(|gap| {
                if gap.class != narrowest {
                    return gap.class > narrowest;
                }
                let is_next = taken < room && place == (2 * taken + 1) * of_class / (2 * room);
                place += 1;
                taken += usize::from(is_next);
                is_next
            });
        }
        let mut segments = Vec::with_capacity(self.gaps.len() + 1);
        let mut first = run.start;
        for gap in self.gaps {
            segments.push((first, gap.before));
            first = gap.after;
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

    /// How many points a segment has at least, if it has as many: its ends, and what MinMax and M4 are asked for.
    pub(crate) fn least(&self) -> usize {
        match self.method {
            Method::MinMax | Method::M4 => 4,
            Method::Lttb | Method::MinMaxLttb { .. } => 2,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        match (self.gaps, self.method) {
            (Gaps::Over(found), _) if found.is_nan() || found <= 0.0 => Err(Error::GapWidth { found }),
            (_, Method::MinMaxLttb { ratio: found }) if found < 2 => Err(Error::Ratio { found }),
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

/// Shares `n` points among segments by their lengths: at least `least` each (all of a shorter one), never more
/// than there are, `n` in all. The largest remainders get what is left, of equal ones the first.
pub(crate) fn shares(lengths: &[usize], n: usize, least: usize) -> Vec<usize> {
    let mut by_length: Vec<usize> = (0..lengths.len()).collect();
    by_length.sort_unstable_by_key(|&i| lengths[i]);
    let mut shares: Vec<usize> = lengths.iter().map(|&len| len.min(least)).collect();
    // The short ones, whose share would be less than the least; the others share the rest in exact proportion.
    let mut points: usize = lengths.iter().sum();
    let mut rest = n.min(points);
    let short = by_length.iter().take_while(|&&i| {
        let is_short = shares[i] as u128 * points as u128 >= lengths[i] as u128 * rest as u128;
        if is_short {
            rest = rest.saturating_sub(shares[i]);
            points -= lengths[i];
        }
        is_short
    });
    let others = by_length.split_at(short.count()).1;
    let mut remainders = Vec::with_capacity(others.len());
    let mut left = rest;
    for &i in others {
        let parts = lengths[i] as u128 * rest as u128;
        shares[i] = (parts / points as u128) as usize;
        left -= shares[i];
        remainders.push((Reverse(parts % points as u128), i));
    }
    remainders.sort_unstable();
    for &(_, i) in remainders.iter().take(left) {
        shares[i] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_shared_by_length_and_none_is_lost() {
        assert_eq!(shares(&[18_000, 19_727], 1000, 2), [477, 523]);
        assert_eq!(shares(&[1, 1, 1], 9, 2), [1, 1, 1]);
        assert_eq!(shares(&[1, 2, 10], 8, 2), [1, 2, 5]);
        assert_eq!(shares(&[3, 3, 3], 8, 2), [3, 3, 2]);
        assert_eq!(shares(&[10_000, 30, 30, 30_000], 400, 4), [98, 4, 4, 294]);
        for least in [2, 4] {
            for n in 4..40 {
                let lengths = [7, 1, 20, 12];
                let n = n.max(4 * least);
                let shared = shares(&lengths, n, least);
                assert_eq!(shared.iter().sum::<usize>(), n);
                assert!(
                    shared.iter().zip(lengths).all(|(&share, len)| share <= len && share >= len.min(least))
                );
            }
        }
    }

    #[test]
    fn short_segments_take_at_most_half_of_the_points_of_a_long_one() {
        let lengths: Vec<usize> = core::iter::once(150_000).chain((0..249).map(|i| 100 + i % 3)).collect();
        let total: usize = lengths.iter().sum();
        let shared = shares(&lengths, 1000, 2);
        assert_eq!(shared.iter().sum::<usize>(), 1000);
        assert!(shared[0] * total >= 1000 * 150_000 / 2, "{}", shared[0]);
        assert!(shared[1..].iter().all(|&share| share == 2));
    }

    #[test]
    fn narrow_gaps_are_bridged_when_their_ends_would_take_most_points() {
        let cut = |n, least| {
            let mut widest = Widest::of(n, least, false);
            for (before, width) in [(1, 3.0), (3, 9.0), (5, 4.0), (7, 9.0), (8, 1.0)] {
                widest.see(before, before + 1, width);
            }
            widest.cut(&Run { start: 0, end: 20, kept: 20 })
        };
        assert_eq!(cut(12, 2), [(0, 3), (4, 7), (8, 19)]);
        assert_eq!(cut(24, 4), [(0, 3), (4, 7), (8, 19)]);
        assert_eq!(cut(16, 2), [(0, 3), (4, 5), (6, 7), (8, 19)]);
        assert_eq!(cut(7, 2), [(0, 19)]);
    }

    #[test]
    fn of_equally_wide_gaps_those_kept_are_spread_evenly() {
        for gaps in [20, 99, 100, 101, 250, 1000, 77_777] {
            for wider in [0, 3, 40] {
                let mut widest = Widest::of(404, 2, false);
                for i in 0..gaps {
                    // Steps of floats, now and then a wide one, and some that are narrower than all.
                    let noise = 1.0 + (i * 7919 % 1013) as f64 * 1e-12;
                    let is_wide = wider > 0 && i % (gaps / wider).max(1) == 0;
                    widest.see(100 * i, 100 * i + 2, if is_wide { 50.0 } else { 2.0 } * noise);
                    widest.see(100 * i + 50, 100 * i + 52, 1.5);
                }
                let segments = widest.cut(&Run { start: 0, end: 100 * gaps + 60, kept: 98 * gaps });
                assert_eq!(segments.len(), 1 + 100.min(2 * gaps), "{gaps} {wider}");
                if gaps <= 100 || wider > 3 {
                    continue;
                }
                let longest = segments.iter().map(|(first, last)| last - first).max().unwrap();
                assert!(longest <= 100 * gaps / 100 * 3 + 100, "{gaps} {wider}: {longest}");
            }
        }
    }

    #[test]
    fn samples_are_spread_from_the_first_to_the_last_point() {
        assert_eq!(samples(100).collect::<Vec<_>>(), [(0, 100)]);
        let of_many: Vec<_> = samples(1_000_000).collect();
        assert_eq!(of_many.len(), 64);
        assert_eq!((of_many[0], of_many[63]), ((0, 32), (999_968, 32)));
    }
}
