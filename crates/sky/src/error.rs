//! What can go wrong with places on the sky.

/// Why a direction, an angle or a track could not be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A coordinate is NaN or infinite.
    #[error("{what} is {found}, expected a finite number")]
    NotFinite {
        /// The coordinate.
        what: &'static str,
        /// Its value.
        found: f64,
    },
    /// A declination lies beyond a pole.
    #[error("dec is {found}, expected -90..=90 degrees")]
    Declination {
        /// The declination given, degrees.
        found: f64,
    },
    /// A vector has no direction.
    #[error("vector {found:?} has no direction, expected a finite one that is not zero")]
    NoDirection {
        /// The vector given.
        found: [f64; 3],
    },
    /// A text is not an angle.
    #[error(
        "angle is '{found}', expected a number with deg, arcmin, arcsec, mas or rad, \
         as in 11arcmin; without unit it is degrees"
    )]
    BadAngle {
        /// The text given.
        found: String,
    },
    /// A track has no point, or not one position for each time.
    #[error("track has {times} times and {positions} positions, expected as many of both and at least one")]
    TrackLength {
        /// How many times.
        times: usize,
        /// How many positions.
        positions: usize,
    },
    /// A time of a track is NaN or infinite, or so large that differences overflow.
    #[error("time {index} of the track is {found}, expected a finite time not infinitely far from the first")]
    TrackTime {
        /// Which, from 0.
        index: usize,
        /// Its value.
        found: f64,
    },
    /// The times of a track do not ascend.
    #[error(
        "time {index} of the track is {found}, expected more than {before}, \
         the one before; sort by time and keep one row a time"
    )]
    Unsorted {
        /// The first that is not above the one before it, from 0.
        index: usize,
        /// Its value.
        found: f64,
        /// The value before it.
        before: f64,
    },
    /// Two points of a track are so far apart that the way between them is anyone's guess.
    #[error(
        "point {index} of the track is {separation_deg:.1} degrees from the one before, \
         expected at most 90; give more points"
    )]
    TrackGap {
        /// The later of the two, from 0.
        index: usize,
        /// Their distance in degrees.
        separation_deg: f64,
    },
}
