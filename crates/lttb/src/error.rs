//! What can be wrong with a series or a request.

use alloc::string::String;
use core::fmt::{self, Display, Formatter};

use crate::coordinate::CoordinateOps;

/// Why no points were chosen.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// x and y have different lengths.
    LengthMismatch {
        /// Length of x.
        x: usize,
        /// Length of y.
        y: usize,
    },
    /// x descends.
    Unsorted {
        /// The first point whose x is below that of an earlier one.
        index: usize,
        /// Its x.
        found: String,
        /// The x before it, missing points left out.
        before: String,
    },
    /// The width of a gap is not a number above 0.
    GapWidth {
        /// What was asked for.
        found: f64,
    },
    /// MinMaxLTTB was to choose among fewer candidates than points.
    Ratio {
        /// What was asked for.
        found: usize,
    },
    /// The window does not lie in the series.
    Window {
        /// Its first point.
        start: usize,
        /// One past its last point.
        end: usize,
        /// The length of the series.
        points: usize,
    },
    /// Points read do not agree with the zone map: the series was changed after the map was made.
    Stale {
        /// The first point of the block that differs.
        index: usize,
    },
    /// Bytes are not a zone map.
    NotAZoneMap {
        /// What is wrong.
        reason: String,
    },
}

impl Error {
    pub(crate) fn unsorted<X: CoordinateOps>(index: usize, found: X, before: X) -> Self {
        Self::Unsorted { index, found: found.text(), before: before.text() }
    }

    /// Counts points from `start` of a longer series.
    pub(crate) fn shifted(self, start: usize) -> Self {
        match self {
            Self::Unsorted { index, found, before } => Self::Unsorted { index: index + start, found, before },
            other => other,
        }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::LengthMismatch { x, y } => {
                write!(f, "x has {x} points, y has {y}; they must be equally long")
            }
            Self::Unsorted { index, found, before } => {
                write!(
                    f,
                    "x descends at index {index}: {found} comes after {before}; sort the rows by x first"
                )
            }
            Self::GapWidth { found } => write!(f, "a gap is {found} wide, expected a number above 0"),
            Self::Ratio { found } => {
                write!(f, "MinMaxLTTB has {found} candidates for a point, expected at least 2")
            }
            Self::Window { start, end, points } => {
                write!(f, "the window {start}..{end} is not in the series of {points} points")
            }
            Self::Stale { index } => {
                write!(f, "the points from index {index} on differ from the zone map; build it anew")
            }
            Self::NotAZoneMap { reason } => write!(f, "this is no zone map: {reason}"),
        }
    }
}

impl core::error::Error for Error {}
