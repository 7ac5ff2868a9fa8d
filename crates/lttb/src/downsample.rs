//! What is asked for, and what is answered.

use alloc::vec::Vec;
use core::ops::Range;

/// How points are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Largest triangle, three buckets: the best-looking line for its number of points.
    ///
    /// Steinarsson 2013, "Downsampling Time Series for Visual Representation", section 4.2.
    #[default]
    Lttb,
    /// The lowest and the highest point of each of `n / 2` bins: no spike is lost.
    MinMax,
    /// LTTB among the lowest and highest points of `ratio · n / 2` bins: near LTTB at the speed of MinMax.
    ///
    /// Van Der Donckt et al. 2023, arXiv:2305.00332. Where there are not more than `ratio` points for each
    /// wanted one, this is LTTB.
    MinMaxLttb {
        /// Candidates for each wanted point, at least 2; the paper has 4.
        ratio: usize,
    },
    /// The first, lowest, highest and last point of each of `n / 4` bins: with one bin a pixel column, a line
    /// through them covers the very pixels that a line through all points covers.
    ///
    /// Jugel et al. 2014, PVLDB 7, 797.
    M4,
}

/// What is a gap in x, across which no line is drawn.
///
/// The parts between gaps are segments. Each keeps its first and last point and gets its share of the `n` points by
/// its length in points, but at least 2 if it has as many, with [`Method::MinMax`] and [`Method::M4`] at least 4: its
/// extremes too. Unless all points are chosen, at most `n / 4` segments are cut, `n / 8` with these two methods, so that
/// these least shares take no more than half of all. Where there are more, the line goes on across the narrower gaps; of gaps whose widths agree
/// to some 3 %, those at which it breaks are spread evenly over the series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Gaps {
    /// Nothing is: the method as published, over the whole series.
    #[default]
    None,
    /// A step wider than ten times the usual one, if it also shows in the picture: wider than four points
    /// chosen at equal distances are from each other where there is no gap.
    ///
    /// The usual step is the median over 64 runs of 32 neighbours, spread evenly over the series. Neighbours
    /// with the same x, as a coarse clock gives them, have none between them.
    Auto,
    /// A step wider than this, in units of x.
    Over(f64),
}

/// What a missing point does. A point is missing when its x or its y is NaN or infinite; none is ever chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// It is left out before anything else happens.
    #[default]
    Drop,
    /// It breaks the line like a gap; the points next to it end and begin segments.
    Break,
}

/// Which instructions do the work; the points chosen are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kernels {
    /// The widest vectors that the processor has.
    #[default]
    Auto,
    /// What every processor of the target has.
    Baseline,
}

/// A request for points, with [`choose`](Self::choose) to answer it.
///
/// ```
/// use uranometria_lttb::{Downsample, Gaps, Method};
///
/// // Two weeks of samples a minute apart, two years apart.
/// let x: Vec<f64> = (0..20_000).map(|i| f64::from(i) / 1440.0 + if i < 10_000 { 0.0 } else { 730.0 }).collect();
/// let y: Vec<f64> = x.iter().map(|x| (x * 3.0).sin()).collect();
/// let chosen = Downsample { method: Method::M4, gaps: Gaps::Auto, ..Downsample::default() }.choose(&x, &y, 400)?;
/// assert_eq!(chosen.indices.len(), 400);
/// assert_eq!(chosen.segments, [0..200, 200..400]);
/// # Ok::<(), uranometria_lttb::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Downsample {
    /// How points are chosen.
    pub method: Method,
    /// What breaks the line.
    pub gaps: Gaps,
    /// What NaN and infinities do.
    pub missing: Missing,
    /// Whether the caller knows that x ascends and that nothing is missing, and would rather have any points
    /// than an error where that is wrong. MinMax and M4 then do not read x.
    pub trusted: bool,
    /// How many threads share the work; 0 is one for each processor. A short series is worth one.
    pub threads: usize,
    /// Which instructions are used.
    pub kernels: Kernels,
}

/// The chosen points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// Indices into the series, strictly ascending.
    pub indices: Vec<usize>,
    /// Ranges of `indices` between which the line breaks; in order, none empty, together all of them.
    pub segments: Vec<Range<usize>>,
}

impl Chosen {
    /// One segment.
    pub(crate) fn unbroken(indices: Vec<usize>) -> Self {
        let all = 0..indices.len();
        Self { indices, segments: core::iter::once(all).collect() }
    }
}
