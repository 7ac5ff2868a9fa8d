use std::io;

use arrow_schema::ArrowError;

/// What can go wrong with VOTables.
///
/// Rows are counted from 0; bytes are those of the document as it is read, after any decompression.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system, or what the document is read from or written to, refused.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried, as a verb with its object.
        action: &'static str,
        /// Its reason.
        source: io::Error,
    },
    /// The document is not well-formed XML in UTF-8.
    #[error("byte {byte}: {source}")]
    Xml {
        /// Where.
        byte: u64,
        /// What the parser said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The document is XML but not as a VOTable should be, or has data of a kind that is not read.
    #[error("byte {byte}: {found}, expected {wanted}")]
    Structure {
        /// Where, just behind what was found.
        byte: u64,
        /// What is there.
        found: String,
        /// What should be there.
        wanted: String,
    },
    /// Something is longer than [`ReaderOptions::max_row_bytes`](crate::ReaderOptions::max_row_bytes) allows.
    #[error("byte {byte}: {what} of more than {limit} bytes; raise the limit `max_row_bytes` if it is meant")]
    TooLong {
        /// Where.
        byte: u64,
        /// What is too long.
        what: String,
        /// The limit.
        limit: usize,
    },
    /// The table asked for is not there.
    #[error("{wanted} is not there; {}", tables(there))]
    NoTable {
        /// The table asked for.
        wanted: String,
        /// The tables there are.
        there: Vec<String>,
    },
    /// The document has no table but the message of a service that could not make one.
    #[error("the service reports: {message}")]
    Reported {
        /// The text of the INFO named QUERY_STATUS.
        message: String,
    },
    /// A FIELD that cannot be understood.
    #[error("{table}, column {column}, byte {byte}: {found}, expected {wanted}")]
    Field {
        /// The table.
        table: String,
        /// The name of the column, or its number.
        column: String,
        /// Where, behind the element FIELD.
        byte: u64,
        /// What is there.
        found: String,
        /// What should be there.
        wanted: String,
    },
    /// A row whose cells are not those of the table.
    #[error("{table}, row {row}, byte {byte}: {found}, expected {wanted}")]
    Row {
        /// The table.
        table: String,
        /// The row.
        row: u64,
        /// Where; for BINARY and BINARY2, at which byte of the decoded stream.
        byte: u64,
        /// What is there.
        found: String,
        /// What should be there.
        wanted: String,
    },
    /// A cell that is not of the type of its column.
    #[error("{table}, row {row}, column {column}, byte {byte}: {found}, expected {wanted}")]
    Cell {
        /// The table.
        table: String,
        /// The row.
        row: u64,
        /// The column.
        column: String,
        /// Where, behind the cell; for BINARY and BINARY2, behind which byte of the decoded stream.
        byte: u64,
        /// What is there.
        found: String,
        /// What should be there.
        wanted: String,
    },
    /// A column that cannot be written: a type that VOTable does not have, or metadata that contradict the type.
    #[error("column {column}: {found}, expected {wanted}")]
    Schema {
        /// The column.
        column: String,
        /// What it is.
        found: String,
        /// What it should be.
        wanted: String,
    },
    /// A value that cannot be written.
    #[error("column {column}, row {row}: {found}, expected {wanted}")]
    Value {
        /// The column.
        column: String,
        /// The row of the table.
        row: u64,
        /// The value.
        found: String,
        /// What it should be.
        wanted: String,
    },
    /// A batch whose columns are not those of the writer's schema.
    #[error("a batch of {found}, expected {wanted}")]
    Batch {
        /// What it has.
        found: String,
        /// What it should have.
        wanted: String,
    },
    /// Columns cannot be joined to a batch.
    #[error("cannot make a batch: {source}")]
    Arrow {
        /// What Arrow said.
        source: ArrowError,
    },
}

fn tables(there: &[String]) -> String {
    match there {
        [] => "the document has no table".to_string(),
        there => format!("there are {}", there.join(", ")),
    }
}

/// What a value is and what it should be; who knows where it stands makes an [`Error`] of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub(crate) found: String,
    pub(crate) wanted: String,
}

impl Misfit {
    pub(crate) fn new(found: impl Into<String>, wanted: impl Into<String>) -> Self {
        Misfit { found: found.into(), wanted: wanted.into() }
    }
}

/// Quotes a text that may be long.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?} and more", &text[..end]),
        None => format!("{text:?}"),
    }
}
