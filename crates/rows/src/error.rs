use std::io;
use std::path::PathBuf;

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;

/// What can go wrong with rows on their way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that is that of no format.
    #[error("format {found:?} is not known, expected one of {}", crate::Format::NAMES.join(", "))]
    Format {
        /// The name.
        found: String,
    },
    /// The ending of a file is that of no format.
    #[error("{path}: ending {ending:?} is not known, expected one of {}; or name a format",
        crate::Format::ENDINGS.map(|(ending, _)| format!(".{ending}")).join(", "), path = path.display())]
    Ending {
        /// The file.
        path: PathBuf,
        /// Its ending.
        ending: String,
    },
    /// A format that is not for terminals.
    #[error("{format} is not for terminals; name a file with --out")]
    Terminal {
        /// The format.
        format: crate::Format,
    },
    /// A file that would be replaced and is of another kind.
    #[error("{path} is there already and is no file of rows in the format {format}; give another name, or remove that file",
        path = path.display())]
    Replaces {
        /// The file.
        path: PathBuf,
        /// What would be written.
        format: crate::Format,
    },
    /// Columns that a format cannot hold.
    #[error("{format} cannot hold {}; leave them out, or write parquet", columns.join(", "))]
    Columns {
        /// The format.
        format: &'static str,
        /// The columns and their types.
        columns: Vec<String>,
    },
    /// Rows cannot be brought into the form that a format has.
    #[error("cannot write rows: {0}")]
    Arrow(#[from] ArrowError),
    /// Parquet cannot be written.
    #[error("cannot write rows: {0}")]
    Parquet(#[from] ParquetError),
    /// A FITS table cannot be written.
    #[error(transparent)]
    Fits(#[from] uranometria_fits::Error),
    /// A VOTable cannot be written.
    #[error(transparent)]
    VoTable(#[from] uranometria_votable::Error),
    /// The operating system refused.
    #[error("cannot write rows: {0}")]
    Io(#[from] io::Error),
}
