use std::io;
use std::path::{Path, PathBuf};

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;
use uranometria_fits as fits;
use uranometria_lttb as lttb;

/// What can be wrong with a series, its files or its zone map.
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
    /// An error in one table of a FITS file.
    #[error("HDU {hdu}, {source}")]
    InHdu {
        /// The table; the primary HDU is 0.
        hdu: usize,
        /// What is wrong in it.
        source: Box<Error>,
    },
    /// The operating system refused.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried, as a verb with its object.
        action: String,
        /// Its reason.
        source: io::Error,
    },
    /// No file was named.
    #[error("no file was given; name at least one")]
    NoFiles,
    /// The first bytes are those of no format that is read here.
    #[error(
        "it begins with {found:?}, expected parquet, FITS, .npy, numbers in a file that ends in .f32 or the like, or text with a header line and commas"
    )]
    Format {
        /// The first bytes.
        found: String,
    },
    /// The file is compressed as a whole.
    #[error("it is compressed by gzip; unpack it first with `gunzip`")]
    Gzip,
    /// The file has no bytes.
    #[error("it is empty, without even a header")]
    Empty,
    /// A pipe or a device, where rows are read from places all over the file.
    #[error("it is a pipe or a device; write it to a file first")]
    Pipe,
    /// What the file tells of itself is not what is in it.
    #[error("the file is damaged: {reason}")]
    Damaged {
        /// How that is known.
        reason: String,
    },
    /// A column that is not there.
    #[error("column {wanted} is not there{}", other_columns(nearest, there))]
    NoColumn {
        /// The name asked for.
        wanted: String,
        /// The most similar name, if any is similar.
        nearest: Option<String>,
        /// The names there are.
        there: Vec<String>,
    },
    /// The y of a table was not named.
    #[error("it has several columns and none was named as y; name one of {}", listed(there))]
    WhichColumn {
        /// The names there are.
        there: Vec<String>,
    },
    /// A name that several columns have.
    #[error("it has column {name} more than once; give the columns names of their own")]
    TwoColumns {
        /// The name.
        name: String,
    },
    /// A column whose values are no numbers, dates or times.
    #[error("column {column} is of type {found}, expected {wanted}")]
    ColumnType {
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// The types that would do.
        wanted: &'static str,
    },
    /// A value that is not what the column holds, or is missing where there is no NaN to stand for it.
    #[error("{place}, column {column}: found {found}, expected {wanted}")]
    Cell {
        /// Where it is.
        place: Place,
        /// The column.
        column: String,
        /// What stands there.
        found: String,
        /// What should.
        wanted: &'static str,
    },
    /// A line of CSV that is not as wide as the header, or is no text.
    #[error("line {line}: {reason}")]
    Line {
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// x descends within a file or from one file to the next.
    #[error("{place}, column {column}: {found} comes after {before}{}", way_out_of_order(column, earlier))]
    Unsorted {
        /// Where it is.
        place: Place,
        /// The column.
        column: String,
        /// The x that is too low.
        found: String,
        /// The one before it.
        before: String,
        /// The file of the one before it, where that is another.
        earlier: Option<PathBuf>,
    },
    /// A file of the series has other columns than the first.
    #[error("column {column} is {found}, but {wanted} in {first}; the files of a series have the same columns", first = first.display())]
    OtherColumns {
        /// The column.
        column: String,
        /// What it is here.
        found: String,
        /// What it is there.
        wanted: String,
        /// The first file.
        first: PathBuf,
    },
    /// Files of several formats were named as one series.
    #[error("it is {found}, but {first} is {wanted}; the files of a series have one format", first = first.display())]
    OtherFormat {
        /// Its format.
        found: &'static str,
        /// That of the first file.
        wanted: &'static str,
        /// The first file.
        first: PathBuf,
    },
    /// An array of numbers that is not one series.
    #[error("it is an array of {found}, expected {wanted}")]
    Array {
        /// What it is.
        found: String,
        /// What would do.
        wanted: String,
    },
    /// Columns that CSV has no room for.
    #[error("column{} {} cannot be written as CSV, which has no arrays; write parquet instead", plural(columns), columns.join(", "))]
    Nested {
        /// The columns.
        columns: Vec<String>,
    },
    /// Text that is no bound or width for this x.
    #[error("{found:?} is no {what} for {column}, expected {wanted}")]
    Bound {
        /// The text.
        found: String,
        /// What it should have been: a bound or a width.
        what: &'static str,
        /// What x is.
        column: String,
        /// What would do.
        wanted: &'static str,
    },
    /// There is not enough memory for x and y.
    #[error("x and y of {rows} rows do not fit into memory; make a zone map, with which they need not")]
    TooLarge {
        /// The rows.
        rows: usize,
    },
    /// The zone map was made before its series changed.
    #[error("{path} {change} since the zone map was made; make it anew with `ur zonemap`", path = path.display())]
    Stale {
        /// The file that changed.
        path: PathBuf,
        /// How.
        change: String,
    },
    /// The zone map is that of other columns or other files.
    #[error("it is the zone map of {found}, not of {wanted}; make one of these with `ur zonemap`")]
    OtherSeries {
        /// What it maps.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// The zone map is of the first files of the series only.
    #[error("it is the zone map of the first {known} of these {now} files; make it anew with `ur zonemap`")]
    Grown {
        /// The files it maps.
        known: usize,
        /// The files of the series.
        now: usize,
    },
    /// The bytes are no zone map, or not the bytes that were written.
    #[error("this is no usable zone map: {reason}; make it anew with `ur zonemap`")]
    BadZoneMap {
        /// What is wrong.
        reason: String,
    },
    /// The work was stopped on request.
    #[error("interrupted; nothing was written")]
    Interrupted,
    /// A FITS file cannot be read, or a file not be published.
    #[error(transparent)]
    Fits(#[from] fits::Error),
    /// Parquet refused.
    #[error("cannot {action}: {source}")]
    Parquet {
        /// What was tried.
        action: &'static str,
        /// Its reason.
        source: ParquetError,
    },
    /// Arrow refused.
    #[error("cannot {action}: {source}")]
    Arrow {
        /// What was tried.
        action: &'static str,
        /// Its reason.
        source: ArrowError,
    },
    /// The points or the request are not what the down-sampling needs.
    #[error(transparent)]
    Choose(#[from] lttb::Error),
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A row of a table, counted from 0.
    Row(usize),
    /// A line of text, counted from 1.
    Line(u64),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Row(row) => write!(f, "row {row} (counted from 0)"),
            Place::Line(line) => write!(f, "line {line}"),
        }
    }
}

fn other_columns(nearest: &Option<String>, there: &[String]) -> String {
    match nearest {
        Some(name) => format!("; did you mean {name}?"),
        None if there.is_empty() => String::new(),
        None => format!("; there are {}", listed(there)),
    }
}

/// The first dozen names.
fn listed(names: &[String]) -> String {
    const MOST: usize = 12;
    let shown = names.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > MOST { format!("{shown} and {} more", names.len() - MOST) } else { shown }
}

fn plural(columns: &[String]) -> &'static str {
    if columns.len() == 1 { "" } else { "s" }
}

fn way_out_of_order(column: &str, earlier: &Option<PathBuf>) -> String {
    match earlier {
        Some(earlier) => {
            let earlier = earlier.display();
            format!(
                ", the last of {earlier}; give this file before {earlier}, or sort them together if they overlap"
            )
        }
        None => format!("; sort the rows by {column} first"),
    }
}

impl Error {
    /// Names the file in which the error arose.
    pub fn in_file(self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        match self {
            Error::InFile { .. } | Error::Stale { .. } | Error::Interrupted => self,
            Error::Fits(error @ fits::Error::InFile { .. }) => Error::Fits(error),
            Error::Fits(error) => Error::Fits(error.in_file(path)),
            other => Error::InFile { path: path.to_path_buf(), source: Box::new(other) },
        }
    }

    pub(crate) fn io(action: impl Into<String>, source: io::Error) -> Self {
        Error::Io { action: action.into(), source }
    }

    pub(crate) fn damaged(reason: impl Into<String>) -> Self {
        Error::Damaged { reason: reason.into() }
    }

    pub(crate) fn parquet(action: &'static str) -> impl FnOnce(ParquetError) -> Self {
        move |source| Error::Parquet { action, source }
    }

    pub(crate) fn arrow(action: &'static str) -> impl FnOnce(ArrowError) -> Self {
        move |source| Error::Arrow { action, source }
    }
}
