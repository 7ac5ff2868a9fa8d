//! Where the points of a zone-mapped series are.

use core::fmt::{self, Display, Formatter};
use core::ops::Range;

use crate::coordinate::{Coordinate, Value};
use crate::error::Error;

/// The points of a series that has a zone map: a mapped array, pages of a parquet file, a ranged download.
///
/// What is read must be what the map was made of. Where it is not, points are chosen that mean nothing;
/// nothing worse happens.
pub trait Samples: Send {
    /// The type of x; u64 for [`Regular`](crate::Regular).
    type X: Coordinate;
    /// The type of y.
    type Y: Value;
    /// Why reading fails.
    type Error: Send;

    /// Returns x and y of some points; x is empty where it is [`Regular`](crate::Regular).
    ///
    /// The range is never empty and never crosses a border of blocks. Mostly it lies behind the one before; within a bucket
    /// of LTTB a few blocks are asked for out of order first.
    ///
    /// # Errors
    /// Whatever the source has.
    #[expect(clippy::type_complexity, reason = "two slices")]
    fn read(&mut self, range: Range<usize>) -> Result<(&[Self::X], &[Self::Y]), Self::Error>;

    /// Returns the same points for another thread, which will read another part of them; `None`, as it is unless it is
    /// said otherwise, where one thread must do.
    fn fork(&self) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

/// Slices as [`Samples`]. For a regular series `x` is empty.
#[derive(Clone, Copy, Debug)]
pub struct Slices<'a, X, Y> {
    /// All x, or none.
    pub x: &'a [X],
    /// All y.
    pub y: &'a [Y],
}

impl<X: Coordinate, Y: Value> Samples for Slices<'_, X, Y> {
    type X = X;
    type Y = Y;
    type Error = core::convert::Infallible;

    fn read(&mut self, range: Range<usize>) -> Result<(&[X], &[Y]), Self::Error> {
        let x = if self.x.is_empty() { self.x } else { &self.x[range.clone()] };
        Ok((x, &self.y[range]))
    }

    fn fork(&self) -> Option<Self> {
        Some(*self)
    }
}

/// Why no points were chosen by a zone map.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ZoneError<E> {
    /// Something is wrong with the request or the series.
    Series(Error),
    /// The points could not be read.
    Read(E),
}

impl<E> From<Error> for ZoneError<E> {
    fn from(error: Error) -> Self {
        Self::Series(error)
    }
}

impl<E: Display> Display for ZoneError<E> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Series(error) => error.fmt(f),
            Self::Read(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error> core::error::Error for ZoneError<E> {}
