//! The inner loops, compiled once for every processor and once for AVX2.
//!
//! The code is the same in both, over a [`Vector`]; so are the operations and their order, and the bits.
#![allow(unsafe_code)]

use alloc::vec::Vec;
use core::ops::Range;

use crate::coordinate::{Coordinate, CoordinateOps, Positions, Value, values};
use crate::downsample::Kernels;
#[cfg(target_arch = "x86_64")]
use crate::vector::Avx2;
use crate::vector::{LANES, Plain, Vector};

/// How many series of buckets are summed side by side, so that additions in a fixed order need not wait for
/// each other.
pub(crate) const SIDE_BY_SIDE: usize = 4;

/// Points of a piece within which a winner is looked for twice: first its value, then its place.
const PIECE: usize = 64;

/// Points summed of one range before those of the next, so that all are still in the first cache when their steps are
/// looked at.
const SUMMED: usize = 256;

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
            #[cfg(target_arch = "x86_64")]
            Kernels::Auto if has_avx2() => Self::Avx2,
            _ => Self::Baseline,
        }
    }

    pub(crate) fn run<W: Work>(self, work: W) -> W::Out {
        match self {
            Self::Baseline => work.run::<Plain>(),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `of` makes this variant only where AVX2 was found.
            Self::Avx2 => unsafe { avx2(work) },
        }
    }
}

/// Whether the processor was found, or the target is known, to have AVX2.
#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    #[cfg(feature = "std")]
    return std::is_x86_feature_detected!("avx2");
    #[cfg(not(feature = "std"))]
    return cfg!(target_feature = "avx2");
}

/// A loop to compile for each instruction set; `run` is always inlined.
pub(crate) trait Work {
    type Out;
    fn run<V: Vector>(self) -> Self::Out;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<W: Work>(work: W) -> W::Out {
    work.run::<Avx2>()
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

    /// Lowest and highest y of all boxes.
    pub(crate) fn heights(&self) -> (f64, f64) {
        let low = self.y0.iter().fold(f64::INFINITY, |low, &y| smaller(y, low));
        let high = self.y1.iter().fold(f64::NEG_INFINITY, |high, &y| larger(y, high));
        (low, high)
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
    fn run<V: Vector>(self) -> Self::Out {
        let mut sums = [Sum::default(); SIDE_BY_SIDE];
        let mut within = true;
        let (ranges, whole) = (self.ranges, self.ranges.len() == SIDE_BY_SIDE);
        let mut done = [0; SIDE_BY_SIDE];
        let piece = if self.piece == 0 { SUMMED } else { self.piece };
        // Pieces of all ranges side by side, as far as the shortest range goes.
        let shortest = ranges.iter().map(|range| range.len()).min().unwrap_or(0);
        while whole && done[0] < shortest {
            let len = piece.min(shortest - done[0]);
            let starts: [usize; SIDE_BY_SIDE] = core::array::from_fn(|i| ranges[i].start + done[i]);
            let origins: [P::X; SIDE_BY_SIDE] = core::array::from_fn(|i| self.origins[i]);
            side_by_side::<P, Y, V, MASKED>(self.x, self.y, starts, len, origins, &mut sums);
            for (i, start) in starts.into_iter().enumerate() {
                if let Some((limit, from)) = self.steps {
                    within &= steps::<P, V>(self.x, start, len, limit, from);
                }
                if self.piece > 0 {
                    draw::<P, Y, V, MASKED>(self.x, self.y, start..start + len, &mut self.boxes[i]);
                }
            }
            done = done.map(|done| done + len);
        }
        // What is left of each.
        for (i, range) in ranges.iter().enumerate() {
            let mut start = range.start + done[i];
            while start < range.end {
                let len = piece.min(range.end - start);
                one_by_one::<P, Y, MASKED>(self.x, self.y, start..start + len, self.origins[i], &mut sums[i]);
                if let Some((limit, from)) = self.steps {
                    within &= steps::<P, V>(self.x, start, len, limit, from);
                }
                if self.piece > 0 {
                    draw::<P, Y, V, MASKED>(self.x, self.y, start..start + len, &mut self.boxes[i]);
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

/// Box and sums of a range of which every point is kept; where one is missing, something in it is not finite.
///
/// Sums are those of a zone map: in no order that matters.
pub(crate) struct Summarize<'a, P, Y> {
    pub(crate) x: P,
    pub(crate) y: &'a [Y],
    pub(crate) range: Range<usize>,
}

/// What [`Summarize`] finds; integers of x counted from the first one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    pub(crate) sum_x: f64,
    pub(crate) sum_y: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl<P: Positions, Y: Value> Work for Summarize<'_, P, Y> {
    type Out = Summary;

    #[inline(always)]
    fn run<V: Vector>(self) -> Summary {
        /// Vectors side by side, so that one operation need not wait for the other.
        const SIDE: usize = 4;
        let Self { x, y, range } = self;
        let origin = x.get(range.start);
        let zeros = [V::splat(0.0); SIDE];
        let (mut sum_x, mut sum_y) = (zeros, zeros);
        let (mut low, mut high) = ([V::splat(f64::INFINITY); SIDE], [V::splat(f64::NEG_INFINITY); SIDE]);
        let ys = y[range.clone()].as_chunks::<LANES>().0;
        for four in ys.as_chunks::<SIDE>().0 {
            for i in 0..SIDE {
                let value = Y::vector::<V>(four[i]);
                sum_y[i] = sum_y[i] + value;
                low[i] = value.smaller(low[i]);
                high[i] = value.larger(high[i]);
            }
        }
        let xs = x.points(range.clone()).map(|points| points.as_chunks::<LANES>().0);
        for four in xs.unwrap_or_default().as_chunks::<SIDE>().0 {
            for i in 0..SIDE {
                sum_x[i] = sum_x[i] + P::X::offsets::<V>(four[i], origin);
            }
        }
        let total = |of: [V; SIDE]| (of[0] + of[1] + (of[2] + of[3])).to_array().into_iter().sum::<f64>();
        let mut found = Summary {
            sum_x: total(sum_x),
            sum_y: total(sum_y),
            low: low.iter().flat_map(|low| low.to_array()).fold(f64::INFINITY, |low, y| smaller(y, low)),
            high: high
                .iter()
                .flat_map(|high| high.to_array())
                .fold(f64::NEG_INFINITY, |high, y| larger(y, high)),
        };
        let done = range.len() - range.len() % (SIDE * LANES);
        for (i, &value) in (range.start + done..range.end).zip(&y[range.start + done..]) {
            let value = value.into();
            found.sum_y += value;
            found.sum_x += if P::REGULAR { 0.0 } else { x.get(i).offset(origin) };
            found.low = smaller(value, found.low);
            found.high = larger(value, found.high);
        }
        found
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
fn side_by_side<P: Positions, Y: Value, V: Vector, const MASKED: bool>(
    x: P,
    y: &[Y],
    starts: [usize; SIDE_BY_SIDE],
    len: usize,
    origins: [P::X; SIDE_BY_SIDE],
    sums: &mut [Sum; SIDE_BY_SIDE],
) {
    // Lane i is range i: rows of points become columns, which are added one after the other.
    let (mut sum_x, mut sum_y) = (V::of_f64(sums.map(|sum| sum.x)), V::of_f64(sums.map(|sum| sum.y)));
    let whole = len - len % LANES;
    let [a, b, c, d] = starts;
    let ys = Rows::of([&y[a..a + whole], &y[b..b + whole], &y[c..c + whole], &y[d..d + whole]]);
    let xs = (x.points(a..a + whole), x.points(b..b + whole), x.points(c..c + whole), x.points(d..d + whole));
    match xs {
        (Some(a), Some(b), Some(c), Some(d)) if !MASKED => {
            for (x, y) in Rows::of([a, b, c, d]).zip(ys) {
                let x = [
                    P::X::offsets::<V>(x[0], origins[0]),
                    P::X::offsets(x[1], origins[1]),
                    P::X::offsets(x[2], origins[2]),
                    P::X::offsets(x[3], origins[3]),
                ];
                let y = [Y::vector::<V>(y[0]), Y::vector(y[1]), Y::vector(y[2]), Y::vector(y[3])];
                let ([x0, x1, x2, x3], [y0, y1, y2, y3]) = (V::transposed(x), V::transposed(y));
                sum_x = sum_x + x0 + x1 + x2 + x3;
                sum_y = sum_y + y0 + y1 + y2 + y3;
            }
        }
        _ if !MASKED => {
            for y in ys {
                let y = [Y::vector::<V>(y[0]), Y::vector(y[1]), Y::vector(y[2]), Y::vector(y[3])];
                let [y0, y1, y2, y3] = V::transposed(y);
                sum_y = sum_y + y0 + y1 + y2 + y3;
            }
        }
        _ => {
            for (k, y) in ys.enumerate() {
                let mut y = [Y::vector::<V>(y[0]), Y::vector(y[1]), Y::vector(y[2]), Y::vector(y[3])];
                let k = k * LANES;
                let mut x = [
                    x.offsets::<V>(a + k, origins[0]),
                    x.offsets(b + k, origins[1]),
                    x.offsets(c + k, origins[2]),
                    x.offsets(d + k, origins[3]),
                ];
                for i in 0..LANES {
                    let keep = x[i].finite().and(y[i].finite());
                    x[i] = x[i].masked(keep, V::splat(0.0));
                    y[i] = y[i].masked(keep, V::splat(0.0));
                    let ones = V::splat(1.0).masked(keep, V::splat(0.0)).to_array();
                    sums[i].kept += (ones[0] + ones[1] + ones[2] + ones[3]) as usize;
                }
                let ([x0, x1, x2, x3], [y0, y1, y2, y3]) = (V::transposed(x), V::transposed(y));
                sum_x = sum_x + x0 + x1 + x2 + x3;
                sum_y = sum_y + y0 + y1 + y2 + y3;
            }
        }
    }
    let (sum_x, sum_y) = (sum_x.to_array(), sum_y.to_array());
    for (i, sum) in sums.iter_mut().enumerate() {
        (sum.x, sum.y) = (sum_x[i], sum_y[i]);
        one_by_one::<P, Y, MASKED>(x, y, starts[i] + whole..starts[i] + len, origins[i], sum);
    }
}

/// LANES elements of each of four slices of one length at a time.
struct Rows<'a, T> {
    a: core::slice::Iter<'a, [T; LANES]>,
    b: core::slice::Iter<'a, [T; LANES]>,
    c: core::slice::Iter<'a, [T; LANES]>,
    d: core::slice::Iter<'a, [T; LANES]>,
}

impl<'a, T> Rows<'a, T> {
    #[inline(always)]
    fn of([a, b, c, d]: [&'a [T]; SIDE_BY_SIDE]) -> Self {
        let (a, b, c, d) = (a.as_chunks().0, b.as_chunks().0, c.as_chunks().0, d.as_chunks().0);
        Self { a: a.iter(), b: b.iter(), c: c.iter(), d: d.iter() }
    }
}

impl<T: Copy> Iterator for Rows<'_, T> {
    type Item = [[T; LANES]; SIDE_BY_SIDE];

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        Some([*self.a.next()?, *self.b.next()?, *self.c.next()?, *self.d.next()?])
    }
}

#[inline(always)]
fn one_by_one<P: Positions, Y: Value, const MASKED: bool>(
    x: P,
    y: &[Y],
    range: Range<usize>,
    origin: P::X,
    sum: &mut Sum,
) {
    for i in range {
        let x = if P::REGULAR && !MASKED { 0.0 } else { x.get(i).offset(origin) };
        add_point::<MASKED>(sum, x, y[i].into());
    }
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
fn steps<P: Positions, V: Vector>(
    x: P,
    start: usize,
    len: usize,
    limit: <P::X as CoordinateOps>::Step,
    from: usize,
) -> bool {
    let first = start.saturating_sub(usize::from(start > from));
    match x.points(first..start + len) {
        Some(points) => P::X::all_within::<V>(points, limit),
        None => true,
    }
}

/// The box around the kept points of a range that is not empty.
#[inline(always)]
fn draw<P: Positions, Y: Value, V: Vector, const MASKED: bool>(
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
    let (low, high, _) = lowest_and_highest::<P, Y, V, MASKED>(x, y, range.clone());
    boxes.starts.push(range.start);
    boxes.x0.push(first);
    boxes.x1.push(last);
    boxes.y0.push(low);
    boxes.y1.push(high);
}

/// The lowest and the highest y of the kept points, and whether all were finite.
#[inline(always)]
fn lowest_and_highest<P: Positions, Y: Value, V: Vector, const MASKED: bool>(
    x: P,
    y: &[Y],
    range: Range<usize>,
) -> (f64, f64, bool) {
    let origin = x.get(range.start);
    let nothing = (V::splat(f64::INFINITY), V::splat(f64::NEG_INFINITY));
    let ((mut low, mut high), mut all) = (nothing, V::splat(0.0).finite());
    let mut k = range.start;
    while k + LANES <= range.end {
        let value: V = values(y, k);
        if MASKED {
            let keep = x.offsets::<V>(k, origin).finite().and(value.finite());
            low = value.masked(keep, nothing.0).smaller(low);
            high = value.masked(keep, nothing.1).larger(high);
        } else {
            low = value.smaller(low);
            high = value.larger(high);
            all = all.and(value.finite());
        }
        k += LANES;
    }
    let mut all = all.all();
    let mut low = low.to_array().into_iter().fold(f64::INFINITY, |low, y| smaller(y, low));
    let mut high = high.to_array().into_iter().fold(f64::NEG_INFINITY, |high, y| larger(y, high));
    for (k, &value) in (k..range.end).zip(&y[k..range.end]) {
        let value: f64 = value.into();
        if !MASKED || (x.get(k).is_finite() & finite(value)) {
            low = smaller(value, low);
            high = larger(value, high);
            all &= finite(value);
        }
    }
    (low, high, all)
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
    fn run<V: Vector>(self) -> Largest {
        let Self { x, y, range, base } = self;
        let (mut best, mut place) = (-1.0, range.start..range.start);
        let mut start = range.start;
        while start < range.end {
            let piece = start..range.end.min(start + PIECE);
            let area = largest_area::<P, Y, V, MASKED>(x, y, piece.clone(), base);
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

/// A [`Base`] in every lane.
#[derive(Clone, Copy)]
struct Wide<X, V> {
    origin: X,
    ax: V,
    ay: V,
    across: V,
    up: V,
}

/// Areas of LANES points.
#[inline(always)]
fn areas<P: Positions, Y: Value, V: Vector, const MASKED: bool>(
    x: P,
    y: &[Y],
    index: usize,
    base: Wide<P::X, V>,
) -> V {
    let (x, y): (V, V) = (x.offsets(index, base.origin), values(y, index));
    let area = (base.across * (y - base.ay) - (base.ax - x) * base.up).abs() * V::splat(0.5);
    if MASKED { area.masked(x.finite().and(y.finite()), V::splat(-1.0)) } else { area }
}

#[inline(always)]
fn largest_area<P: Positions, Y: Value, V: Vector, const MASKED: bool>(
    x: P,
    y: &[Y],
    range: Range<usize>,
    base: &Base<P::X>,
) -> f64 {
    let wide = Wide {
        origin: base.origin,
        ax: V::splat(base.ax),
        ay: V::splat(base.ay),
        across: V::splat(base.across),
        up: V::splat(base.up),
    };
    // Two at a time, so that one comparison need not wait for the other.
    let (mut best, mut other) = (V::splat(-1.0), V::splat(-1.0));
    let mut k = range.start;
    while k + 2 * LANES <= range.end {
        best = areas::<P, Y, V, MASKED>(x, y, k, wide).larger(best);
        other = areas::<P, Y, V, MASKED>(x, y, k + LANES, wide).larger(other);
        k += 2 * LANES;
    }
    let mut best = best.larger(other).to_array().into_iter().fold(-1.0, |best, area| larger(area, best));
    for k in k..range.end {
        let (x, y) = (x.get(k).offset(base.origin), y[k].into());
        if !MASKED || (finite(x) & finite(y)) {
            best = larger(base.area(x, y), best);
        }
    }
    best
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
    fn run<V: Vector>(self) {
        let Self { base, x0, x1, y0, y1, out } = self;
        let base = *base;
        out.clear();
        out.resize(x0.len(), 0.0);
        let ((x0, x1), (y0, y1)) =
            ((&x0[..out.len()], &x1[..out.len()]), (&y0[..out.len()], &y1[..out.len()]));
        for (i, out) in out.iter_mut().enumerate() {
            let x = (x0[i].offset(base.origin), x1[i].offset(base.origin));
            let bound = base.bound(x, (y0[i], y1[i]));
            // Nothing is kept in a box that ends before it begins.
            *out = if y0[i] > y1[i] { -1.0 } else { bound };
        }
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
    fn run<V: Vector>(self) -> Self::Out {
        let Self { x, y, range, steps: limit } = self;
        let (mut low, mut high) = ((f64::INFINITY, range.start), (f64::NEG_INFINITY, range.start));
        let mut clean = true;
        let mut start = range.start;
        while start < range.end {
            let piece = start..range.end.min(start + PIECE);
            let (lowest, highest, all) = lowest_and_highest::<P, Y, V, MASKED>(x, y, piece.clone());
            clean &= all;
            if let Some((limit, from)) = limit {
                clean &= steps::<P, V>(x, start, piece.len(), limit, from);
            }
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
    fn run<V: Vector>(self) -> bool {
        let Self { x, y, range, steps: (limit, from) } = self;
        let mut missing = false;
        for &y in &y[range.clone()] {
            missing |= !finite(y.into());
        }
        // Steps find NaN in x, and infinities but for a lone last one.
        let ends = range.is_empty() || (x.get(range.start).is_finite() & x.get(range.end - 1).is_finite());
        ends & !missing & steps::<P, V>(x, range.start, range.len(), limit, from)
    }
}

/// The lowest of some numbers, which may be infinite.
pub(crate) struct Lowest<'a>(pub(crate) &'a [f64]);

impl Work for Lowest<'_> {
    type Out = f64;

    #[inline(always)]
    fn run<V: Vector>(self) -> f64 {
        let mut low = V::splat(f64::INFINITY);
        let (whole, rest) = self.0.as_chunks();
        for &values in whole {
            low = V::of_f64(values).smaller(low);
        }
        rest.iter().copied().chain(low.to_array()).fold(f64::INFINITY, |low, y| smaller(y, low))
    }
}

/// The highest of some numbers, which may be infinite.
pub(crate) struct Highest<'a>(pub(crate) &'a [f64]);

impl Work for Highest<'_> {
    type Out = f64;

    #[inline(always)]
    fn run<V: Vector>(self) -> f64 {
        let mut high = V::splat(f64::NEG_INFINITY);
        let (whole, rest) = self.0.as_chunks();
        for &values in whole {
            high = V::of_f64(values).larger(high);
        }
        rest.iter().copied().chain(high.to_array()).fold(f64::NEG_INFINITY, |high, y| larger(y, high))
    }
}

/// The widest step between the points of a range.
pub(crate) struct WidestStep<P> {
    pub(crate) x: P,
    pub(crate) range: Range<usize>,
}

impl<P: Positions> Work for WidestStep<P> {
    /// `None` if x descends, or is not finite; nothing for a count.
    type Out = Option<Option<<P::X as CoordinateOps>::Step>>;

    #[inline(always)]
    fn run<V: Vector>(self) -> Self::Out {
        match self.x.points(self.range) {
            None => Some(None),
            Some(points) => P::X::widest_step::<V>(points).map(Some),
        }
    }
}
