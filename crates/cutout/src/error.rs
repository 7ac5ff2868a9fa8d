use std::path::PathBuf;

use uranometria_cube as cube;
use uranometria_fits as fits;
use uranometria_sky as sky;
use uranometria_wcs as wcs;

/// What can go wrong with cutting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The cube cannot be read.
    #[error(transparent)]
    Cube(#[from] cube::Error),
    /// A file cannot be read or written.
    #[error(transparent)]
    Fits(#[from] fits::Error),
    /// A position is no position.
    #[error(transparent)]
    Sky(#[from] sky::Error),
    /// The world coordinates cannot be used here.
    #[error("{0}")]
    Wcs(#[from] wcs::Error),
    /// The place is not on the frame.
    #[error("{place} is not on the frame of {columns} columns and {rows} rows{reason}")]
    OffFrame {
        /// The place that was asked for.
        place: String,
        /// Columns of the frame.
        columns: usize,
        /// Rows of the frame.
        rows: usize,
        /// How far it is off, or why there is no pixel for it.
        reason: String,
    },
    /// A size that is no size.
    #[error("size {found} is not possible, expected 1 to {max} pixels a side")]
    Size {
        /// What was asked for.
        found: String,
        /// The most pixels a side.
        max: usize,
    },
    /// A moving target is never on the frame while frames were taken.
    #[error(
        "the track from {from} to {to} d has no point on the {frames} frames of the cube, taken from {first} to {last} d"
    )]
    TrackOffFrames {
        /// Start of the track, days.
        from: f64,
        /// End of the track, days.
        to: f64,
        /// Number of frames.
        frames: usize,
        /// First frame, days.
        first: f64,
        /// Last frame, days.
        last: f64,
    },
    /// A row of a table of targets or of a track is wrong.
    #[error("row {row}: {reason}")]
    Row {
        /// The row, counted from 1 behind the header.
        row: usize,
        /// What was found and wanted.
        reason: String,
    },
    /// A table of targets or a track lacks a column, or has no row.
    #[error("{0}")]
    Table(String),
    /// Two targets of a list would have the same file.
    #[error("targets {first} and {second} are both named {name:?}; give them names of their own")]
    SameName {
        /// Row of the one, from 1.
        first: usize,
        /// Row of the other, from 1.
        second: usize,
        /// The name.
        name: String,
    },
    /// A parquet file cannot be written.
    #[error("cannot write parquet: {0}")]
    Parquet(String),
    /// An error inside a named file.
    #[error("{path}, {source}", path = path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: Box<Error>,
    },
}
