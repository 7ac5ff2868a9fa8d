//! A function for each method, with the defaults of everything else.

use alloc::vec::Vec;

use crate::coordinate::{Axis, Value};
use crate::downsample::{Downsample, Method};
use crate::error::Error;

/// Chooses the `n` points of a series that best keep its drawn shape: largest triangle, three buckets.
///
/// Returns ascending indices. Missing points (NaN, infinities) are left out first; gaps are not looked for.
/// For everything else see [`Downsample::choose`], which this calls.
///
/// # Errors
/// [`Error::LengthMismatch`], and [`Error::Unsorted`] with the first index where `x` descends.
///
/// Steinarsson 2013, "Downsampling Time Series for Visual Representation", section 4.2.
///
/// ```
/// let x = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
/// let y = [0.0, 0.1, 9.0, 0.2, 0.1, 0.0];
/// assert_eq!(uranometria_lttb::lttb(&x, &y, 4)?, [0, 2, 3, 5]);
/// # Ok::<(), uranometria_lttb::Error>(())
/// ```
pub fn lttb<A: Axis, Y: Value>(x: A, y: &[Y], n: usize) -> Result<Vec<usize>, Error> {
    choose(Method::Lttb, x, y, n)
}

/// Chooses the lowest and the highest point of each of `n / 2` bins.
///
/// Like [`lttb`] in everything else; bins have equal numbers of points.
///
/// ```
/// use uranometria_lttb::{Regular, minmax};
///
/// let y = [0.0_f32, 5.0, 1.0, 2.0, -3.0, 0.5, 0.0, 0.1, 0.2, 0.3];
/// assert_eq!(minmax(Regular, &y, 4)?, [1, 4, 5, 6]);
/// # Ok::<(), uranometria_lttb::Error>(())
/// ```
///
/// # Errors
/// As [`lttb`].
pub fn minmax<A: Axis, Y: Value>(x: A, y: &[Y], n: usize) -> Result<Vec<usize>, Error> {
    choose(Method::MinMax, x, y, n)
}

/// Chooses `n` points by LTTB among `4 n` extremes: nearly the picture of [`lttb`], in less time.
///
/// # Errors
/// As [`lttb`].
///
/// Van Der Donckt et al. 2023, "MinMaxLTTB: Leveraging MinMax-Preselection to Scale LTTB", arXiv:2305.00332.
pub fn minmaxlttb<A: Axis, Y: Value>(x: A, y: &[Y], n: usize) -> Result<Vec<usize>, Error> {
    choose(Method::MinMaxLttb { ratio: 4 }, x, y, n)
}

/// Chooses the first, lowest, highest and last point of each of `n / 4` bins.
///
/// Like [`lttb`] in everything else; bins have equal numbers of points.
///
/// # Errors
/// As [`lttb`].
///
/// Jugel et al. 2014, "M4: A Visualization-Oriented Time Series Data Aggregation", PVLDB 7, 797.
pub fn m4<A: Axis, Y: Value>(x: A, y: &[Y], n: usize) -> Result<Vec<usize>, Error> {
    choose(Method::M4, x, y, n)
}

fn choose<A: Axis, Y: Value>(method: Method, x: A, y: &[Y], n: usize) -> Result<Vec<usize>, Error> {
    Ok(Downsample { method, ..Downsample::default() }.choose(x, y, n)?.indices)
}
