//! From a request to the chosen points of a window of a zone-mapped series.

use alloc::vec::Vec;
use core::ops::Range;

use crate::choose::collect_steps;
use crate::coordinate::{Axis, Coordinate, Regular};
use crate::downsample::{Chosen, Downsample, Gaps, Missing};
use crate::error::Error;
use crate::kernel::Isa;
use crate::segments::{Usual, Widest, samples as places};
use crate::series::Run;
use crate::zone::map::{SHORT, ZoneMap};
use crate::zone::samples::{Samples, ZoneError};
use crate::zone::zoned::Zoned;

/// Blocks a wanted point, below which looking at every point is as fast, and the most points to look at so.
const FEW_BLOCKS: usize = 2;
const FEW_POINTS: usize = 1 << 22;

/// A point that was passed: its index, which is not known of a block that was not read, and x.
type Seen<X> = (Option<usize>, X);

impl<X: Coordinate> ZoneMap<X> {
    /// Chooses `n` points of a window of the series the map was made of; indices are those of the series.
    ///
    /// The points are those that [`Downsample::choose`] chooses of the window alone, wherever sums of blocks
    /// are exact. Elsewhere a sum may be rounded otherwise, and of two candidates whose areas agree to
    /// rounding the other one be chosen. For MinMax and M4 there is no such difference.
    ///
    /// # Errors
    /// [`Error::Window`]; [`Error::GapWidth`], [`Error::Ratio`]; [`Error::Stale`] where points do not agree with
    /// the map, if it is noticed; [`ZoneError::Read`].
    pub fn choose<S: Samples<X = X>>(
        &self,
        samples: &mut S,
        window: Range<usize>,
        request: &Downsample,
        n: usize,
    ) -> Result<Chosen, ZoneError<S::Error>> {
        request.check()?;
        let (start, end, points) = (window.start, window.end, self.points());
        if start > end || end > points {
            return Err(Error::Window { start, end, points }.into());
        }
        if n == 0 || window.is_empty() {
            return Ok(Chosen::default());
        }
        if window.len() <= FEW_POINTS && window.len() / n < FEW_BLOCKS * Self::BLOCK {
            return self.read_and_choose(samples, window, request, n);
        }
        let mut zoned = Zoned::new(self, samples, Isa::of(request.kernels), request.threads);
        let (before, after) = (zoned.kept_before(start)?, zoned.kept_before(end)?);
        if before == after {
            return Ok(Chosen::default());
        }
        let (first, last) = (zoned.kept_at(before)?, zoned.kept_at(after - 1)?);
        let whole = Run { start: first, end: last + 1, kept: after - before };
        let mut runs = Vec::new();
        if request.breaks() {
            let width = request.gap_width(n, whole.end - whole.start, || {
                self.usual_step(&mut zoned, whole.start..whole.end)
            })?;
            let gaps = self.gaps(&mut zoned, &whole, width, request, n)?;
            for (first, last) in gaps.cut(&whole) {
                let kept = zoned.kept_before(last + 1)? - zoned.kept_before(first)?;
                runs.push(Run { start: first, end: last + 1, kept });
            }
        } else {
            runs.push(whole);
        }
        request.share(runs, n, |run, n| {
            let mut out = Vec::with_capacity(n.min(run.kept));
            request.one(&mut zoned, run, n, &mut out)?;
            Ok(out)
        })
    }

    /// Reads the whole window.
    fn read_and_choose<S: Samples<X = X>>(
        &self,
        samples: &mut S,
        window: Range<usize>,
        request: &Downsample,
        n: usize,
    ) -> Result<Chosen, ZoneError<S::Error>> {
        let mut y: Vec<S::Y> = Vec::with_capacity(window.len());
        let mut x: Vec<X> = Vec::with_capacity(if self.regular { 0 } else { window.len() });
        for range in self.pieces(window.clone()) {
            let (more_x, more_y) = samples.read(range).map_err(ZoneError::Read)?;
            x.extend_from_slice(more_x);
            y.extend_from_slice(more_y);
        }
        fn choose<A: Axis, Y: crate::Value>(
            request: &Downsample,
            x: A,
            y: &[Y],
            n: usize,
        ) -> Result<Chosen, Error> {
            request.choose(x, y, n)
        }
        let chosen = match self.regular {
            true => choose(request, Regular, &y, n),
            false => choose(request, &x, &y, n),
        };
        let mut chosen = chosen.map_err(|error| error.shifted(window.start))?;
        chosen.indices.iter_mut().for_each(|index| *index += window.start);
        Ok(chosen)
    }

    /// Cuts a range at the borders of blocks.
    fn pieces(&self, range: Range<usize>) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut start = range.start;
        core::iter::from_fn(move || {
            if start >= range.end {
                return None;
            }
            let piece = start..self.block(self.block_of(start)).end.min(range.end);
            start = piece.end;
            Some(piece)
        })
    }

    /// As for slices: the usual step in samples of a range.
    fn usual_step<S: Samples<X = X>>(
        &self,
        zoned: &mut Zoned<'_, S>,
        range: Range<usize>,
    ) -> Result<Option<Usual>, ZoneError<S::Error>> {
        let mut steps = Vec::new();
        for (place, len) in places(range.len()) {
            let start = range.start + place;
            let mut kept = Vec::with_capacity(len);
            for piece in self.pieces(start..start + len) {
                kept.extend(zoned.kept_in(piece)?.into_iter().map(|point| point.1));
            }
            collect_steps(kept.into_iter(), &mut steps);
        }
        Ok(Usual::of(steps))
    }

    /// The widest gaps of a run; only blocks that may have one are read.
    fn gaps<S: Samples<X = X>>(
        &self,
        zoned: &mut Zoned<'_, S>,
        run: &Run,
        width: f64,
        request: &Downsample,
        n: usize,
    ) -> Result<Widest, ZoneError<S::Error>> {
        let mut widest = Widest::of(n, request.least(), run.kept <= n);
        let breaks = request.missing == Missing::Break;
        if !breaks && (request.gaps == Gaps::None || width == f64::INFINITY) {
            return Ok(widest);
        }
        let limit = X::limit(width);
        // The last kept point so far; in blocks that were not read its index may not be known.
        let mut last: Option<Seen<X>> = None;
        let mut last_block = 0;
        for block in self.block_of(run.start)..self.block_of(run.end - 1) + 1 {
            let range = self.block(block);
            let kept = usize::from(self.blocks.kept[block]);
            if kept == 0 {
                // Behind it nobody could tell any more how near the last point is.
                last = self.placed(zoned, last, last_block)?;
                continue;
            }
            let plain = kept == range.len();
            let inside = range.start >= run.start && range.end <= run.end;
            let quiet = inside && (plain || !breaks) && self.is_quiet(block, plain, width, &last);
            if !quiet {
                let part = range.start.max(run.start)..range.end.min(run.end);
                let points = zoned.kept_in(part)?;
                last = self.placed(zoned, last, last_block)?;
                for (index, x, _) in points {
                    if let Some((before, from)) = last {
                        let missing = breaks && before.is_some_and(|before| index - before > 1);
                        if missing || !X::within(from, x, limit) {
                            let before = match before {
                                Some(before) => before,
                                None => self.ends_in(zoned, last_block)?.1,
                            };
                            widest.see(before, index, X::width(X::step(from, x)));
                        }
                    }
                    last = Some((Some(index), x));
                }
                last_block = block;
                continue;
            }
            if !self.regular {
                let x = self.blocks.x0[block];
                if let Some((before, from)) = last {
                    let missing = breaks && before.is_some_and(|before| range.start - before > 1);
                    if missing || !X::within(from, x, limit) {
                        let before = match before {
                            Some(before) => before,
                            None => self.ends_in(zoned, last_block)?.1,
                        };
                        let after = if plain { range.start } else { self.ends_in(zoned, block)?.0 };
                        widest.see(before, after, X::width(X::step(from, x)));
                    }
                }
            } else if let Some((Some(before), _)) = last
                && plain
            {
                let step = range.start - before;
                if (breaks && step > 1) || step as f64 > width {
                    widest.see(before, range.start, step as f64);
                }
            }
            let x = if self.regular { X::from_bits(range.end as u64 - 1) } else { self.blocks.x1[block] };
            last = Some((plain.then_some(range.end - 1), x));
            last_block = block;
        }
        Ok(widest)
    }

    /// Whether no gap is in a block, nor before it, but for one that the ends of blocks tell.
    fn is_quiet(&self, block: usize, plain: bool, width: f64, last: &Option<Seen<X>>) -> bool {
        if !self.regular {
            return f64::from(self.blocks.widest[block]) <= width;
        }
        if plain {
            // A block before it that was not read ends at most SHORT points before.
            let known = last.is_none_or(|(index, _)| index.is_some());
            return width >= 1.0 && (known || width >= (SHORT + 1) as f64);
        }
        let start = self.block(block).start;
        let far = match last {
            Some((Some(before), _)) => (start + SHORT - before) as f64 > width,
            _ => false,
        };
        !self.blocks.holes[block] && width >= (2 * SHORT + 1) as f64 && !far
    }

    /// The last point of a block, with its index where x tells it.
    fn placed<S: Samples<X = X>>(
        &self,
        zoned: &mut Zoned<'_, S>,
        last: Option<Seen<X>>,
        block: usize,
    ) -> Result<Option<Seen<X>>, ZoneError<S::Error>> {
        match last {
            Some((None, _)) if self.regular => {
                let index = self.ends_in(zoned, block)?.1;
                Ok(Some((Some(index), X::from_bits(index as u64))))
            }
            last => Ok(last),
        }
    }

    /// The first and the last kept point of a block that has one.
    fn ends_in<S: Samples<X = X>>(
        &self,
        zoned: &mut Zoned<'_, S>,
        block: usize,
    ) -> Result<(usize, usize), ZoneError<S::Error>> {
        let range = self.block(block);
        let kept = zoned.kept_in(range.clone())?;
        match (kept.first(), kept.last()) {
            (Some(first), Some(last)) => Ok((first.0, last.0)),
            _ => Err(Error::Stale { index: range.start }.into()),
        }
    }
}
