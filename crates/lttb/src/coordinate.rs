//! What x and y are made of, and where a series keeps its x.

use alloc::string::String;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt::Debug;
use core::ops::Range;

use sealed::Sealed;

use crate::vector::{LANES, Vector};

mod sealed {
    use super::{Debug, LANES, String, Vector};

    /// What the kernels do with a number on the x axis; `origin` is never above the number itself.
    pub trait Sealed: Copy + PartialOrd + Debug + Send + Sync + 'static {
        /// A difference of two of them: exact for integers.
        type Step: Copy + PartialOrd + Debug + Send + Sync;
        /// Whether offsets are from the origin.
        const RELATIVE: bool;
        /// A name for files.
        const NAME: &'static str;
        /// The number as the algorithms see it: from the origin for integers, as it is for floats.
        fn offset(self, origin: Self) -> f64;
        fn offsets<V: Vector>(points: [Self; LANES], origin: Self) -> V;
        /// Whether each point is [`within`](Self::within) the limit of the one before.
        fn all_within<V: Vector>(points: &[Self], limit: Self::Step) -> bool;
        /// The widest of the steps between neighbours; `None` if one descends or is not a number.
        fn widest_step<V: Vector>(points: &[Self]) -> Option<Self::Step>;
        fn is_finite(self) -> bool;
        /// From one to a later one; NaN where either is.
        fn step(from: Self, to: Self) -> Self::Step;
        /// Whether `to` is not before `from` and at most `limit` after it; false for NaN.
        fn within(from: Self, to: Self, limit: Self::Step) -> bool;
        /// The widest step that is not above `width`.
        fn limit(width: f64) -> Self::Step;
        fn width(step: Self::Step) -> f64;
        /// Whether offsets from `first` are exact up to `last`.
        fn is_exact(first: Self, last: Self) -> bool;
        fn text(self) -> String;
        fn to_bits(self) -> u64;
        fn from_bits(bits: u64) -> Self;
    }
}

pub(crate) use sealed::Sealed as CoordinateOps;

/// A number on the x axis: f32, f64, i32, u32, i64 or u64. Time stamps are integers.
///
/// Integers lose nothing: the first x of a series is subtracted before anything becomes a float, and where a
/// series spans 2⁵² or more (52 days in nanoseconds) the origin moves along with the buckets.
pub trait Coordinate: Sealed {}

macro_rules! floats {
    ($($float:ty, $bits:ty, $of:ident, $name:literal);*) => {$(
        impl Coordinate for $float {}
        impl Sealed for $float {
            type Step = f64;
            const RELATIVE: bool = false;
            const NAME: &'static str = $name;
            #[inline(always)]
            fn offset(self, _: Self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn offsets<V: Vector>(points: [Self; LANES], _: Self) -> V {
                V::$of(points)
            }
            #[inline(always)]
            fn all_within<V: Vector>(points: &[Self], limit: f64) -> bool {
                let (mut all, most) = (V::splat(0.0).finite(), V::splat(limit));
                let mut k = 0;
                while k + LANES < points.len() {
                    let (before, after) = (V::$of(four(points, k)), V::$of(four(points, k + 1)));
                    all = all.and(before.at_most(after)).and((after - before).at_most(most));
                    k += LANES;
                }
                let rest = &points[k.min(points.len())..];
                all.all() & rest.windows(2).all(|pair| Self::within(pair[0], pair[1], limit))
            }
            #[inline(always)]
            fn widest_step<V: Vector>(points: &[Self]) -> Option<f64> {
                let (mut widest, mut narrowest) = (V::splat(0.0), V::splat(0.0));
                let mut numbers = V::splat(1.0).finite();
                let mut k = 0;
                while k + LANES < points.len() {
                    let (before, after) = (V::$of(four(points, k)), V::$of(four(points, k + 1)));
                    let step = after - before;
                    widest = step.larger(widest);
                    narrowest = step.smaller(narrowest);
                    // A step that overflows is wide, but it is one.
                    numbers = numbers.and(before.finite()).and(after.finite());
                    k += LANES;
                }
                let mut most = widest.to_array().into_iter().fold(0.0, |a, b| if b > a { b } else { a });
                let mut ascends = numbers.all() && narrowest.to_array().iter().all(|&step| step >= 0.0);
                for pair in points[k.min(points.len())..].windows(2) {
                    let step = Self::step(pair[0], pair[1]);
                    ascends &= pair[0] <= pair[1];
                    most = if step > most { step } else { most };
                }
                ascends.then_some(most)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                self.abs() <= <$float>::MAX
            }
            #[inline(always)]
            fn step(from: Self, to: Self) -> f64 {
                f64::from(to) - f64::from(from)
            }
            #[inline(always)]
            fn within(from: Self, to: Self, limit: f64) -> bool {
                (from <= to) & (f64::from(to) - f64::from(from) <= limit)
            }
            fn limit(width: f64) -> f64 {
                width
            }
            fn width(step: f64) -> f64 {
                step
            }
            fn is_exact(_: Self, _: Self) -> bool {
                true
            }
            fn text(self) -> String {
                // With an exponent where there would be hundreds of zeros.
                const LONG: usize = 25;
                Some(self.to_string()).filter(|text| text.len() < LONG).unwrap_or_else(|| alloc::format!("{self:?}"))
            }
            fn to_bits(self) -> u64 {
                u64::from(<$float>::to_bits(self))
            }
            fn from_bits(bits: u64) -> Self {
                <$float>::from_bits(bits as $bits)
            }
        }
    )*};
}

floats!(f32, u32, of_f32, "f32"; f64, u64, of_f64, "f64");

macro_rules! integers {
    ($($integer:ty, $unsigned:ty, $name:literal);*) => {$(
        impl Coordinate for $integer {}
        impl Sealed for $integer {
            type Step = u64;
            const RELATIVE: bool = true;
            const NAME: &'static str = $name;
            #[inline(always)]
            fn offset(self, origin: Self) -> f64 {
                to_f64(u64::from(self.wrapping_sub(origin) as $unsigned))
            }
            #[inline(always)]
            fn offsets<V: Vector>(points: [Self; LANES], origin: Self) -> V {
                V::of_f64(points.map(|x| x.offset(origin)))
            }
            #[inline(always)]
            fn all_within<V: Vector>(points: &[Self], limit: u64) -> bool {
                let mut outside = false;
                for (&before, &after) in points.iter().zip(points.iter().skip(1)) {
                    outside |= !Self::within(before, after, limit);
                }
                !outside
            }
            #[inline(always)]
            fn widest_step<V: Vector>(points: &[Self]) -> Option<u64> {
                let (mut widest, mut descends) = (0, false);
                for (&before, &after) in points.iter().zip(points.iter().skip(1)) {
                    widest = Self::step(before, after).max(widest);
                    descends |= after < before;
                }
                (!descends).then_some(widest)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                true
            }
            #[inline(always)]
            fn step(from: Self, to: Self) -> u64 {
                u64::from(to.wrapping_sub(from) as $unsigned)
            }
            #[inline(always)]
            fn within(from: Self, to: Self, limit: u64) -> bool {
                (from <= to) & (Self::step(from, to) <= limit)
            }
            fn limit(width: f64) -> u64 {
                width as u64
            }
            fn width(step: u64) -> f64 {
                step as f64
            }
            fn is_exact(first: Self, last: Self) -> bool {
                Self::step(first, last) < 1 << 52
            }
            fn text(self) -> String {
                self.to_string()
            }
            fn to_bits(self) -> u64 {
                u64::from(self as $unsigned)
            }
            fn from_bits(bits: u64) -> Self {
                bits as Self
            }
        }
    )*};
}

integers!(i32, u32, "i32"; u32, u32, "u32"; i64, u64, "i64"; u64, u64, "u64");

/// The nearest f64; the halves are joined by one rounding, and vector units know each step.
#[inline(always)]
fn to_f64(value: u64) -> f64 {
    const LOW: u64 = 0x4330_0000_0000_0000; // 2^52
    const HIGH: u64 = 0x4530_0000_0000_0000; // 2^84
    const BOTH: f64 = 19342813118337666422669312.0; // 2^84 + 2^52
    let low = f64::from_bits(LOW | (value & 0xffff_ffff));
    let high = f64::from_bits(HIGH | (value >> 32));
    (high - BOTH) + low
}

/// A number on the y axis: f32 or f64. Anything is computed in f64.
pub trait Value: Copy + Into<f64> + Debug + Send + Sync + 'static + private::Value {}

mod private {
    use super::{LANES, Vector};

    pub trait Value: Sized {
        fn vector<V: Vector>(values: [Self; LANES]) -> V;
    }

    impl Value for f32 {
        #[inline(always)]
        fn vector<V: Vector>(values: [Self; LANES]) -> V {
            V::of_f32(values)
        }
    }

    impl Value for f64 {
        #[inline(always)]
        fn vector<V: Vector>(values: [Self; LANES]) -> V {
            V::of_f64(values)
        }
    }
}

impl Value for f32 {}
impl Value for f64 {}

/// Where a series keeps its x: a slice, an array or a vector of [`Coordinate`]s, or [`Regular`].
pub trait Axis: Copy {
    /// The type of one x.
    type X: Coordinate;
    #[doc(hidden)]
    type Positions: Positions<X = Self::X>;
    #[doc(hidden)]
    fn positions(self) -> Self::Positions;
    #[doc(hidden)]
    fn known_len(self) -> Option<usize>;
}

/// Equal steps of x: the i-th point is at i.
///
/// The choice of points does not depend on the start and the length of the steps, so none are asked for;
/// widths of gaps are counted in steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Regular;

#[doc(hidden)]
pub trait Positions: Copy + Send + Sync {
    type X: Coordinate;
    /// Whether x is the index: then it ascends, is finite, and sums are known.
    const REGULAR: bool;
    fn get(&self, index: usize) -> Self::X;
    /// Offsets of the LANES points from `index` on.
    fn offsets<V: Vector>(&self, index: usize, origin: Self::X) -> V;
    /// The points of a range; `None` where they are counted.
    fn points(&self, range: Range<usize>) -> Option<&[Self::X]>;
}

impl Axis for Regular {
    type X = u64;
    type Positions = Self;
    fn positions(self) -> Self {
        self
    }
    fn known_len(self) -> Option<usize> {
        None
    }
}

impl Positions for Regular {
    type X = u64;
    const REGULAR: bool = true;
    #[inline(always)]
    fn get(&self, index: usize) -> u64 {
        index as u64
    }
    #[inline(always)]
    fn offsets<V: Vector>(&self, index: usize, origin: u64) -> V {
        counted(index as u64, origin)
    }
    #[inline(always)]
    fn points(&self, _: Range<usize>) -> Option<&[u64]> {
        None
    }
}

/// Offsets of an index and those after it; missing points may be before the origin.
#[inline(always)]
fn counted<V: Vector>(first: u64, origin: u64) -> V {
    V::splat(first.wrapping_sub(origin) as i64 as f64) + V::of_f64([0.0, 1.0, 2.0, 3.0])
}

/// [`Regular`] x of a stretch of a series: what is at 0 in the slice of y is at `start` in the series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted<X> {
    start: u64,
    x: core::marker::PhantomData<X>,
}

impl<X> From<usize> for Counted<X> {
    fn from(start: usize) -> Self {
        Self { start: start as u64, x: core::marker::PhantomData }
    }
}

impl<X: Coordinate> Positions for Counted<X> {
    type X = X;
    const REGULAR: bool = true;
    #[inline(always)]
    fn get(&self, index: usize) -> X {
        X::from_bits(self.start + index as u64)
    }
    #[inline(always)]
    fn offsets<V: Vector>(&self, index: usize, origin: X) -> V {
        counted(self.start + index as u64, origin.to_bits())
    }
    #[inline(always)]
    fn points(&self, _: Range<usize>) -> Option<&[X]> {
        None
    }
}

impl<'a, X: Coordinate> Axis for &'a [X] {
    type X = X;
    type Positions = Self;
    fn positions(self) -> &'a [X] {
        self
    }
    fn known_len(self) -> Option<usize> {
        Some(<[X]>::len(self))
    }
}

impl<X: Coordinate> Positions for &[X] {
    type X = X;
    const REGULAR: bool = false;
    #[inline(always)]
    fn get(&self, index: usize) -> X {
        self[index]
    }
    #[inline(always)]
    fn offsets<V: Vector>(&self, index: usize, origin: X) -> V {
        X::offsets(four(self, index), origin)
    }
    #[inline(always)]
    fn points(&self, range: Range<usize>) -> Option<&[X]> {
        Some(&self[range])
    }
}

impl<'a, X: Coordinate> Axis for &'a Vec<X> {
    type X = X;
    type Positions = &'a [X];
    fn positions(self) -> &'a [X] {
        self
    }
    fn known_len(self) -> Option<usize> {
        Some(Vec::len(self))
    }
}

impl<'a, X: Coordinate, const N: usize> Axis for &'a [X; N] {
    type X = X;
    type Positions = &'a [X];
    fn positions(self) -> &'a [X] {
        self
    }
    fn known_len(self) -> Option<usize> {
        Some(N)
    }
}

#[inline(always)]
fn four<T: Copy>(of: &[T], index: usize) -> [T; LANES] {
    of[index..index + LANES].try_into().expect("the slice has LANES elements")
}

/// The LANES values of y from `index` on.
#[inline(always)]
pub(crate) fn values<Y: Value, V: Vector>(y: &[Y], index: usize) -> V {
    Y::vector(four(y, index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_become_the_nearest_float() {
        for value in
            [0, 1, 7, 1 << 32, (1 << 53) + 1, (1 << 53) + 3, u64::MAX, u64::MAX - 1024, 0x8000_0000_0000_0401]
        {
            assert_eq!(to_f64(value), value as f64, "{value}");
        }
        let mut value = 1_u64;
        for _ in 0..100_000 {
            value = value.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            for value in [value, value >> 11, value >> 20, value >> 40] {
                assert_eq!(to_f64(value), value as f64, "{value}");
            }
        }
    }

    #[test]
    fn integers_of_opposite_ends_are_exact() {
        assert_eq!(<i64 as CoordinateOps>::step(i64::MIN, i64::MAX), u64::MAX);
        assert_eq!(i64::MIN.offset(i64::MIN), 0.0);
        assert_eq!(1_700_000_000_000_000_001_i64.offset(1_700_000_000_000_000_000), 1.0);
        assert_eq!((-3_i32).offset(-5), 2.0);
    }
}
