use std::io;
use std::path::{Path, PathBuf};

/// What can be wrong with a target pixel file, an aperture or a light curve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An error inside a named file.
    #[error("{path}, {source}", path = path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: Box<Error>,
    },
    /// The bytes are not FITS, or not as FITS should be.
    #[error(transparent)]
    Fits(#[from] uranometria_fits::Error),
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
    /// Light curves of different targets or units cannot be joined.
    #[error("light curve {index} has {what} {found}, the first one has {wanted}; {way_out}")]
    Mismatch {
        /// Which one, counted from 1.
        index: usize,
        /// What differs.
        what: &'static str,
        /// Its value.
        found: String,
        /// The value of the first.
        wanted: String,
        /// What can be done.
        way_out: &'static str,
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
    #[error("cannot write the light curve as parquet: {0}")]
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
