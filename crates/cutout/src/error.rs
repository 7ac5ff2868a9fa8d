use std::io;
use std::path::{Path, PathBuf};

use uranometria_cube as cube;
use uranometria_fits as fits;
use uranometria_sky as sky;
use uranometria_wcs as wcs;

/// What can go wrong with cutting, with target pixel files, apertures and light curves.
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
    /// The work was stopped on request.
    #[error("interrupted; run the same command again")]
    Interrupted,
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
    /// The file has no binary table, so it is no target pixel file.
    #[error("no HDU is a binary table, found {found}; expected a target pixel file with a table PIXELS")]
    NoTable {
        /// The kinds of the HDUs.
        found: String,
    },
    /// A column has another shape than a target pixel file needs.
    #[error("HDU {hdu}: column {column} has {found}, expected {wanted}")]
    Shape {
        /// The HDU, 0 for the primary one.
        hdu: usize,
        /// The column.
        column: String,
        /// Its TFORM and TDIM.
        found: String,
        /// What it should have.
        wanted: String,
    },
    /// A value in a row of a table is out of range.
    #[error("HDU {hdu}: column {column}, row {row}: {found}, expected {wanted}")]
    Value {
        /// The HDU, 0 for the primary one.
        hdu: usize,
        /// The column.
        column: String,
        /// The row, counted from 1.
        row: usize,
        /// The value.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// The aperture image of a target pixel file has another size than its frames.
    #[error("HDU {hdu}: the aperture image is {found}, expected {wanted} pixels as FLUX has")]
    ApertureImage {
        /// The HDU, 0 for the primary one.
        hdu: usize,
        /// Its size, columns x rows, or what else it is.
        found: String,
        /// The size of a frame, columns x rows.
        wanted: String,
    },
    /// A mask has another size than the frames it is for.
    #[error("the mask is {found} pixels, expected {wanted} (columns x rows) as the target pixel file has")]
    MaskSize {
        /// Its size, columns x rows.
        found: String,
        /// The size of a frame, columns x rows.
        wanted: String,
    },
    /// A cell of a mask in CSV is neither 0 nor 1.
    #[error("the mask's line {line}, value {value} is {found:?}, expected 0 or 1, separated by commas")]
    MaskValue {
        /// The line, counted from 1.
        line: usize,
        /// The value in the line, counted from 1.
        value: usize,
        /// The text of the cell.
        found: String,
    },
    /// A mask file is neither FITS nor text.
    #[error(
        "the mask is not UTF-8 text from byte {byte} on, nor FITS; expected CSV of 0 and 1 or a FITS image"
    )]
    MaskFormat {
        /// Where the first byte stands that is no text.
        byte: usize,
    },
    /// An aperture without pixels.
    #[error("the aperture is empty: {why}; {way_out}")]
    EmptyAperture {
        /// Why no pixel is in it.
        why: String,
        /// What can be done.
        way_out: &'static str,
    },
    /// No pixel is left from which the background could be measured.
    #[error(
        "no pixel outside the aperture of {aperture} pixels is left for the background of a {stamp} stamp; use --background none or a larger stamp"
    )]
    NoBackground {
        /// Pixels in the aperture.
        aperture: usize,
        /// The size of the stamp, columns x rows.
        stamp: String,
    },
    /// An annulus whose inner edge is behind its outer one, or inside the aperture.
    #[error("the annulus is {inner}..={outer} pixels from the aperture, expected 1 <= inner <= outer")]
    Annulus {
        /// The inner edge.
        inner: usize,
        /// The outer edge.
        outer: usize,
    },
    /// There are no light curves to join.
    #[error("no light curve to join, expected at least one")]
    NothingToJoin,
    /// Light curves of different targets, units or clocks cannot be joined.
    #[error(
        "light curve {index}{of} has {what} {found}, the first one{of_first} has {wanted}; {way_out}",
        of = in_brackets(&files[0]),
        of_first = in_brackets(&files[1])
    )]
    Mismatch {
        /// Which one, counted from 1.
        index: usize,
        /// The names of its target pixel file and of the first one's; empty where they are not known.
        files: Box<[String; 2]>,
        /// What differs.
        what: &'static str,
        /// Its value.
        found: String,
        /// The value of the first.
        wanted: String,
        /// What can be done.
        way_out: &'static str,
    },
    /// Light curves have a frame in common, so that its row would be there twice.
    #[error(
        "light curve {index}{of} has the frame of {frame}, and so has light curve {other}{of_other}; join only one of them",
        of = in_brackets(&files[0]),
        of_other = in_brackets(&files[1])
    )]
    Twice {
        /// Which one, counted from 1.
        index: usize,
        /// The earlier one.
        other: usize,
        /// The names of their target pixel files; empty where they are not known.
        files: Box<[String; 2]>,
        /// What the frame is known by: its cadence number and sector, or its time.
        frame: String,
    },
    /// A sector cannot be divided by its median.
    #[error(
        "the median flux of sector {sector} is {found}, expected above 0; join the sectors without normalising"
    )]
    Median {
        /// The sector, 0 where it is not known.
        sector: i32,
        /// The median, or why there is none.
        found: String,
    },
    /// Writing failed.
    #[error("cannot write the light curve as {format}: {source}")]
    Write {
        /// The format.
        format: &'static str,
        /// The reason.
        source: io::Error,
    },
    /// The parquet writer refused.
    #[cfg(feature = "parquet")]
    #[error("cannot write parquet: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
    /// The columns of a light curve differ in length.
    #[error("column {column} of the light curve has {found} rows, expected {wanted} as time has")]
    Length {
        /// The column.
        column: &'static str,
        /// Its length.
        found: usize,
        /// The length of `time`.
        wanted: usize,
    },
    /// The program cannot write parquet.
    #[error("this program was built without the feature parquet; choose another format")]
    NoParquet,
    /// An error inside a named file.
    #[error("{path}, {source}", path = path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: Box<Error>,
    },
}

fn in_brackets(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" ({name})") }
}

impl Error {
    /// Names the file in which the error arose.
    pub fn in_file(self, path: impl AsRef<Path>) -> Self {
        match self {
            Error::InFile { .. } => self,
            other => Error::InFile { path: path.as_ref().to_path_buf(), source: Box::new(other) },
        }
    }
}
