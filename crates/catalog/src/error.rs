use std::io;
use std::path::{Path, PathBuf};

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;
use uranometria_fits as fits;
use uranometria_sky as sky;

/// What can go wrong with catalogues.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An error inside a named file or folder.
    #[error("{path}: {source}", path = path.display())]
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
    /// Parquet cannot be read or written.
    #[error("cannot {action}: {source}")]
    Parquet {
        /// What was tried, as a verb with its object.
        action: &'static str,
        /// What the decoder or encoder said.
        source: ParquetError,
    },
    /// Rows of one form cannot be brought into another.
    #[error("cannot {action}: {source}")]
    Arrow {
        /// What was tried, as a verb with its object.
        action: &'static str,
        /// What the decoder or encoder said.
        source: ArrowError,
    },
    /// A FITS file cannot be read or written.
    #[error(transparent)]
    Fits(#[from] fits::Error),
    /// A VOTable cannot be read.
    #[error(transparent)]
    VoTable(#[from] uranometria_votable::Error),
    /// A place or region that is none.
    #[error(transparent)]
    Sky(#[from] sky::Error),
    /// No file was named.
    #[error("no file was given; name at least one table")]
    NoFiles,
    /// A path that is no file.
    #[error("is {found}; give files of parquet, CSV, ECSV, FITS or VOTable, or a HATS catalogue")]
    NoTable {
        /// What it is.
        found: &'static str,
    },
    /// A folder of an archive that is no table.
    #[error("is neither a HATS catalogue nor has it files that are tables; take it out of the archive")]
    NoTables,
    /// A table of an archive that cannot be named in queries.
    #[error("its name {reason}; rename it")]
    ArchiveName {
        /// What is wrong with its name.
        reason: &'static str,
    },
    /// The first bytes are those of no format that is read here.
    #[error(
        "it begins with {found:?}{}, expected parquet, a FITS binary table, a VOTable, ECSV, or text with a header \
         line and commas or tabs; the texts among them may be gzipped", if *packed { " when it is unpacked" } else { "" }
    )]
    Format {
        /// The first bytes.
        found: String,
        /// Whether the file is gzipped.
        packed: bool,
    },
    /// The header of a table of text is not that of ECSV.
    #[error("its comments begin as those of ECSV and are not: found {found}, expected YAML with datatype")]
    Ecsv {
        /// What is wrong.
        found: String,
    },
    /// A column that is not there.
    #[error("column {wanted} is not there{}", other_columns(nearest, there))]
    NoColumn {
        /// The column asked for.
        wanted: String,
        /// The one most like it, if one is.
        nearest: Option<String>,
        /// All there are.
        there: Vec<String>,
    },
    /// A column of a type that its use does not allow.
    #[error("column {column} is {found}, expected {wanted}")]
    ColumnType {
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A column that is wanted twice.
    #[error("column {column} is wanted twice; name it once, as a result has columns of different names")]
    Twice {
        /// The column.
        column: String,
    },
    /// The columns of a file are not those of the first.
    #[error("its columns are not those of {first}: {difference}", first = first.display())]
    OtherColumns {
        /// The first file.
        first: PathBuf,
        /// The first difference.
        difference: String,
    },
    /// A row whose position is none.
    #[error(
        "row {row}, {column}: found {found}, expected {wanted}; mend it, or leave such rows out with --skip-bad"
    )]
    BadRow {
        /// The row, from 1.
        row: u64,
        /// The column.
        column: String,
        /// What is there.
        found: String,
        /// What should be there.
        wanted: &'static str,
    },
    /// No row is left to make a catalogue of.
    #[error("there are no rows with a position; a catalogue needs at least one")]
    NoRows,
    /// The folder is not a HATS catalogue.
    #[error("is not a HATS catalogue: {reason}")]
    NotHats {
        /// What was found and wanted.
        reason: String,
    },
    /// A property of a catalogue is missing or wrong.
    #[error("property {key}: found {found}, expected {wanted}")]
    Property {
        /// Its name.
        key: &'static str,
        /// Its value, or "nothing".
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// The catalogue would replace something that is no catalogue.
    #[error("is there already and is no HATS catalogue; give another name or remove it")]
    Occupied,
    /// A table lies in the catalogue that it would make.
    #[error("lies inside {out}, which would be replaced; give another name for the catalogue", out = out.display())]
    Inside {
        /// The catalogue.
        out: PathBuf,
    },
    /// The inputs changed between two readings.
    #[error("found {found} rows, expected {expected}; was a file changed meanwhile? run the command again")]
    RowCount {
        /// Rows found.
        found: u64,
        /// Rows expected.
        expected: u64,
    },
    /// A file is another one than when its columns were found.
    #[error("it was replaced or changed meanwhile; open it again")]
    Replaced,
    /// A table has other rows than when they were counted.
    #[error(
        "its rows are not those that were counted; was a table changed meanwhile? run the same command again"
    )]
    Changed,
    /// An option that cannot be.
    #[error("{option} is {found}, expected {wanted}")]
    Option {
        /// Which.
        option: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        wanted: &'static str,
    },
    /// A text that is no condition.
    #[error(
        "condition {found:?} is not understood, expected COLUMN, one of < <= = <> >= >, and a number or a 'text'"
    )]
    Condition {
        /// The text.
        found: String,
    },
    /// The work was stopped on request.
    #[error("interrupted; run the same command again to go on from here")]
    Interrupted,
}

impl Error {
    pub(crate) fn io(action: impl Into<String>, source: io::Error) -> Self {
        Error::Io { action: action.into(), source }
    }

    pub(crate) fn parquet(action: &'static str) -> impl Fn(ParquetError) -> Self {
        move |source| Error::Parquet { action, source }
    }

    pub(crate) fn arrow(action: &'static str) -> impl Fn(ArrowError) -> Self {
        move |source| Error::Arrow { action, source }
    }

    /// Names the file, unless the error names one already.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        match self {
            Error::InFile { .. } | Error::Fits(fits::Error::InFile { .. }) | Error::Interrupted => self,
            other => Error::InFile { path: without_password(path), source: Box::new(other) },
        }
    }
}

/// The path, without what stands for a password where it is a URL.
pub(crate) fn without_password(path: &Path) -> PathBuf {
    let hidden = || {
        let (scheme, rest) = path.to_str()?.split_once("://")?;
        let host = rest.split('/').next()?;
        // Secrets may have any signs in them, also those that part a URL.
        let end = match host.rfind('@') {
            Some(end) => end,
            None if host.split_once(':')?.1.bytes().all(|byte| byte.is_ascii_digit()) => return None,
            None => rest.rfind('@')?,
        };
        let (user, _) = rest[..end].split_once(':')?;
        Some(PathBuf::from(format!("{scheme}://{user}:***{}", &rest[end..])))
    };
    hidden().unwrap_or_else(|| path.to_path_buf())
}

fn other_columns(nearest: &Option<String>, there: &[String]) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean {nearest}?"),
        None if there.len() <= 20 => format!("; there are {}", there.join(", ")),
        None => format!("; there are {} others, the first {}", there.len(), there[..20].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_told() {
        for (path, told) in [
            ("s3://key:secret@bucket/gaia", "s3://key:***@bucket/gaia"),
            ("s3://key:sec/ret+@bucket/gaia", "s3://key:***@bucket/gaia"),
            ("https://me:se:c@ret@host", "https://me:***@host"),
            ("s3://key:secret@bucket/gaia/a@b", "s3://key:***@bucket/gaia/a@b"),
            ("https://me@x.org:secret@host/gaia", "https://me@x.org:***@host/gaia"),
            ("https://host:8080/gaia@v2/x", "https://host:8080/gaia@v2/x"),
            ("https://me@host/x:y@z", "https://me@host/x:y@z"),
            ("data/a:b@c", "data/a:b@c"),
        ] {
            assert_eq!(without_password(Path::new(path)), PathBuf::from(told));
        }
    }
}
