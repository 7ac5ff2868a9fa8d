//! What can go wrong.

use std::io;
use std::path::{Path, PathBuf};

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;

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
    /// The work was stopped on request.
    #[error("interrupted; run the same command again to go on from here")]
    Interrupted,
}

impl Error {
    pub(crate) fn io(action: impl Into<String>, source: io::Error) -> Self {
        Error::Io { action: action.into(), source }
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
            | Error::Interrupted => self,
            other => Error::InFile { path: path.to_path_buf(), source: Box::new(other) },
        }
    }
}
