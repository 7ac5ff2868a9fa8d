//! What can go wrong with a world coordinate system.

/// Why a WCS could not be read, used or fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A keyword without which there is no WCS is not in the header.
    #[error("{keyword} is missing, expected {wanted}; a frame without WCS cannot be placed on the sky")]
    MissingKeyword {
        /// The keyword looked for.
        keyword: String,
        /// What should stand there.
        wanted: &'static str,
    },
    /// A keyword is there but says something that cannot be used.
    #[error("{keyword} is {found}, expected {wanted}")]
    BadKeyword {
        /// The keyword.
        keyword: String,
        /// Its value as a reader would see it.
        found: String,
        /// What should stand there.
        wanted: &'static str,
    },
    /// A number given to a constructor cannot be used.
    #[error("{what} is {found}, expected {wanted}")]
    BadValue {
        /// The quantity.
        what: String,
        /// Its value.
        found: f64,
        /// What was wanted.
        wanted: &'static str,
    },
    /// The linear part squeezes the plane into a line or a point.
    #[error(
        "the matrix CD1_1={} CD1_2={} CD2_1={} CD2_2={} cannot be inverted, expected two independent pixel axes",
        cd[0][0], cd[0][1], cd[1][0], cd[1][1]
    )]
    SingularMatrix {
        /// The matrix in degrees per pixel; rows are right ascension and declination.
        cd: [[f64; 2]; 2],
    },
    /// A coordinate is NaN or infinite.
    #[error("{what} is {found}, expected a finite number")]
    NotFinite {
        /// The quantity.
        what: String,
        /// Its value.
        found: f64,
    },
    /// A declination lies beyond a pole.
    #[error("dec is {found}, expected -90..=90 degrees")]
    Declination {
        /// The declination asked for.
        found: f64,
    },
    /// The position is 90 degrees or more from the tangent point and has no image in the plane.
    #[error(
        "position ra={ra_deg} dec={dec_deg} is {separation_deg:.3} degrees from the tangent point, \
         expected less than 90"
    )]
    BehindTangentPlane {
        /// Right ascension asked for, degrees.
        ra_deg: f64,
        /// Declination asked for, degrees.
        dec_deg: f64,
        /// Distance from the tangent point, degrees.
        separation_deg: f64,
    },
    /// No pixel was found whose SIP distortion gives this position; it lies far off the chip.
    #[error(
        "no pixel found for ra={ra_deg} dec={dec_deg}: the SIP polynomials do not reach it, \
         so it lies far off the image"
    )]
    NoConvergence {
        /// Right ascension asked for, degrees.
        ra_deg: f64,
        /// Declination asked for, degrees.
        dec_deg: f64,
    },
    /// A stamp has no pixels, or so many that a fit over them all makes no sense.
    #[error("stamp is {columns} x {rows} pixels, expected 1..={limit} each way")]
    StampSize {
        /// Columns asked for.
        columns: usize,
        /// Rows asked for.
        rows: usize,
        /// The largest side.
        limit: usize,
    },
    /// Pixels and positions to be matched differ in number.
    #[error("{pixels} pixels for {positions} positions, expected as many of one as of the other")]
    LengthMismatch {
        /// How many pixels.
        pixels: usize,
        /// How many positions.
        positions: usize,
    },
    /// Too few points, or all of them on one line, so that no linear WCS is the best.
    #[error("{points} points that do not span the plane, expected at least 3 that are not on one line")]
    Degenerate {
        /// How many points.
        points: usize,
    },
}
