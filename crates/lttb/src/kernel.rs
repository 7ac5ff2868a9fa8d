//! The inner loops, compiled once for every processor and once for AVX2.
//!
//! The code is the same in both: plain loops over arrays of [`LANES`] numbers, which the compiler turns into
//! vectors. Every operation is a rounded IEEE 754 operation in a fixed order, nothing is fused, so both give
//! the same bits.
#![allow(unsafe_code)]

use alloc::vec::Vec;
use core::ops::Range;

use crate::coordinate::{Coordinate, CoordinateOps, LANES, Positions, Value, lanes};
use crate::downsample::Kernels;

/// How many series of buckets are summed side by side, so that additions in a fixed order need not wait for
/// each other.
pub(crate) const SIDE_BY_SIDE: usize = 4;

/// Points of a piece within which a winner is looked for twice: first its value, then its place.
const PIECE: usize = 256;

/// An instruction set.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Isa {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Isa {
    pub(crate) fn of(kernels: Kernels) -> Self {
        match kernels {
            #[cfg(all(target_arch = "x86_64", feature = "std"))]
            Kernels::Auto if std::is_x86_feature_detected!("avx2") => Self::Avx2,
            #[cfg(all(target_arch = "x86_64", not(feature = "std"), target_feature = "avx2"))]
            Kernels::Auto => Self::Avx2,
            _ => Self::Baseline,
        }
    }

    pub(crate) fn run<W: Work>(self, work: W) -> W::Out {
        match self {
            Self::Baseline => work.run(),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `of` makes this variant only where the processor was found, or the target is known, to have
            // AVX2.
            Self::Avx2 => unsafe { avx2(work) },
        }
    }
}

/// A loop to compile for each instruction set; `run` is always inlined.
pub(crate) trait Work {
    type Out;
    fn run(self) -> Self::Out;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<W: Work>(work: W) -> W::Out {
    work.run()
}

/// Two vertices of a triangle, ready for any third.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base<X> {
    pub(crate) origin: X,
    ax: f64,
    ay: f64,
    /// ax - cx and cy - ay.
    across: f64,
    up: f64,
}

impl<X> Base<X> {
    /// From the point before, (ax, ay), to the mean of the bucket after, (cx, cy).
    pub(crate) fn new(origin: X, (ax, ay): (f64, f64), (cx, cy): (f64, f64)) -> Self {
        Self { origin, ax, ay, across: ax - cx, up: cy - ay }
    }

    /// Area of the triangle with (x, y); the order of operations is that of the reference.
    #[inline(always)]
    fn area(&self, x: f64, y: f64) -> f64 {
        (self.across * (y - self.ay) - (self.ax - x) * self.up).abs() * 0.5
    }

    /// No point of the box has a larger area: each step of `area` is monotonic, rounding included.
    #[inline(always)]
    fn bound(&self, (x0, x1): (f64, f64), (y0, y1): (f64, f64)) -> f64 {
        let (a, b) = (self.across * (y0 - self.ay), self.across * (y1 - self.ay));
        let (c, d) = ((self.ax - x0) * self.up, (self.ax - x1) * self.up);
        let (high, low) = (larger(a, b) - smaller(c, d), smaller(a, b) - larger(c, d));
        larger(high.abs(), low.abs()) * 0.5
    }
}

#[inline(always)]
fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

#[inline(always)]
fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

#[inline(always)]
fn finite(value: f64) -> bool {
    value.abs() <= f64::MAX
}

/// Sums of the kept points of a range.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sum {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) kept: usize,
}

/// The boxes around pieces of a range, in order.
#[derive(Clone, Debug)]
pub(crate) struct Boxes<X> {
    /// Where each begins.
    pub(crate) starts: Vec<usize>,
    pub(crate) x0: Vec<X>,
    pub(crate) x1: Vec<X>,
    /// Lowest and highest y; infinity and its opposite where nothing is kept.
    pub(crate) y0: Vec<f64>,
    pub(crate) y1: Vec<f64>,
}

impl<X> Default for Boxes<X> {
    fn default() -> Self {
        Self { starts: Vec::new(), x0: Vec::new(), x1: Vec::new(), y0: Vec::new(), y1: Vec::new() }
    }
}

impl<X> Boxes<X> {
    pub(crate) fn clear(&mut self) {
        self.starts.clear();
        self.x0.clear();
        self.x1.clear();
        self.y0.clear();
        self.y1.clear();
    }
}

/// Sums up to [`SIDE_BY_SIDE`] ranges, each from left to right, and draws boxes around their pieces.
pub(crate) struct SumUp<'a, P: Positions, Y, const MASKED: bool> {
    pub(crate) x: P,
    pub(crate) y: &'a [Y],
    pub(crate) ranges: &'a [Range<usize>],
    pub(crate) origins: &'a [P::X],
    /// Points a box; none are drawn for 0.
    pub(crate) piece: usize,
    pub(crate) boxes: &'a mut [Boxes<P::X>],
    /// The widest step that is no gap, if steps are to be looked at; steps into a range belong to it, unless it
    /// begins at this point.
    pub(crate) steps: Option<(<P::X as CoordinateOps>::Step, usize)>,
}

impl<P: Positions, Y: Value, const MASKED: bool> Work for SumUp<'_, P, Y, MASKED> {
    /// The sums, and whether all steps were within the limit.
    type Out = ([Sum; SIDE_BY_SIDE], bool);

    #[inline(always)]
    fn run(self) -> Self::Out {
        let mut sums = [Sum::default(); SIDE_BY_SIDE];
        let mut within = true;
        let (ranges, whole) = (self.ranges, self.ranges.len() == SIDE_BY_SIDE);
        let mut done = [0; SIDE_BY_SIDE];
        let piece = if self.piece == 0 { PIECE } else { self.piece };
        // Pieces of all ranges side by side, as far as the shortest range goes.
        let shortest = ranges.iter().map(|range| range.len()).min().unwrap_or(0);
        while whole && done[0] < shortest {
            let len = piece.min(shortest - done[0]);
            let starts: [usize; SIDE_BY_SIDE] = core::array::from_fn(|i| ranges[i].start + done[i]);
            let origins: [P::X; SIDE_BY_SIDE] = core::array::from_fn(|i| self.origins[i]);
            add::<P, Y, SIDE_BY_SIDE, MASKED>(self.x, self.y, starts, len, origins, &mut sums);
            for (i, start) in starts.into_iter().enumerate() {
                within &= self.steps.is_none_or(|(limit, from)| steps(self.x, start, len, limit, from));
                if self.piece > 0 {
                    draw::<P, Y, MASKED>(self.x, self.y, start..start + len, &mut self.boxes[i]);
                }
            }
            done = done.map(|done| done + len);
        }
        // What is left of each.
        for (i, range) in ranges.iter().enumerate() {
            let mut start = range.start + done[i];
            while start < range.end {
                let len = piece.min(range.end - start);
                let sum = core::array::from_mut(&mut sums[i]);
                add::<P, Y, 1, MASKED>(self.x, self.y, [start], len, [self.origins[i]], sum);
                within &= self.steps.is_none_or(|(limit, from)| steps(self.x, start, len, limit, from));
                if self.piece > 0 {
                    draw::<P, Y, MASKED>(self.x, self.y, start..start + len, &mut self.boxes[i]);
                }
                start += len;
            }
        }
        for (sum, (range, origin)) in sums.iter_mut().zip(ranges.iter().zip(self.origins)) {
            if !MASKED {
                sum.kept = range.len();
                if P::REGULAR {
                    sum.x = regular_sum(self.x, range.clone(), *origin);
                }
            }
        }
        (sums, within)
    }
}

/// Sum of the offsets of an index from `origin`, from left to right.
#[inline(always)]
fn regular_sum<P: Positions>(x: P, range: Range<usize>, origin: P::X) -> f64 {
    if range.is_empty() {
        return 0.0;
    }
    let (first, last) = (x.get(range.start).offset(origin), x.get(range.end - 1).offset(origin));
    let sum = (first as u128 + last as u128) * range.len() as u128 / 2;
    // Below 2^53 each partial sum is exact, so their order does not matter.
    if sum < 1 << 53 {
        sum as f64
    } else {
        range.map(|i| x.get(i).offset(origin)).fold(0.0, |sum, x| sum + x)
    }
}

/// Adds `len` points of each range to its sum. Missing points add nothing where MASKED.
#[inline(always)]
fn add<P: Positions, Y: Value, const N: usize, const MASKED: bool>(
    x: P,
    y: &[Y],
    starts: [usize; N],
    len: usize,
    origins: [P::X; N],
    sums: &mut [Sum],
) {
    let ys: [&[Y]; N] = starts.map(|start| &y[start..start + len]);
    let mut sum: [Sum; N] = core::array::from_fn(|i| sums[i]);
    let whole = len - len % LANES;
    for k in (0..whole).step_by(LANES) {
        let xs: [[f64; LANES]; N] = core::array::from_fn(|i| {
            if P::REGULAR && !MASKED { [0.0; LANES] } else { x.lanes(starts[i] + k, origins[i]) }
        });
        let ys: [[f64; LANES]; N] = core::array::from_fn(|i| lanes(ys[i], k));
        for lane in 0..LANES {
            for i in 0..N {
                add_point::<MASKED>(&mut sum[i], xs[i][lane], ys[i][lane]);
            }
        }
    }
    for k in whole..len {
        for i in 0..N {
            add_point::<MASKED>(&mut sum[i], x.get(starts[i] + k).offset(origins[i]), ys[i][k].into());
        }
    }
    sums[..N].copy_from_slice(&sum);
}

#[inline(always)]
fn add_point<const MASKED: bool>(sum: &mut Sum, x: f64, y: f64) {
    if MASKED {
        let keep = finite(x) & finite(y);
        sum.x += if keep { x } else { 0.0 };
        sum.y += if keep { y } else { 0.0 };
        sum.kept += usize::from(keep);
    } else {
        sum.x += x;
        sum.y += y;
    }
}

/// Whether no step to the points of a piece descends or is wider than `limit`.
#[inline(always)]
fn steps<P: Positions>(
    x: P,
    start: usize,
    len: usize,
    limit: <P::X as CoordinateOps>::Step,
    from: usize,
) -> bool {
    if P::REGULAR {
        return true;
    }
    let (mut first, end) = (start.saturating_sub(usize::from(start > from)), start + len);
    let mut outside = [0_u64; LANES];
    while first + LANES < end {
        let (before, after) = (x.points(first), x.points(first + 1));
        for lane in 0..LANES {
            outside[lane] += u64::from(!P::X::within(before[lane], after[lane], limit));
        }
        first += LANES;
    }
    while first + 1 < end {
        outside[0] += u64::from(!P::X::within(x.get(first), x.get(first + 1), limit));
        first += 1;
    }
    outside.iter().all(|&outside| outside == 0)
}

/// The box around the kept points of a range that is not empty.
#[inline(always)]
fn draw<P: Positions, Y: Value, const MASKED: bool>(
    x: P,
    y: &[Y],
    range: Range<usize>,
    boxes: &mut Boxes<P::X>,
) {
    let (mut first, mut last) = (x.get(range.start), x.get(range.end - 1));
    if MASKED {
        let kept = |&i: &usize| x.get(i).is_finite();
        first = range.clone().find(kept).map_or(first, |i| x.get(i));
        last = range.clone().rev().find(kept).map_or(last, |i| x.get(i));
    }
    let (low, high, _) = lowest_and_highest::<P, Y, MASKED>(x, y, range.clone());
    boxes.starts.push(range.start);
    boxes.x0.push(first);
    boxes.x1.push(last);
    boxes.y0.push(low);
    boxes.y1.push(high);
}

/// The lowest and the highest y of the kept points, and whether all were finite.
#[inline(always)]
fn lowest_and_highest<P: Positions, Y: Value, const MASKED: bool>(
    x: P,
    y: &[Y],
    range: Range<usize>,
) -> (f64, f64, bool) {
    let origin = x.get(range.start);
    let (mut low, mut high) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
    let mut missing = [0_u64; LANES];
    let mut k = range.start;
    while k + LANES <= range.end {
        let ys = lanes(y, k);
        let xs = if MASKED { x.lanes(k, origin) } else { [0.0; LANES] };
        for lane in 0..LANES {
            let value = ys[lane];
            if MASKED {
                let keep = finite(xs[lane]) & finite(value);
                low[lane] = smaller(if keep { value } else { f64::INFINITY }, low[lane]);
                high[lane] = larger(if keep { value } else { f64::NEG_INFINITY }, high[lane]);
            } else {
                low[lane] = smaller(value, low[lane]);
                high[lane] = larger(value, high[lane]);
                missing[lane] += u64::from(!finite(value));
            }
        }
        k += LANES;
    }
    for k in k..range.end {
        let value: f64 = y[k].into();
        if !MASKED || (x.get(k).is_finite() & finite(value)) {
            low[0] = smaller(value, low[0]);
            high[0] = larger(value, high[0]);
            missing[0] += u64::from(!finite(value));
        }
    }
    let all = missing.iter().all(|&missing| missing == 0);
    (low.into_iter().fold(low[0], smaller), high.into_iter().fold(high[0], larger), all)
}

/// The largest triangle over a base.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Largest {
    /// -1 where no point was kept.
    pub(crate) area: f64,
    pub(crate) index: usize,
}

impl Largest {
    pub(crate) const NONE: Self = Self { area: -1.0, index: usize::MAX };

    /// Takes the larger of both, of equal ones the first.
    pub(crate) fn or(&mut self, other: Self) {
        if other.area > self.area || (other.area == self.area && other.index < self.index) {
            *self = other;
        }
    }
}

/// Looks for the largest triangle in a range.
pub(crate) struct FindLargest<'a, P: Positions, Y, const MASKED: bool> {
    pub(crate) x: P,
    pub(crate) y: &'a [Y],
    pub(crate) range: Range<usize>,
    pub(crate) base: &'a Base<P::X>,
}

impl<P: Positions, Y: Value, const MASKED: bool> Work for FindLargest<'_, P, Y, MASKED> {
    type Out = Largest;

    #[inline(always)]
    fn run(self) -> Largest {
        let Self { x, y, range, base } = self;
        let (mut best, mut place) = (-1.0, range.start..range.start);
        let mut start = range.start;
        while start < range.end {
            let piece = start..range.end.min(start + PIECE);
            let area = largest_area::<P, Y, MASKED>(x, y, piece.clone(), base);
            if area > best {
                (best, place) = (area, piece.clone());
            }
            start = piece.end;
        }
        let area = |i: usize| {
            let (x, y) = (x.get(i).offset(base.origin), y[i].into());
            if !MASKED || (finite(x) & finite(y)) { base.area(x, y) } else { -1.0 }
        };
        // Computed again in the same way, so it is found.
        match place.into_iter().find(|&i| area(i) == best) {
            Some(index) => Largest { area: best, index },
            None => Largest::NONE,
        }
    }
}

#[inline(always)]
fn largest_area<P: Positions, Y: Value, const MASKED: bool>(
    x: P,
    y: &[Y],
    range: Range<usize>,
    base: &Base<P::X>,
) -> f64 {
    let base = *base;
    let mut best = [-1.0_f64; LANES];
    let mut k = range.start;
    while k + LANES <= range.end {
        let (xs, ys) = (x.lanes(k, base.origin), lanes(y, k));
        for lane in 0..LANES {
            let area = base.area(xs[lane], ys[lane]);
            let area = if !MASKED || (finite(xs[lane]) & finite(ys[lane])) { area } else { -1.0 };
            best[lane] = larger(area, best[lane]);
        }
        k += LANES;
    }
    for k in k..range.end {
        let (x, y) = (x.get(k).offset(base.origin), y[k].into());
        if !MASKED || (finite(x) & finite(y)) {
            best[0] = larger(base.area(x, y), best[0]);
        }
    }
    best.into_iter().fold(-1.0, |best, area| larger(area, best))
}

/// Bounds from above the area of any point in each of several boxes.
pub(crate) struct Bound<'a, X> {
    pub(crate) base: &'a Base<X>,
    pub(crate) x0: &'a [X],
    pub(crate) x1: &'a [X],
    pub(crate) y0: &'a [f64],
    pub(crate) y1: &'a [f64],
    pub(crate) out: &'a mut Vec<f64>,
}

impl<X: Coordinate> Work for Bound<'_, X> {
    type Out = ();

    #[inline(always)]
    fn run(self) {
        let base = *self.base;
        self.out.clear();
        self.out.extend(self.x0.iter().zip(self.x1).zip(self.y0.iter().zip(self.y1)).map(
            |((&x0, &x1), (&y0, &y1))| {
                let bound = base.bound((x0.offset(base.origin), x1.offset(base.origin)), (y0, y1));
                // Nothing is kept in a box that ends before it begins.
                if y0 > y1 { -1.0 } else { bound }
            },
        ));
    }
}

/// The lowest and the highest point of a range; of equal ones the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extremes {
    pub(crate) low: (f64, usize),
    pub(crate) high: (f64, usize),
}

impl Extremes {
    pub(crate) const NONE: Self =
        Self { low: (f64::INFINITY, usize::MAX), high: (f64::NEG_INFINITY, usize::MAX) };

    /// Takes the lower and the higher of both; what comes later must be truly so.
    pub(crate) fn then(&mut self, later: Self) {
        if later.low.0 < self.low.0 {
            self.low = later.low;
        }
        if later.high.0 > self.high.0 {
            self.high = later.high;
        }
    }
}

/// Looks for the extremes of a range.
pub(crate) struct FindExtremes<'a, P: Positions, Y, const MASKED: bool> {
    pub(crate) x: P,
    pub(crate) y: &'a [Y],
    pub(crate) range: Range<usize>,
    /// As in [`SumUp`].
    pub(crate) steps: Option<(<P::X as CoordinateOps>::Step, usize)>,
}

impl<P: Positions, Y: Value, const MASKED: bool> Work for FindExtremes<'_, P, Y, MASKED> {
    /// The extremes, and whether all steps were within the limit and, unless MASKED, all y finite.
    type Out = (Extremes, bool);

    #[inline(always)]
    fn run(self) -> Self::Out {
        let Self { x, y, range, steps: limit } = self;
        let (mut low, mut high) = ((f64::INFINITY, range.start), (f64::NEG_INFINITY, range.start));
        let mut clean = true;
        let mut start = range.start;
        while start < range.end {
            let piece = start..range.end.min(start + PIECE);
            let (lowest, highest, all) = lowest_and_highest::<P, Y, MASKED>(x, y, piece.clone());
            clean &= all;
            clean &= limit.is_none_or(|(limit, from)| steps(x, start, piece.len(), limit, from));
            if lowest < low.0 {
                low = (lowest, start);
            }
            if highest > high.0 {
                high = (highest, start);
            }
            start = piece.end;
        }
        let place = |(value, start): (f64, usize)| {
            let kept = |&i: &usize| y[i].into() == value && (!MASKED || x.get(i).is_finite());
            match (start..range.end).find(kept) {
                Some(index) => (value, index),
                None => (value, usize::MAX),
            }
        };
        (Extremes { low: place(low), high: place(high) }, clean)
    }
}

/// Whether all points of a range are kept and no step to them descends or is wider than a limit.
pub(crate) struct IsPlain<'a, P: Positions, Y> {
    pub(crate) x: P,
    pub(crate) y: &'a [Y],
    pub(crate) range: Range<usize>,
    pub(crate) steps: (<P::X as CoordinateOps>::Step, usize),
}

impl<P: Positions, Y: Value> Work for IsPlain<'_, P, Y> {
    type Out = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Self { x, y, range, steps: (limit, from) } = self;
        let mut missing = [0_u64; LANES];
        let mut k = range.start;
        while k + LANES <= range.end {
            let ys = lanes(y, k);
            for lane in 0..LANES {
                missing[lane] += u64::from(!finite(ys[lane]));
            }
            k += LANES;
        }
        let rest = (k..range.end).all(|k| finite(y[k].into()));
        // Steps find NaN in x, and infinities but for a lone last one.
        let ends = range.is_empty() || (x.get(range.start).is_finite() & x.get(range.end - 1).is_finite());
        rest & ends
            & missing.iter().all(|&missing| missing == 0)
            & steps(x, range.start, range.len(), limit, from)
    }
}

/// The widest step between the points of a range.
pub(crate) struct WidestStep<P> {
    pub(crate) x: P,
    pub(crate) range: Range<usize>,
}

impl<P: Positions> Work for WidestStep<P> {
    /// `None` if x descends, or a step is not a number.
    type Out = Option<<P::X as CoordinateOps>::Step>;

    #[inline(always)]
    fn run(self) -> Self::Out {
        let Self { x, range } = self;
        let mut widest = [P::X::NO_STEP; LANES];
        if P::REGULAR {
            return Some(widest[0]);
        }
        let mut outside = [0_u64; LANES];
        let mut see = |lane: usize, before: P::X, after: P::X| {
            let step = P::X::step(before, after);
            widest[lane] = if step > widest[lane] { step } else { widest[lane] };
            outside[lane] |= u64::from(!(before <= after));
        };
        let mut k = range.start;
        while k + LANES < range.end {
            let (before, after) = (x.points(k), x.points(k + 1));
            for lane in 0..LANES {
                see(lane, before[lane], after[lane]);
            }
            k += LANES;
        }
        while k + 1 < range.end {
            see(0, x.get(k), x.get(k + 1));
            k += 1;
        }
        let all = widest.into_iter().fold(widest[0], |a, b| if b > a { b } else { a });
        outside.iter().all(|&outside| outside == 0).then_some(all)
    }
}
