//! What can go wrong.

use std::io;
use std::path::{Path, PathBuf};

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;

use crate::condition::Mistakes;
use crate::packet::Damage;

/// What can go wrong with alerts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened, read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An error inside a named file or folder.
    #[error("{}: {source}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
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
    /// A schema is none, or one that is not read here.
    #[error("schema{}: found {found}, expected {wanted}", if place.is_empty() { String::new() } else { format!(", {place}") })]
    Schema {
        /// Where in it, names joined by points.
        place: String,
        /// What is there.
        found: String,
        /// What should be.
        wanted: String,
    },
    /// What a packet was written as cannot be read as what is wanted.
    #[error("field {field}: found {found}, expected {wanted}")]
    Resolution {
        /// The field.
        field: String,
        /// Its type as written.
        found: String,
        /// That wanted.
        wanted: String,
    },
    /// A packet is damaged.
    #[error("packet {packet}, {damage}")]
    Packet {
        /// Its number in the file, from 1.
        packet: u64,
        /// What is wrong with it.
        damage: Damage,
    },
    /// A column or value that Avro cannot hold.
    #[error("{}: found {found}, expected {wanted}", if field.is_empty() { "the columns" } else { field })]
    Encode {
        /// The column.
        field: String,
        /// Its type or value.
        found: String,
        /// What can be.
        wanted: String,
    },
    /// Columns of one form cannot be brought into another.
    #[error("cannot {action}: {source}")]
    Arrow {
        /// What was tried, as a verb with its object.
        action: &'static str,
        /// What the library said.
        source: ArrowError,
    },
    /// Parquet cannot be read or written.
    #[error("cannot {action}: {source}")]
    Parquet {
        /// What was tried, as a verb with its object.
        action: &'static str,
        /// What the decoder or encoder said.
        source: ParquetError,
    },
    /// What another crate of ours says about a file.
    #[error(transparent)]
    Fits(#[from] uranometria_fits::Error),
    /// A file that has no alerts.
    #[error("{found}; expected {wanted}")]
    NoAlerts {
        /// What it is.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// No file was named, or the folders named have none.
    #[error("no file of alerts was given; name Avro or parquet files, folders of them, or @LIST")]
    NoFiles,
    /// The input is not what it was when the work began.
    #[error("it was changed while it was read; run the same command again")]
    Changed,
    /// Alerts lack fields that are needed.
    #[error("{reason}")]
    Fields {
        /// Which, and what was wanted.
        reason: String,
    },
    /// Conditions are wrong.
    #[error("conditions of {origin}\n{mistakes}")]
    Conditions {
        /// Where they were written: an option, or a file.
        origin: String,
        /// What is wrong.
        mistakes: Mistakes,
    },
    /// A catalogue could not be searched.
    #[error("cannot match with a catalogue: {reason}")]
    Lookup {
        /// Why.
        reason: String,
    },
    /// A position is none.
    #[error("cannot test positions: {source}")]
    Sky {
        /// Which.
        source: uranometria_sky::Error,
    },
    /// A filter's file lacks what it must have.
    #[error("{}, line {line}: {reason}", path.display())]
    Filter {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what was wanted.
        reason: String,
    },
    /// An option has a value it cannot have.
    #[error("{option} is {found:?}, expected {wanted}")]
    Option {
        /// The option.
        option: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        wanted: String,
    },
    /// A filter passes more than it may.
    #[error(
        "{passed} of {input} alerts of {night} pass, more than the {share} % that may; \
         make the conditions stricter, or allow more"
    )]
    TooMany {
        /// The night.
        night: String,
        /// Alerts looked at.
        input: u64,
        /// Alerts that passed.
        passed: u64,
        /// The share that may, percent.
        share: f64,
    },
    /// The work was stopped on request.
    #[error("interrupted; run the same command again to go on from here")]
    Interrupted,
}

impl Error {
    pub(crate) fn io(action: impl Into<String>, source: io::Error) -> Self {
        Error::Io { action: action.into(), source }
    }

    pub(crate) fn file(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Error::File { path: path.to_path_buf(), source }
    }

    pub(crate) fn arrow(action: &'static str) -> impl Fn(ArrowError) -> Self {
        move |source| Error::Arrow { action, source }
    }

    pub(crate) fn parquet(action: &'static str) -> impl Fn(ParquetError) -> Self {
        move |source| Error::Parquet { action, source }
    }

    /// Names the file, unless the error names one already.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        match self {
            Error::InFile { .. }
            | Error::File { .. }
            | Error::Fits(uranometria_fits::Error::InFile { .. } | uranometria_fits::Error::Locked { .. })
            | Error::Conditions { .. }
            | Error::Interrupted => self,
            other => Error::InFile { path: path.to_path_buf(), source: Box::new(other) },
        }
    }
}
