//! From a request to the chosen points of a series in slices.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::coordinate::{Axis, CoordinateOps, Positions, Value};
use crate::downsample::{Chosen, Downsample, Gaps, Method, Missing};
use crate::error::Error;
use crate::kernel::{IsPlain, Isa};
use crate::methods::{self, Keep};
use crate::scan::{BLOCK, Kept, Scan, Stop};
use crate::segments::{Usual, Widest, samples, shares};
use crate::series::{Run, Series};

impl Downsample {
    /// Chooses `n` points of a series.
    ///
    /// `x` ascends, equal neighbours are allowed; `x` and `y` have equal length. There are exactly `n` points,
    /// or as many as are not missing if these are fewer: 0 gives none; 1 the first; 2 the first and the last,
    /// but with [`Method::MinMax`] without gaps the lowest and the highest. Of equals, the first is chosen.
    ///
    /// [`Method::Lttb`] gives the points of the reference implementation to the bit: edges of buckets in f64,
    /// means of the next bucket summed from left to right, x not replaced by anything. [`Method::MinMax`] and
    /// [`Method::M4`] cut the points into bins of equal numbers, and keep the extremes before the ends where there are
    /// three for both; where the points of a bin coincide (as the
    /// lowest and the first), others are added where most are left out.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`]; [`Error::Unsorted`] with the first point whose x descends (not if
    /// [`trusted`](Self::trusted)); [`Error::GapWidth`] and [`Error::Ratio`].
    pub fn choose<A: Axis, Y: Value>(&self, x: A, y: &[Y], n: usize) -> Result<Chosen, Error> {
        if let Some(len) = x.known_len().filter(|&len| len != y.len()) {
            return Err(Error::LengthMismatch { x: len, y: y.len() });
        }
        self.check()?;
        let (x, isa) = (x.positions(), Isa::of(self.kernels));
        let run = Run { start: 0, end: y.len(), kept: y.len() };
        if n > 2 && n < y.len() {
            match self.hopefully(x, y, isa, n, &run) {
                Ok(indices) => return Ok(Chosen::unbroken(indices)),
                Err(Stop::Unclean) => {}
            }
        }
        self.carefully(x, y, isa, n)
    }

    /// Takes for granted that nothing is missing and nothing breaks the line, until something is found.
    fn hopefully<P: Positions, Y: Value>(
        &self,
        x: P,
        y: &[Y],
        isa: Isa,
        n: usize,
        run: &Run,
    ) -> Result<Vec<usize>, Stop> {
        let (first, last) = (x.get(0), x.get(y.len() - 1));
        let ends = first.is_finite() && last.is_finite() && first <= last && y[0].into().is_finite();
        if !ends || !y[y.len() - 1].into().is_finite() {
            return Err(Stop::Unclean);
        }
        if self.trusted && self.gaps == Gaps::None {
            return self.run(Scan::known(x, y, isa, None), run, n);
        }
        let width = self.gap_width(n, y.len(), || Ok(usual_step(x, y, 0..y.len())))?;
        let limit = P::X::limit(width);
        // The last point may be in no bin, and the steps of an index are looked at by nobody.
        let end = y.len() - 1;
        if !P::X::within(x.get(end - 1), x.get(end), limit) {
            return Err(Stop::Unclean);
        }
        self.run(Scan::unknown(x, y, isa, limit), run, n)
    }

    /// Counts, looks for gaps, then chooses of each segment.
    fn carefully<P: Positions, Y: Value>(&self, x: P, y: &[Y], isa: Isa, n: usize) -> Result<Chosen, Error> {
        let kept_at = |i: &usize| x.get(*i).is_finite() && y[*i].into().is_finite();
        let (Some(first), Some(last)) = ((0..y.len()).find(kept_at), (0..y.len()).rev().find(kept_at)) else {
            return Ok(Chosen::default());
        };
        let width =
            self.gap_width(n, last + 1 - first, || Ok::<_, Error>(usual_step(x, y, first..last + 1)))?;
        let all = last - first < n || (first..last + 1).filter(kept_at).nth(n).is_none();
        let census = Census::take(x, y, isa, width, self.missing, Widest::of(n, self.least(), all))?;
        let total = *census.kept.before.last().expect("there is an end");
        let whole = Run { start: first, end: last + 1, kept: total };
        let kept = (total < y.len()).then_some(&census.kept);
        if n == 0 {
            return Ok(Chosen::default());
        }
        let mut scan = Scan::known(x, y, isa, kept);
        let mut runs = Vec::new();
        for (first, last) in census.gaps.cut(&whole) {
            let kept = scan.rank(&whole, last)? + 1 - scan.rank(&whole, first)?;
            runs.push(Run { start: first, end: last + 1, kept });
        }
        self.share(runs, n, |run, n| Ok(self.run(Scan::known(x, y, isa, kept), run, n)?))
    }

    /// Chooses of each run its share.
    pub(crate) fn share<E>(
        &self,
        runs: Vec<Run>,
        n: usize,
        mut choose: impl FnMut(&Run, usize) -> Result<Vec<usize>, E>,
    ) -> Result<Chosen, E> {
        let lengths: Vec<usize> = runs.iter().map(|run| run.kept).collect();
        let shares = if runs.len() == 1 { vec![n] } else { shares(&lengths, n, self.least()) };
        let mut chosen = Chosen::default();
        for (run, share) in runs.iter().zip(shares) {
            let start = chosen.indices.len();
            chosen.indices.extend(choose(run, share)?);
            if chosen.indices.len() > start {
                chosen.segments.push(start..chosen.indices.len());
            }
        }
        Ok(chosen)
    }

    fn run<P: Positions, Y: Value>(
        &self,
        scan: Scan<'_, P, Y>,
        run: &Run,
        n: usize,
    ) -> Result<Vec<usize>, Stop> {
        let mut out = Vec::with_capacity(n.min(run.kept));
        self.one(&mut scan.shared_by(self.threads), run, n, &mut out)?;
        Ok(out)
    }

    /// What MinMax and M4 keep; `None` for the others.
    fn keep(&self) -> Option<Keep> {
        match self.method {
            Method::MinMax => Some(Keep::Extremes),
            Method::M4 => Some(Keep::ExtremesAndEnds),
            Method::Lttb | Method::MinMaxLttb { .. } => None,
        }
    }

    /// Chooses `n` points of one run of any series.
    pub(crate) fn one<S: Series>(
        &self,
        series: &mut S,
        run: &Run,
        n: usize,
        out: &mut Vec<usize>,
    ) -> Result<(), S::Error> {
        match (self.method, self.keep()) {
            (_, Some(keep)) => binned(series, run, n, keep, self.breaks(), out),
            (Method::MinMaxLttb { ratio }, _) if n > 2 && run.kept / n > ratio => {
                let mut candidates = vec![run.start];
                let inner = 1..run.kept - 1;
                let most = n.saturating_mul(ratio);
                if most >= inner.len() {
                    return methods::lttb(series, run, n, out);
                }
                methods::extremes(series, run, inner, most, Keep::Extremes, &mut candidates)?;
                candidates.push(run.end - 1);
                let (mut x, mut y) =
                    (Vec::with_capacity(candidates.len()), Vec::with_capacity(candidates.len()));
                for &index in &candidates {
                    let point = series.point(index)?;
                    x.push(point.0);
                    y.push(point.1);
                }
                let of_them = Run { start: 0, end: x.len(), kept: x.len() };
                let mut chosen = Vec::with_capacity(n);
                let mut scan = Scan::known(&x[..], &y, Isa::of(self.kernels), None);
                match methods::lttb(&mut scan, &of_them, n, &mut chosen) {
                    Ok(()) => out.extend(chosen.into_iter().map(|i| candidates[i])),
                    Err(Stop::Unclean) => unreachable!("a scan of what is known does not check"),
                }
                Ok(())
            }
            _ => methods::lttb(series, run, n, out),
        }
    }
}

/// MinMax and M4 of a run; where lines break, a run keeps its ends.
pub(crate) fn binned<S: Series>(
    series: &mut S,
    run: &Run,
    n: usize,
    keep: Keep,
    breaks: bool,
    out: &mut Vec<usize>,
) -> Result<(), S::Error> {
    if methods::trivial(series, run, n, out)? {
        return Ok(());
    }
    if keep == Keep::ExtremesAndEnds || !breaks {
        return methods::extremes(series, run, 0..run.kept, n, keep, out);
    }
    if n == 3 {
        // Rather an end is left out than an extreme.
        return methods::extremes(series, run, 0..run.kept, n, Keep::ExtremesAndEnds, out);
    }
    out.push(run.start);
    if n > 2 {
        methods::extremes(series, run, 1..run.kept - 1, n - 2, keep, out)?;
    }
    out.push(run.end - 1);
    Ok(())
}

/// The usual step in a sample of neighbours of a range.
fn usual_step<P: Positions, Y: Value>(x: P, y: &[Y], range: Range<usize>) -> Option<Usual> {
    let mut steps = Vec::new();
    for (start, len) in samples(range.len()) {
        let start = range.start + start;
        let kept = (start..start + len).filter(|&i| x.get(i).is_finite() && y[i].into().is_finite());
        collect_steps(kept.map(|i| x.get(i)), &mut steps);
    }
    Usual::of(steps)
}

/// Appends the steps from each x to the next.
pub(crate) fn collect_steps<X: CoordinateOps>(xs: impl Iterator<Item = X>, steps: &mut Vec<f64>) {
    let mut before: Option<X> = None;
    for x in xs {
        if let Some(before) = before
            && before <= x
        {
            steps.push(X::width(X::step(before, x)));
        }
        before = Some(x);
    }
}

/// What a look at every point finds.
struct Census {
    kept: Kept,
    gaps: Widest,
}

impl Census {
    fn take<P: Positions, Y: Value>(
        x: P,
        y: &[Y],
        isa: Isa,
        width: f64,
        missing: Missing,
        mut gaps: Widest,
    ) -> Result<Self, Error> {
        let limit = P::X::limit(width);
        let mut before = Vec::with_capacity(y.len() / BLOCK + 2);
        let mut kept = 0;
        let mut last: Option<usize> = None;
        for start in (0..y.len()).step_by(BLOCK) {
            before.push(kept);
            let range = start..y.len().min(start + BLOCK);
            // The step into the block counts, so the point before it must be there.
            let from = start.saturating_sub(1);
            let joined = if start == 0 { last.is_none() } else { last == Some(start - 1) };
            let wide = !P::REGULAR || width >= 1.0;
            if joined && wide && isa.run(IsPlain { x, y, range: range.clone(), steps: (limit, from) }) {
                kept += range.len();
                last = Some(range.end - 1);
                continue;
            }
            for i in range {
                if !x.get(i).is_finite() || !y[i].into().is_finite() {
                    continue;
                }
                if let Some(last) = last {
                    let (from, to) = (x.get(last), x.get(i));
                    if to < from {
                        return Err(Error::unsorted(i, to, from));
                    }
                    let broken = missing == Missing::Break && i - last > 1;
                    if broken || !P::X::within(from, to, limit) {
                        gaps.see(last, i, P::X::width(P::X::step(from, to)));
                    }
                }
                kept += 1;
                last = Some(i);
            }
        }
        before.push(kept);
        Ok(Self { kept: Kept { before }, gaps })
    }
}
