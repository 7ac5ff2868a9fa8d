use std::io;
use std::path::{Path, PathBuf};

/// What can be wrong with a FITS file or with reading it.
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
    /// An error inside one HDU.
    #[error("HDU {hdu}: {source}")]
    InHdu {
        /// The HDU, 0 for the primary one.
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
    /// The first bytes are not those of a FITS file or extension.
    #[error("not FITS: it begins with {found:?}, expected {wanted:?}")]
    NotFits {
        /// The first bytes.
        found: String,
        /// The keyword that stands there in FITS.
        wanted: &'static str,
    },
    /// The header has no END card.
    #[error("the header has no END card within {read} bytes")]
    NoEnd {
        /// How many bytes were searched.
        read: u64,
    },
    /// A keyword that must be there is not.
    #[error("keyword {keyword} is missing, expected {wanted}")]
    MissingKeyword {
        /// The keyword.
        keyword: String,
        /// What it should hold.
        wanted: String,
    },
    /// A keyword holds something that it cannot.
    #[error("card {card}: {keyword} is {found}, expected {wanted}")]
    BadKeyword {
        /// The card's number in the header, counted from 1.
        card: usize,
        /// The keyword.
        keyword: String,
        /// Its value as it stands in the file.
        found: String,
        /// What it should hold.
        wanted: String,
    },
    /// The file ends before its data do.
    #[error(
        "truncated: the data end at byte {wanted} but the file at byte {found}; fetch or copy the file again"
    )]
    Truncated {
        /// Length that the header asks for, in bytes.
        wanted: u64,
        /// Length of the file, in bytes.
        found: u64,
    },
    /// The sizes in the header multiply to more than 64 bits or the memory hold.
    #[error("the data are too large: {sizes}")]
    TooLarge {
        /// The factors.
        sizes: String,
    },
    /// A table has no column of that name.
    #[error("column {wanted} is not in the table{}", did_you_mean(nearest))]
    NoColumn {
        /// The name asked for.
        wanted: String,
        /// The most similar name that is there.
        nearest: Option<String>,
    },
    /// A column holds another type than was asked for.
    #[error("column {column} is of type {found}, expected {wanted}")]
    ColumnType {
        /// The column.
        column: String,
        /// Its TFORM.
        found: String,
        /// The types that would do.
        wanted: &'static str,
    },
    /// The descriptor of a variable-length array points beyond the table's heap.
    #[error(
        "column {column}, row {row}: its array of {count} elements begins at byte {offset} of the heap, which has {heap} \
         bytes"
    )]
    Descriptor {
        /// The column.
        column: String,
        /// The row, counted from 0.
        row: usize,
        /// Elements of the array as the descriptor has them.
        count: u64,
        /// Byte offset in the heap as the descriptor has it.
        offset: u64,
        /// Length of the heap in bytes.
        heap: u64,
    },
    /// A range of rows is not in the table.
    #[error("rows {from}..{to} were asked for, but the table has {rows}")]
    NoRows {
        /// The first row asked for.
        from: usize,
        /// The row behind the last one asked for.
        to: usize,
        /// The rows there are.
        rows: usize,
    },
    /// The file has no binary table, or none of that name.
    #[error("it has no binary table{}", wanted.as_ref().map_or(String::new(), |name| format!(" named {name:?}")))]
    NoTable {
        /// The name asked for.
        wanted: Option<String>,
    },
    /// A value cannot be written into its column, or a column not into a table.
    #[error("column {column}{}: found {found}, expected {wanted}", in_row(row))]
    Unwritable {
        /// The column.
        column: String,
        /// The row, counted from 0; `None` where the whole column is meant.
        row: Option<u64>,
        /// The value or type.
        found: String,
        /// What could be written.
        wanted: String,
    },
    /// Arrow refused.
    #[cfg(feature = "arrow")]
    #[error("Arrow cannot {action}: {source}")]
    Arrow {
        /// What was tried.
        action: &'static str,
        /// Its reason.
        source: arrow_schema::ArrowError,
    },
    /// The HDU is of another kind than was asked for.
    #[error("it is {found}, expected {wanted}")]
    WrongKind {
        /// The kind of the HDU.
        found: String,
        /// The kind that was wanted.
        wanted: &'static str,
    },
    /// A stored checksum does not match the bytes.
    #[error("{keyword} is {found}, but the bytes give {wanted}; the file is damaged")]
    Checksum {
        /// DATASUM or CHECKSUM.
        keyword: &'static str,
        /// What the header says.
        found: String,
        /// What was computed.
        wanted: String,
    },
    /// cfitsio refused a file.
    #[error("cfitsio cannot {action}: {message} (status {status})")]
    Cfitsio {
        /// What was tried.
        action: &'static str,
        /// cfitsio's own words.
        message: String,
        /// cfitsio's status.
        status: i32,
    },
    /// Another process is writing the same file.
    #[error("another process is writing {path}; wait for it or end it", path = path.display())]
    Locked {
        /// The file both want to write.
        path: PathBuf,
    },
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or(String::new(), |name| format!("; did you mean {name}?"))
}

fn in_row(row: &Option<u64>) -> String {
    row.map_or(String::new(), |row| format!(", row {row}"))
}

impl Error {
    /// Names the file in which the error arose.
    pub fn in_file(self, path: impl AsRef<Path>) -> Self {
        match self {
            Error::InFile { .. } => self,
            other => Error::InFile { path: path.as_ref().to_path_buf(), source: Box::new(other) },
        }
    }

    /// Names the HDU in which the error arose.
    pub fn in_hdu(self, hdu: usize) -> Self {
        match self {
            Error::InFile { .. } | Error::InHdu { .. } | Error::Io { .. } => self,
            other => Error::InHdu { hdu, source: Box::new(other) },
        }
    }

    /// Wraps an error of the operating system with what was tried.
    pub fn io(action: impl Into<String>, source: io::Error) -> Self {
        Error::Io { action: action.into(), source }
    }
}
