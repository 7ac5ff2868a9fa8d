//! What can go wrong with places on the sky.

/// Why a place, a region, a track or a cell could not be made.
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
    /// A depth beyond the greatest, or not on the right side of another.
    #[error("depth is {found}, expected 0..=29 and, of two, the lesser for the larger cell")]
    Depth {
        /// The depth given.
        found: u8,
    },
    /// A cell beyond the last of its depth.
    #[error("cell is {found}, expected 0..{cells} at depth {depth}")]
    Cell {
        /// The depth given.
        depth: u8,
        /// The cell given.
        found: u64,
        /// How many there are.
        cells: u64,
    },
    /// Slices that belong together have different lengths.
    #[error("{what} has {found} values, expected {expected} as the first slice has")]
    LengthMismatch {
        /// The slice that is too long or too short.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length of the first.
        expected: usize,
    },
    /// A row of a slice is wrong.
    #[error("row {index} cannot be used")]
    Row {
        /// Which, from 0.
        index: usize,
        /// What is wrong with it.
        #[source]
        cause: Box<Error>,
    },
    /// A radius or a side is not what a region of its kind can have.
    #[error("{what} is {found_deg} degrees, expected {expected}")]
    Size {
        /// The radius, axis or side.
        what: &'static str,
        /// Its value.
        found_deg: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// A ring of a polygon has fewer than three different vertices.
    #[error("ring {ring} of the polygon has {vertices} different vertices, expected at least 3")]
    FewVertices {
        /// Which ring, from 0.
        ring: usize,
        /// Its vertices after those that repeat the one before are left out.
        vertices: usize,
    },
    /// Two neighbouring vertices of a polygon are opposite, so that no great circle is the shortest.
    #[error(
        "vertex {vertex} of ring {ring} of the polygon is opposite to the next one; \
         give a vertex between them"
    )]
    OppositeVertices {
        /// Which ring, from 0.
        ring: usize,
        /// The former of the two, from 0.
        vertex: usize,
    },
    /// The north of a zone lies south of its south.
    #[error("zone reaches from dec {south_deg} to {north_deg} degrees, expected the southern limit first")]
    ZoneOrder {
        /// The southern limit given, degrees.
        south_deg: f64,
        /// The northern limit given, degrees.
        north_deg: f64,
    },
    /// A MOC could not be read or written.
    #[error("MOC as {format} is not readable: {reason}")]
    Moc {
        /// FITS, ASCII, JSON or STC-S.
        format: &'static str,
        /// What the reader said.
        reason: String,
    },
}

/// Errs unless a slice has as many values as the first.
pub(crate) fn same_length(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::LengthMismatch { what, found, expected }) }
}
